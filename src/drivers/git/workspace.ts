import { randomUUID } from "node:crypto";
import type { DriverContext } from "../../core/driver.js";
import { git, runGit } from "./git.js";
import type { Repository } from "./repository.js";

/**
 * An index of its own, so that looking at the work tree leaves the real one alone. `env` also sends new objects
 * to a folder of its own; `indexOnly` writes them to the repository.
 */
export interface Workspace {
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  readonly indexOnly: Readonly<Record<string, string>>;
}

const staleMs = 3_600_000;

/** Backout's own folder inside the git directory, which git and its users leave alone. */
export const ownFolder = ({ gitDir }: Repository): string => `${gitDir}/backout`;

/** Files that the version left ignored and the version restored does not: gitignore patterns. */
export const leftAloneFile = (repository: Repository): string => `${ownFolder(repository)}/left-alone`;

export async function withWorkspace<T>(
  repository: Repository,
  context: DriverContext,
  work: (workspace: Workspace) => Promise<T>,
): Promise<T> {
  const { files } = context.host;
  const own = ownFolder(repository);
  const folder = `${own}/look-${randomUUID()}`;
  await files.makeDirectory(`${folder}/objects`, 0o700);
  try {
    const indexOnly = { GIT_INDEX_FILE: `${folder}/index` };
    return await work({
      folder,
      indexOnly,
      env: {
        ...indexOnly,
        GIT_OBJECT_DIRECTORY: `${folder}/objects`,
        GIT_ALTERNATE_OBJECT_DIRECTORIES: `${repository.commonDir}/objects`,
      },
    });
  } finally {
    await files.remove(folder);
    await removeStale(own, context);
  }
}

/** What a backout that was killed could not remove itself. */
async function removeStale(own: string, { host: { files }, clock }: DriverContext): Promise<void> {
  for (const { name } of await files.list(own)) {
    const found = name.startsWith("look-") ? await files.stat(`${own}/${name}`) : undefined;
    if (found && found.modified < clock.now() - staleMs) await files.remove(`${own}/${name}`);
  }
}

/** Settings with which files that were left alone stay out of every look. */
export async function ignoreSettings(
  repository: Repository,
  { folder }: Workspace,
  context: DriverContext,
): Promise<string[]> {
  const { files } = context.host;
  const leftAlone = leftAloneFile(repository);
  if ((await files.stat(leftAlone)) === undefined) return [];
  const asked = await runGit(context, repository.top, ["config", "--path", "--get", "core.excludesFile"]);
  const path = asked.stdout.trim();
  const own =
    path !== "" && (await files.stat(path)) !== undefined ? await files.read(path) : new Uint8Array();
  const text = new TextDecoder();
  await files.write(`${folder}/excludes`, `${text.decode(own)}\n${text.decode(await files.read(leftAlone))}`);
  return [`core.excludesFile=${folder}/excludes`];
}

/**
 * The id of the tree that the files make now: tracked ones as they are, new ones, not the ignored ones except `force`.
 * Identity by content: staged or not makes no difference.
 */
export async function treeOfFiles(
  repository: Repository,
  workspace: Workspace,
  context: DriverContext,
  more: { force?: readonly string[]; env?: Workspace["env"] } = {},
): Promise<string> {
  const { files } = context.host;
  const env = more.env ?? workspace.env;
  const index = `${repository.gitDir}/index`;
  if ((await files.stat(index)) !== undefined)
    await files.write(`${workspace.folder}/index`, await files.read(index));
  const settings = await ignoreSettings(repository, workspace, context);
  await git(context, repository.top, ["add", "--all"], { env, settings });
  if (more.force !== undefined && more.force.length > 0) {
    await git(context, repository.top, ["add", "--force", "--pathspec-from-file=-", "--pathspec-file-nul"], {
      env,
      settings,
      input: more.force.join("\0"),
    });
  }
  return git(context, repository.top, ["write-tree"], { env });
}

/** Paths in which two trees differ: `A` only in the second, `D` only in the first. Read from a file, since there may be many. */
export async function pathsBetween(
  { top }: Repository,
  { folder, env }: Workspace,
  context: DriverContext,
  [from, to]: readonly [string, string],
  filter?: "A" | "D",
): Promise<string[]> {
  const output = `${folder}/paths`;
  const filtered = filter === undefined ? [] : [`--diff-filter=${filter}`];
  await git(
    context,
    top,
    ["diff-tree", "-r", "-z", "--name-only", "--no-renames", ...filtered, `--output=${output}`, from, to],
    { env },
  );
  const text = new TextDecoder().decode(await context.host.files.read(output));
  return text.split("\0").filter((path) => path !== "");
}
