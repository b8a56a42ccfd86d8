import type { CapturedPart, Observation, ObserveContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { GitData } from "./capture.js";
import { hasCommit, takeWorkIn } from "./captured-tree.js";
import { git } from "./git.js";
import { findInTheWay, type InTheWay } from "./in-the-way.js";
import { identityOf, lookAt, placeOf, uncommitted } from "./look.js";
import type { GitOptions } from "./options.js";
import { openRepository, type Repository, short } from "./repository.js";
import { pathsBetween, type Workspace, withWorkspace } from "./workspace.js";

export type SinceCapture = {
  /** Commits that are in HEAD now and were not, merges among them; commits that were and are not. */
  readonly newer: number;
  readonly merges: number;
  readonly older: number;
  /** First lines of the newest ones. */
  readonly subjects: readonly string[];
  /** Paths that differ, at most 1000; null where the captured files are not at hand. */
  readonly paths: readonly string[] | null;
  readonly files: number;
  readonly inTheWay: InTheWay | null;
};

export type GitSeen = {
  readonly commit: string;
  readonly branch: string | null;
  readonly tree: string;
  readonly modified: number;
  readonly untracked: number;
  readonly operation: string | null;
  /** Some branch or tag leads to HEAD: it is not lost when HEAD moves. */
  readonly onRef: boolean;
  /** Null where nothing was captured, or its commit is not in this repository. */
  readonly since: SinceCapture | null;
};

const mostPaths = 1000;

async function sinceCapture(
  repository: Repository,
  workspace: Workspace,
  captured: CapturedPart<GitData>,
  tree: string,
  context: ObserveContext,
): Promise<SinceCapture | null> {
  const { top } = repository;
  const { commit } = captured.data;
  if (!(await hasCommit(repository, commit, context))) return null;
  const count = async (...args: string[]): Promise<number> =>
    Number(await git(context, top, ["rev-list", "--count", ...args]));
  const subjects = await git(context, top, ["log", "--max-count=10", "--format=%h %s", `${commit}..HEAD`]);
  const counted = {
    newer: await count(`${commit}..HEAD`),
    merges: await count("--merges", `${commit}..HEAD`),
    older: await count(`HEAD..${commit}`),
    subjects: subjects.split("\n").filter((line) => line !== ""),
  };
  try {
    await takeWorkIn(repository, captured, context, workspace.env);
  } catch (error) {
    if (!(error instanceof BackoutError)) throw error;
    context.log(`the captured files are not at hand, so differing files are not named: ${error.message}`);
    return { ...counted, paths: null, files: 0, inTheWay: null };
  }
  const paths = await pathsBetween(repository, workspace, context, [captured.data.tree, tree]);
  const inTheWay = await findInTheWay(repository, workspace, context, [tree, captured.data.tree]);
  return { ...counted, paths: paths.slice(0, mostPaths), files: paths.length, inTheWay };
}

export function sinceText(since: SinceCapture | null): string {
  if (since === null) return "";
  const merges = since.merges === 0 ? "" : ` (${since.merges} merges)`;
  const parts = [
    ...(since.newer === 0 ? [] : [`${since.newer} commits newer${merges}`]),
    ...(since.older === 0 ? [] : [`${since.older} commits behind`]),
    ...(since.files === 0 ? [] : [`${since.files} files differ`]),
  ];
  return parts.map((part) => `, ${part}`).join("");
}

export async function observe(
  options: GitOptions,
  context: ObserveContext,
  captured?: CapturedPart<GitData>,
): Promise<Observation<GitSeen>> {
  const repository = await openRepository(options.path, context);
  return withWorkspace(repository, context, async (workspace) => {
    const look = await lookAt(repository, workspace, context);
    const { commit, branch, tree, modified, untracked, operation } = look;
    const refs = await git(context, repository.top, ["for-each-ref", "--count=1", `--contains=${commit}`]);
    const since =
      captured === undefined ? null : await sinceCapture(repository, workspace, captured, tree, context);
    const subject = await git(context, repository.top, ["log", "-1", "--format=%s", commit]);
    const middle = operation === undefined ? "" : `, in the middle of a ${operation}`;
    return {
      identity: identityOf(look),
      summary: `${placeOf(look)} "${subject}"${sinceText(since)}, ${uncommitted(look)}${middle}`,
      data: {
        commit,
        branch: branch ?? null,
        tree,
        modified,
        untracked,
        operation: operation ?? null,
        onRef: refs !== "",
        since,
      },
    };
  });
}

export const placeOfSeen = ({ branch, commit }: GitSeen): string =>
  `${branch ?? "detached"} at ${short(commit)}`;
