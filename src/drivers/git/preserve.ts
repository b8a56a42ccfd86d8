import type { Outcome, Settlement, StepContext, StepJob } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { JsonObject } from "../../core/json.js";
import type { GitData } from "./capture.js";
import { git, gitSays } from "./git.js";
import { lookAt } from "./look.js";
import { passLocks } from "./marker.js";
import type { GitOptions } from "./options.js";
import { openRepository, type Repository, short } from "./repository.js";
import { commitWork } from "./work-commit.js";
import { withWorkspace } from "./workspace.js";

export type GitJob = StepJob<GitOptions, GitData>;

/** Under it lies what the run set aside; the name is the same on every attempt. */
export const preservedRef = ({ key }: StepContext): string =>
  `refs/backout/${(key.split("/")[0] ?? key).replaceAll(/[^\w-]/g, "-")}`;

export const strings = (input: JsonObject, name: string): string[] => {
  const value = input[name];
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === "string") : [];
};

export const isPreserved = ({ top }: Repository, context: StepContext): Promise<boolean> =>
  gitSays(context, top, ["show-ref", "--verify", "--quiet", preservedRef(context)]);

export const changedSincePlan = (path: string, now: string): BackoutError =>
  new BackoutError("CONFLICT", `${path}: was changed after the plan was made, it is now ${now}`, {
    effect: "none",
    hint: "look who changes it, then plan again",
  });

/** A commit under a ref of its own: reachable, so never collected; on no branch, so in nobody's way. */
export async function preserve(job: GitJob, context: StepContext): Promise<Outcome> {
  const { options, input } = job;
  const repository = await openRepository(options.path, context);
  const ref = preservedRef(context);
  if (await isPreserved(repository, context)) return { summary: `${ref} is there already`, changed: false };
  return withWorkspace(repository, context, async (workspace) => {
    const look = await lookAt(repository, workspace, context);
    if (look.commit !== input["commit"] || look.tree !== input["tree"])
      throw changedSincePlan(options.path, `commit ${short(look.commit)} with files ${short(look.tree)}`);
    const { top, commonDir } = repository;
    const work = await commitWork(
      repository,
      workspace,
      context,
      workspace.indexOnly,
      strings(input, "force"),
    );
    // The lock is named for this run, so whoever left it was an earlier attempt.
    const lock = `${commonDir}/${ref}.lock`;
    if ((await context.host.files.stat(lock)) !== undefined)
      await passLocks(repository, context, { mine: true, at: 0 }, [lock]);
    await git(context, top, ["update-ref", "--create-reflog", "-m", "backout: set aside", ref, work, ""], {
      effect: "unknown",
    });
    return {
      summary: `set aside as ${ref} (git checkout ${ref} -- <path> brings a file back)`,
      changed: true,
    };
  });
}

export async function settlePreserve(job: GitJob, context: StepContext): Promise<Settlement> {
  const repository = await openRepository(job.options.path, context);
  const there = await isPreserved(repository, context);
  const ref = preservedRef(context);
  return {
    state: there ? "applied" : "not-applied",
    summary: `${ref} ${there ? "exists" : "does not exist"}`,
  };
}
