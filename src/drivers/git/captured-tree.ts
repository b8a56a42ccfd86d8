import type { CapturedPart, DriverContext, ObserveContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { bundleName, type GitData, isDirty } from "./capture.js";
import { git, gitSays, runGit } from "./git.js";
import type { GitOptions } from "./options.js";
import type { Repository } from "./repository.js";
import { remoteError, remoteTimeoutMs } from "./tag.js";
import type { Workspace } from "./workspace.js";

type Env = Workspace["env"];

export const hasCommit = ({ top }: Repository, commit: string, context: DriverContext): Promise<boolean> =>
  gitSays(context, top, ["cat-file", "-e", `${commit}^{commit}`]);

/** Makes sure that the captured commit is here, from the remote where it is not. */
export async function ensureCommit(
  repository: Repository,
  { data }: CapturedPart<GitData>,
  options: GitOptions,
  context: DriverContext,
): Promise<void> {
  if (await hasCommit(repository, data.commit, context)) return;
  const { remote } = options;
  if (remote !== undefined) {
    const args = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", remote, `refs/tags/${data.tag}`];
    const result = await runGit(context, repository.top, args, { timeoutMs: 4 * remoteTimeoutMs });
    if (result.exitCode !== 0) throw remoteError(remote, result);
    if (await hasCommit(repository, data.commit, context)) return;
  }
  throw new BackoutError("NOT_FOUND", `${options.path}: commit "${data.commit}" is not in the repository`, {
    effect: "none",
    hint: `git fetch <remote> tag ${data.tag}`,
  });
}

/** Takes the objects of the captured uncommitted work in: into `env`'s object folder where it has one. */
export async function takeWorkIn(
  { top }: Repository,
  captured: CapturedPart<GitData>,
  { artifacts, ...context }: ObserveContext,
  env: Env,
): Promise<void> {
  if (!isDirty(captured.data)) return;
  if (artifacts === undefined) {
    throw new BackoutError("ARTIFACT_MISSING", `${bundleName}: the checkpoint is not at hand`, {
      effect: "none",
    });
  }
  const path = await artifacts.file(bundleName);
  await git(context, top, ["bundle", "unbundle", path], { env });
}

/** The tree without the paths, and with those of `from` in their place where it is given. */
export async function treeWith(
  { top }: Repository,
  tree: string,
  paths: readonly string[],
  from: string | undefined,
  context: DriverContext,
  env: Env,
): Promise<string> {
  if (paths.length === 0) return tree;
  const call = { env };
  await git(context, top, ["read-tree", "--reset", tree], call);
  for (const path of paths) {
    await git(
      context,
      top,
      ["rm", "-r", "--cached", "--force", "--quiet", "--ignore-unmatch", "--", path],
      call,
    );
    if (from === undefined) continue;
    const entries = await git(context, top, ["ls-tree", "-r", "-z", from, "--", path], call);
    if (entries !== "")
      await git(context, top, ["update-index", "-z", "--index-info"], { env, input: entries });
  }
  return git(context, top, ["write-tree"], call);
}
