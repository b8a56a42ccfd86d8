import type { CapturedPart, Outcome, Settlement, StepContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { GitData } from "./capture.js";
import { ensureCommit, hasCommit, takeWorkIn, treeWith } from "./captured-tree.js";
import { type GitCall, git, gitSays, runGit } from "./git.js";
import { type Look, lookAt, placeOf } from "./look.js";
import { passLocks, readMarker, removeMarker, writeMarker } from "./marker.js";
import { changedSincePlan, type GitJob, isPreserved, preservedRef, strings } from "./preserve.js";
import { openRepository, type Repository, short } from "./repository.js";
import { leftAloneFile, type Workspace, withWorkspace } from "./workspace.js";

const afterEffect: GitCall = { effect: "unknown" };

function capturedOf({ captured, options }: GitJob): CapturedPart<GitData> {
  if (captured !== undefined) return captured;
  throw new BackoutError("REFUSED", `${options.path}: nothing was captured of it`, { effect: "none" });
}

/** What the files were before the step: set aside, or simply the commit where nothing was uncommitted. */
function sourceOf({ input }: GitJob, context: StepContext): string {
  const { preserved, commit } = input;
  return preserved === true || typeof commit !== "string" ? preservedRef(context) : commit;
}

/** The tree that the files are to make: the captured one, with what is kept as it was before the step. */
async function wantedTree(
  repository: Repository,
  job: GitJob,
  context: StepContext,
  env: Workspace["env"],
): Promise<string> {
  const captured = capturedOf(job);
  await takeWorkIn(repository, captured, context, env);
  const keep = strings(job.input, "keep");
  return treeWith(repository, captured.data.tree, keep, sourceOf(job, context), context, env);
}

const isBack = (look: Look, commit: string, tree: string): boolean =>
  look.commit === commit && look.tree === tree && look.operation === undefined;

const isBefore = (look: Look, { input }: GitJob): boolean =>
  look.commit === input["commit"] && look.tree === input["tree"];

/**
 * The index first takes over everything that was set aside, so that the checkout itself removes the files that the
 * commit does not have. What was ignored is in neither and stays.
 */
async function checkOut(
  repository: Repository,
  job: GitJob,
  tree: string,
  force: boolean,
  context: StepContext,
): Promise<void> {
  const { top } = repository;
  const { commit } = capturedOf(job).data;
  if (force) await git(context, top, ["read-tree", "--reset", sourceOf(job, context)], afterEffect);
  const args = ["checkout", "--quiet", ...(force ? ["--force"] : []), "--detach", commit];
  await git(context, top, args, afterEffect);
  if (tree === (await git(context, top, ["rev-parse", `${commit}^{tree}`], afterEffect))) return;
  await git(context, top, ["read-tree", "--reset", "-u", tree], afterEffect);
  await git(context, top, ["reset", "--quiet"], afterEffect);
}

/** On the branch again where it still is at the commit; otherwise HEAD stays detached and the branch where it is. */
async function attach(
  { top }: Repository,
  { data }: CapturedPart<GitData>,
  context: StepContext,
): Promise<string> {
  if (data.branch === null) return "HEAD detached, as it was";
  const ref = `refs/heads/${data.branch}`;
  const at = await runGit(context, top, ["rev-parse", "--verify", "--quiet", ref]);
  if (at.stdout.trim() !== data.commit) return `HEAD detached, branch ${data.branch} stays where it is`;
  await git(context, top, ["symbolic-ref", "-m", "backout: back on the branch", "HEAD", ref], afterEffect);
  return `on branch ${data.branch}`;
}

/** Files that only the version left ignored would look like uncommitted work from now on: noted, and left where they are. */
async function noteLeftAlone(
  repository: Repository,
  workspace: Workspace,
  tree: string,
  context: StepContext,
): Promise<void> {
  const { top } = repository;
  const { files } = context.host;
  const call = { env: workspace.indexOnly, ...afterEffect };
  await git(context, top, ["read-tree", "--reset", tree], call);
  const others = await git(
    context,
    top,
    ["ls-files", "--others", "--exclude-standard", "--directory", "-z"],
    call,
  );
  const patterns = others
    .split("\0")
    .filter((path) => path !== "" && !path.includes("\n"))
    .map((path) => `/${path.replaceAll(/[\\*?[\]]/g, "\\$&").replace(/ $/, "\\ ")}`);
  if (patterns.length === 0) return;
  const path = leftAloneFile(repository);
  const before =
    (await files.stat(path)) === undefined ? "" : new TextDecoder().decode(await files.read(path));
  const all = [...new Set([...before.split("\n").filter((line) => line !== ""), ...patterns])];
  await files.write(path, `${all.join("\n")}\n`);
  context.log(`left alone, since the version left ignored them: ${patterns.join(" ")}`);
}

export async function restore(job: GitJob, context: StepContext): Promise<Outcome> {
  const { options, input } = job;
  const captured = capturedOf(job);
  const repository = await openRepository(options.path, context);
  const { gitDir, top } = repository;
  const marker = await readMarker(repository, context);
  await passLocks(repository, context, marker, [`${gitDir}/index.lock`, `${gitDir}/HEAD.lock`]);
  await ensureCommit(repository, captured, options, context);
  return withWorkspace(repository, context, async (workspace) => {
    const tree = await wantedTree(repository, job, context, workspace.indexOnly);
    const look = await lookAt(repository, workspace, context);
    const { commit } = captured.data;
    if (isBack(look, commit, tree) && marker?.mine !== true)
      return { summary: `${options.path} is at ${short(commit)} with the captured files`, changed: false };
    if (marker?.mine !== true && !isBefore(look, job))
      throw changedSincePlan(options.path, `${placeOf(look)} with files ${short(look.tree)}`);
    const preserved = input["preserved"] === true;
    if (preserved && !(await isPreserved(repository, context))) {
      throw new BackoutError(
        "REFUSED",
        `${options.path}: ${preservedRef(context)} is missing, nothing was set aside`,
        {
          effect: "none",
          hint: "plan again",
        },
      );
    }
    await writeMarker(repository, context);
    await checkOut(repository, job, tree, preserved || marker?.mine === true, context);
    const where = await attach(repository, captured, context);
    await noteLeftAlone(repository, workspace, tree, context);
    await removeMarker(repository, context);
    if (!(await gitSays(context, top, ["diff-index", "--quiet", "--cached", "HEAD", "--"]))) {
      throw new BackoutError("CHECK_FAILED", `${options.path}: the index differs from ${short(commit)}`, {
        effect: "applied",
        hint: `git -C ${options.path} status`,
      });
    }
    return {
      summary: `${options.path} → ${short(commit)} "${captured.data.subject}", ${where}`,
      changed: true,
    };
  });
}

export async function settleRestore(job: GitJob, context: StepContext): Promise<Settlement> {
  const { path } = job.options;
  const captured = capturedOf(job);
  const { commit } = captured.data;
  const repository = await openRepository(path, context);
  const marker = await readMarker(repository, context);
  return withWorkspace(repository, context, async (workspace) => {
    const look = await lookAt(repository, workspace, context);
    const now = `${placeOf(look)} with files ${short(look.tree)}`;
    if (marker?.mine !== true && isBefore(look, job))
      return { state: "not-applied", summary: `${path} is ${now}, as before` };
    if (marker?.mine === true)
      return { state: "partial", summary: `${path} is ${now}, its checkout was cut off` };
    const here = await hasCommit(repository, commit, context);
    if (here && isBack(look, commit, await wantedTree(repository, job, context, workspace.env)))
      return { state: "applied", summary: `${path} is at ${short(commit)} with the captured files` };
    return { state: "unknown", summary: `${path} is ${now}, neither as before nor as captured` };
  });
}
