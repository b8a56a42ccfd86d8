import type { CapturedPart, Check, Proof, ProveContext } from "../../core/driver.js";
import { type GitData, isDirty } from "./capture.js";
import { hasCommit, takeWorkIn } from "./captured-tree.js";
import { complaint, git, runGit } from "./git.js";
import type { GitOptions } from "./options.js";
import { openRepository, type Repository } from "./repository.js";
import { remoteTimeoutMs } from "./tag.js";

const compared = (name: string, expected: string, actual: string): Check => ({
  name,
  result: expected === actual ? "passed" : "failed",
  expected,
  actual,
});

async function remoteCheck(
  { top }: Repository,
  remote: string,
  { commit, tag }: GitData,
  context: ProveContext,
): Promise<Check> {
  const name = `${remote} has the tag ${tag}`;
  const args = ["ls-remote", remote, `refs/tags/${tag}`, `refs/tags/${tag}^{}`];
  const result = await runGit(context, top, args, { timeoutMs: remoteTimeoutMs });
  if (result.exitCode !== 0)
    return { name, result: "error", message: complaint(result) || "no answer in time" };
  const ids = result.stdout.split("\n").map((line) => line.split("\t")[0] ?? "");
  return compared(name, commit, ids.includes(commit) ? commit : (ids[0] ?? "no such tag"));
}

/** Checked out anew into the scratch folder; the repository only lends its objects. */
async function restoredTree(
  repository: Repository,
  captured: CapturedPart<GitData>,
  context: ProveContext,
): Promise<string> {
  const { data } = captured;
  const folder = `${context.scratch}/work-tree`;
  const format = `--object-format=${repository.objectFormat}`;
  await git(context, repository.top, ["init", "--quiet", "--template=", format, folder]);
  await context.host.files.makeDirectory(`${folder}/.git/objects/info`);
  await context.host.files.write(
    `${folder}/.git/objects/info/alternates`,
    `${repository.commonDir}/objects\n`,
  );
  await git(context, folder, ["checkout", "--quiet", "--detach", data.commit]);
  if (isDirty(data)) {
    await takeWorkIn({ ...repository, top: folder }, captured, context, {});
    await git(context, folder, ["read-tree", "--reset", "-u", data.tree]);
  }
  await git(context, folder, ["add", "--all", "--force"]);
  return git(context, folder, ["write-tree"]);
}

export async function prove(
  captured: CapturedPart<GitData>,
  options: GitOptions,
  context: ProveContext,
): Promise<Proof> {
  const { data } = captured;
  const repository = await openRepository(options.path, context);
  const { top } = repository;
  if (!(await hasCommit(repository, data.commit, context))) {
    const check: Check = { name: "commit is in the repository", result: "failed", expected: data.commit };
    return { level: "captured", checks: [check] };
  }
  const tag = await runGit(context, top, [
    "rev-parse",
    "--verify",
    "--quiet",
    `refs/tags/${data.tag}^{commit}`,
  ]);
  const fsck = await runGit(context, top, [
    "fsck",
    "--connectivity-only",
    "--no-progress",
    "--no-dangling",
    data.commit,
  ]);
  const begun = context.clock.monotonic();
  const tree = await restoredTree(repository, captured, context);
  const restoreMs = context.clock.monotonic() - begun;
  const history: Check = { name: "history is complete", result: fsck.exitCode === 0 ? "passed" : "failed" };
  const checks = [
    compared(`tag ${data.tag} points at the commit`, data.commit, tag.stdout.trim() || "no such tag"),
    fsck.exitCode === 0 ? history : { ...history, message: complaint(fsck) },
    compared("files checked out anew are those captured", data.tree, tree),
  ];
  if (options.remote !== undefined) checks.push(await remoteCheck(repository, options.remote, data, context));
  return { level: "restored", checks, restoreMs };
}
