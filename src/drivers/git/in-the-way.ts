import { dirname } from "node:path";
import type { DriverContext } from "../../core/driver.js";
import type { Repository } from "./repository.js";
import { pathsBetween, type Workspace } from "./workspace.js";

/** Ignored files and folders where a checkout will put a file: it would overwrite them without a word. */
export type InTheWay = {
  /** Plain files and links, which can be kept first. */
  readonly files: readonly string[];
  readonly folders: readonly string[];
};

/** What lies at the paths that `to` has and `from`, the files as they are now, has not. */
export async function findInTheWay(
  repository: Repository,
  workspace: Workspace,
  context: DriverContext,
  trees: readonly [string, string],
): Promise<InTheWay> {
  const files = new Set<string>();
  const folders = new Set<string>();
  const known = new Map<string, string | undefined>();
  const kindOf = async (path: string): Promise<string | undefined> => {
    if (!known.has(path)) known.set(path, (await context.host.files.stat(`${repository.top}/${path}`))?.kind);
    return known.get(path);
  };
  const current = new Set(await pathsBetween(repository, workspace, context, trees, "D"));
  for (const path of await pathsBetween(repository, workspace, context, trees, "A")) {
    const kind = await kindOf(path);
    // A folder of known files alone goes away with them; one that holds ignored ones stays and blocks the way.
    if (kind === "directory") {
      if (![...current].some((one) => one.startsWith(`${path}/`))) folders.add(path);
    } else if (kind !== undefined) files.add(path);
    for (let parent = dirname(path); parent !== "."; parent = dirname(parent)) {
      const parentKind = await kindOf(parent);
      if (parentKind !== undefined && parentKind !== "directory" && !current.has(parent)) files.add(parent);
    }
  }
  return { files: [...files].sort(), folders: [...folders].sort() };
}
