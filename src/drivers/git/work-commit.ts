import type { DriverContext } from "../../core/driver.js";
import { git, runGit } from "./git.js";
import type { Repository } from "./repository.js";
import { treeOfFiles, type Workspace } from "./workspace.js";

/**
 * A commit of all the files as they are now, on top of HEAD, on no branch, with what was staged as its second parent:
 * made the way `git stash` makes one, but without touching files or index.
 */
export async function commitWork(
  repository: Repository,
  workspace: Workspace,
  context: DriverContext,
  env: Workspace["env"],
  force: readonly string[] = [],
): Promise<string> {
  const { top, gitDir } = repository;
  const { files } = context.host;
  const staged = { ...env, GIT_INDEX_FILE: `${workspace.folder}/staged` };
  const index = `${gitDir}/index`;
  if ((await files.stat(index)) !== undefined)
    await files.write(staged.GIT_INDEX_FILE, await files.read(index));
  // In the middle of a merge there is no staged tree; the files themselves are kept all the same.
  const stagedTree = await runGit(context, top, ["write-tree"], { env: staged });
  const parents = ["-p", "HEAD"];
  if (stagedTree.exitCode === 0) {
    const args = ["commit-tree", "-p", "HEAD", "-m", "What was staged", stagedTree.stdout.trim()];
    parents.push("-p", await git(context, top, args, { env }));
  }
  const tree = await treeOfFiles(repository, workspace, context, { force, env });
  return git(context, top, ["commit-tree", ...parents, "-m", "Uncommitted and untracked work", tree], {
    env,
  });
}
