import type { DriverContext } from "../../core/driver.js";
import { git } from "./git.js";
import { type GitOperation, type Head, headOf, operationOf, type Repository, short } from "./repository.js";
import { ignoreSettings, treeOfFiles, type Workspace } from "./workspace.js";

/** What a work tree is now. */
export interface Look extends Head {
  readonly tree: string;
  /** The tree of HEAD itself. */
  readonly headTree: string;
  /** Files changed, removed or staged, and files that git does not know. */
  readonly modified: number;
  readonly untracked: number;
  readonly operation: GitOperation | undefined;
}

export async function lookAt(
  repository: Repository,
  workspace: Workspace,
  context: DriverContext,
): Promise<Look> {
  const { top } = repository;
  const head = await headOf(repository, context);
  const settings = await ignoreSettings(repository, workspace, context);
  let modified = 0;
  let untracked = 0;
  await git(context, top, ["status", "--porcelain", "--untracked-files=all", "--ignore-submodules=dirty"], {
    settings,
    onLine: (line) => {
      if (line.startsWith("??")) untracked++;
      else modified++;
    },
  });
  return {
    ...head,
    modified,
    untracked,
    tree: await treeOfFiles(repository, workspace, context),
    headTree: await git(context, top, ["rev-parse", `${head.commit}^{tree}`]),
    operation: await operationOf(repository, context),
  };
}

/** By content: the commit, and the tree of the files where it is not the commit's own. */
export const identityOf = ({ commit, tree, headTree }: Pick<Look, "commit" | "tree" | "headTree">): string =>
  tree === headTree ? `commit:${commit}` : `commit:${commit} tree:${tree}`;

export function uncommitted({ modified, untracked }: Pick<Look, "modified" | "untracked">): string {
  const parts = [
    ...(modified === 0 ? [] : [`${modified} changed`]),
    ...(untracked === 0 ? [] : [`${untracked} untracked`]),
  ];
  return parts.length === 0 ? "nothing uncommitted" : `not committed: ${parts.join(", ")}`;
}

export const placeOf = ({ branch, commit }: Pick<Look, "branch" | "commit">): string =>
  `${branch ?? "detached"} at ${short(commit)}`;
