import type { DriverContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { complaint, git, gitSays, runGit } from "./git.js";
import type { GitOptions } from "./options.js";
import { type Repository, short } from "./repository.js";

export const remoteTimeoutMs = 30_000;

const timestamp = (ms: number): string =>
  new Date(ms).toISOString().replaceAll(/[-:]/g, "").replace("T", "-").slice(0, 15);

/** Git has no exit status of its own for a refused login. */
const refusedLogin = /denied|authentication|could not read (Username|Password)|\b40[13]\b/i;

export function remoteError(remote: string, result: Parameters<typeof complaint>[0]): BackoutError {
  const said = result.timedOut ? `no answer in ${remoteTimeoutMs / 1000} s` : complaint(result);
  const denied = refusedLogin.test(result.stderr);
  return new BackoutError(denied ? "DENIED" : "UNREACHABLE", `${remote}: ${said}`, {
    effect: "none",
    hint: `git ls-remote ${remote} shows whether this user gets there without being asked`,
  });
}

/** A tag of ours at the commit: the one that is there, or a new annotated one. */
export async function tagCommit(
  { top }: Repository,
  commit: string,
  { tagPrefix }: GitOptions,
  context: DriverContext,
): Promise<{ tag: string; made: boolean }> {
  const format = "--format=%(refname:strip=2)";
  const present = await git(context, top, ["for-each-ref", `--points-at=${commit}`, format, "refs/tags"]);
  const own = present.split("\n").find((name) => name.startsWith(tagPrefix));
  if (own !== undefined) return { tag: own, made: false };
  const base = `${tagPrefix}${timestamp(context.clock.now())}`;
  for (let number = 1; ; number++) {
    const tag = number === 1 ? base : `${base}-${number}`;
    if (await gitSays(context, top, ["show-ref", "--verify", "--quiet", `refs/tags/${tag}`])) continue;
    await git(context, top, [
      "tag",
      "--annotate",
      "-m",
      `Checkpoint of ${short(commit)} by backout`,
      tag,
      commit,
    ]);
    return { tag, made: true };
  }
}

/** Never by force. A remote that does not take it is an error: a tag that only this machine has is no way back. */
export async function pushTag(
  { top }: Repository,
  remote: string,
  tag: string,
  context: DriverContext,
): Promise<void> {
  const ref = `refs/tags/${tag}:refs/tags/${tag}`;
  const result = await runGit(context, top, ["push", "--porcelain", "--no-verify", remote, ref], {
    timeoutMs: remoteTimeoutMs,
  });
  if (result.exitCode === 0) return;
  const rejected = result.stdout.split("\n").find((line) => line.startsWith("!\t"));
  if (rejected === undefined) throw remoteError(remote, result);
  const reason = rejected.split("\t").at(-1) ?? "";
  throw new BackoutError("DENIED", `${remote}: does not take the tag "${tag}": ${reason}`, {
    effect: "none",
    hint: `let this user create ${tag.replace(/[^/]*$/, "*")} there, or leave \`remote\` out`,
  });
}
