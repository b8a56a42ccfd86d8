import type { DriverContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { complaint, git, runGit } from "./git.js";

export interface Repository {
  /** The work tree's top folder. */
  readonly top: string;
  /** Of this work tree: index, HEAD, locks. */
  readonly gitDir: string;
  /** Shared by all work trees: objects, refs. */
  readonly commonDir: string;
  readonly objectFormat: string;
}

/** What git was left in the middle of. The first three end with a checkout, the others need a person. */
export const operations = {
  MERGE_HEAD: "merge",
  CHERRY_PICK_HEAD: "cherry-pick",
  REVERT_HEAD: "revert",
  "rebase-merge": "rebase",
  "rebase-apply": "rebase",
  BISECT_LOG: "bisect",
} as const;
export type GitOperation = (typeof operations)[keyof typeof operations];

const refused = (message: string, hint: string): BackoutError =>
  new BackoutError("REFUSED", message, { effect: "none", hint });

export async function openRepository(path: string, context: DriverContext): Promise<Repository> {
  const { files } = context.host;
  const folder = files.resolve(path);
  if ((await files.stat(folder)) === undefined) {
    throw new BackoutError("NOT_FOUND", `${path}: does not exist`, {
      effect: "none",
      hint: "correct `path`",
    });
  }
  const asked = ["rev-parse", "--path-format=absolute", "--is-bare-repository", "--show-object-format"];
  const result = await runGit(context, folder, [...asked, "--absolute-git-dir", "--git-common-dir"]);
  if (result.exitCode !== 0) throw notOpened(path, folder, complaint(result));
  const [bare, objectFormat = "sha1", gitDir = "", commonDir = ""] = result.stdout.split("\n");
  if (bare === "true")
    throw refused(`${path}: is a bare repository, without files to bring back`, "name a work tree");
  const [prefix = "", top = ""] = (
    await git(context, folder, ["rev-parse", "--show-prefix", "--show-toplevel"])
  ).split("\n");
  if (prefix !== "")
    throw refused(
      `${path}: lies inside the work tree "${top}", which comes back only as a whole`,
      `path: ${top}`,
    );
  return { top, gitDir, commonDir, objectFormat };
}

function notOpened(path: string, folder: string, said: string): BackoutError {
  if (said.includes("dubious ownership")) {
    return new BackoutError("DENIED", `${path}: git refuses it: ${said}`, {
      effect: "none",
      hint: `git config --global --add safe.directory ${folder}`,
    });
  }
  return refused(`${path}: git cannot open it: ${said}`, "name the top folder of a git work tree");
}

export interface Head {
  readonly commit: string;
  /** Undefined where HEAD is detached. */
  readonly branch: string | undefined;
}

export async function headOf({ top }: Repository, context: DriverContext): Promise<Head> {
  const commit = await runGit(context, top, ["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]);
  if (commit.exitCode !== 0) {
    throw new BackoutError("NOT_FOUND", `${top}: has no commit yet`, {
      effect: "none",
      hint: "commit once, then make the checkpoint",
    });
  }
  const branch = await runGit(context, top, ["symbolic-ref", "--quiet", "--short", "HEAD"]);
  return {
    commit: commit.stdout.trim(),
    branch: branch.exitCode === 0 ? branch.stdout.trim() : undefined,
  };
}

export async function operationOf(
  { gitDir }: Repository,
  { host }: DriverContext,
): Promise<GitOperation | undefined> {
  for (const [name, operation] of Object.entries(operations)) {
    if ((await host.files.stat(`${gitDir}/${name}`)) !== undefined) return operation;
  }
  return undefined;
}

export const short = (commit: string): string => commit.slice(0, 10);
