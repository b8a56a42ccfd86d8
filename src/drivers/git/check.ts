import type { Discovered, DriverContext } from "../../core/driver.js";
import { BackoutError, type Problem, problem, warning } from "../../core/errors.js";
import { git, runGit, withoutCredentials } from "./git.js";
import type { GitOptions } from "./options.js";
import { headOf, openRepository, operationOf, type Repository, short } from "./repository.js";
import { remoteError } from "./tag.js";

const askMs = 10_000;

async function remoteProblems(
  { top }: Repository,
  remote: string,
  context: DriverContext,
): Promise<Problem[]> {
  const known = await git(context, top, ["remote"]);
  if (!known.split("\n").includes(remote)) {
    const names = known === "" ? "it has none" : `it has "${known.replaceAll("\n", '", "')}"`;
    return [
      problem(context.name, `${remote}: is no remote of ${top}, ${names}`, `git remote add ${remote} <url>`),
    ];
  }
  const result = await runGit(context, top, ["ls-remote", "--quiet", remote, "HEAD"], { timeoutMs: askMs });
  if (result.exitCode === 0) return [];
  const { message, hint } = remoteError(remote, result);
  const url = withoutCredentials(await git(context, top, ["remote", "get-url", remote]));
  return [problem(context.name, `${message} (${url})`, hint)];
}

/** What comes back only in part. */
async function limits({ top }: Repository, context: DriverContext): Promise<Problem[]> {
  const { name, host } = context;
  const found: Problem[] = [];
  if ((await git(context, top, ["rev-parse", "--is-shallow-repository"])) === "true")
    found.push(
      warning(name, `${top}: is a shallow clone, older commits are not here`, "git fetch --unshallow"),
    );
  if ((await host.files.stat(`${top}/.gitmodules`)) !== undefined)
    found.push(
      warning(name, `${top}: has submodules, whose files are not captured`, "give each a target of its own"),
    );
  const attributes = `${top}/.gitattributes`;
  const text =
    (await host.files.stat(attributes)) === undefined ? new Uint8Array() : await host.files.read(attributes);
  if (new TextDecoder().decode(text).includes("filter=lfs"))
    found.push(
      warning(
        name,
        `${top}: uses Git LFS; the tag holds pointers only`,
        "keep the LFS objects fetched: git lfs fetch",
      ),
    );
  return found;
}

async function stateProblems(repository: Repository, context: DriverContext): Promise<Problem[]> {
  const { name } = context;
  const { top, gitDir } = repository;
  const found: Problem[] = [];
  const operation = await operationOf(repository, context);
  if (operation !== undefined)
    found.push(
      problem(
        name,
        `${top}: is in the middle of a ${operation}`,
        `finish it, or git ${operation} ${operation === "bisect" ? "reset" : "--abort"}`,
      ),
    );
  const { commit, branch } = await headOf(repository, context);
  if (branch === undefined)
    found.push(
      warning(name, `${top}: HEAD is detached at "${short(commit)}"`, "commits made here are on no branch"),
    );
  const lock = `${gitDir}/index.lock`;
  if ((await context.host.files.stat(lock)) !== undefined)
    found.push(
      warning(
        name,
        `${lock}: exists, so a git works here or was killed`,
        `see that no git runs there, then: rm ${lock}`,
      ),
    );
  return found;
}

/** Looks only; the remote is asked, nothing is pushed. */
export async function check(options: GitOptions, context: DriverContext): Promise<Problem[]> {
  try {
    const repository = await openRepository(options.path, context);
    return [
      ...(await stateProblems(repository, context)),
      ...(await limits(repository, context)),
      ...(options.remote === undefined ? [] : await remoteProblems(repository, options.remote, context)),
    ];
  } catch (error) {
    if (!(error instanceof BackoutError)) throw error;
    return [problem(context.name, error.message, error.hint)];
  }
}

export async function discover(context: DriverContext): Promise<Discovered[]> {
  if ((await context.host.files.stat(".git")) === undefined) return [];
  const remotes = await runGit(context, context.host.files.resolve("."), ["remote"]);
  const remote = remotes.stdout.split("\n").find((name) => name !== "");
  return [
    {
      name: "code",
      with: { path: ".", ...(remote === undefined ? {} : { remote }) },
      because: remote === undefined ? "a git work tree" : `a git work tree with the remote ${remote}`,
    },
  ];
}
