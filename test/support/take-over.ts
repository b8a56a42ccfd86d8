import { mkdtemp, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { CapturedPart, TargetDriver } from "../../src/core/driver.js";
import type { GivenFile } from "../../src/core/given-file.js";
import type { Json } from "../../src/core/json.js";
import type { Contexts, Taken } from "../../src/drivers/testing/contexts.js";
import { folderArtifacts } from "../../src/drivers/testing/folder-artifacts.js";

export async function givenFile(path: string): Promise<GivenFile> {
  const found = await stat(path);
  const kind = found.isDirectory() ? "directory" : "file";
  return { path, kind, size: found.size, modified: Math.round(found.mtimeMs) };
}

/** Files to be given, in a folder that is there when the tests run: written as they are, or out of `good` by a change. */
export function filesToGive(folder: () => string, good: string) {
  const path = (name: string): string => join(folder(), name);
  const written = async (name: string, content: string | Uint8Array): Promise<string> => {
    await writeFile(path(name), content);
    return path(name);
  };
  const spoilt = async (name: string, change: (bytes: Buffer) => Buffer): Promise<string> =>
    written(name, change(await readFile(path(good))));
  return { path, written, spoilt };
}

/** As `checkpoint --from` does it, into a new folder below `folder`. */
export async function takeOver(
  driver: TargetDriver,
  options: Json,
  path: string,
  { contexts, folder }: { readonly contexts: Contexts; readonly folder: string },
): Promise<Taken> {
  if (driver.adopt === undefined) throw new Error(`${driver.id}: has no adopt`);
  const given = await givenFile(path);
  const artifacts = await folderArtifacts(await mkdtemp(join(folder, "given-")));
  const { at, notes, ...captured } = await driver.adopt(given, options, {
    ...contexts.plain(),
    artifacts: artifacts.writer,
  });
  const part: CapturedPart = {
    ...{ ...captured, artifacts: artifacts.list() },
    ...{ at: at ?? given.modified, given: { path, notes } },
  };
  return { part, folder: artifacts.folder };
}

/** The driver, for the contract's suites: what they have captured is a given file. */
export const adopting = (driver: TargetDriver, path: () => string): TargetDriver => ({
  ...driver,
  capture: async (options, context) => {
    const adopted = await driver.adopt?.(await givenFile(path()), options, context);
    if (adopted === undefined) throw new Error(`${driver.id}: has no adopt`);
    return { identity: adopted.identity, summary: adopted.summary, data: adopted.data };
  },
});
