import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import type { CapturedPart } from "../../src/core/driver.js";
import { capture } from "../../src/drivers/postgres/capture.js";
import type { CapturedDatabase } from "../../src/drivers/postgres/captured-database.js";
import type { Options } from "../../src/drivers/postgres/options.js";
import type { Contexts } from "../../src/drivers/testing/contexts.js";
import { folderArtifacts } from "../../src/drivers/testing/folder-artifacts.js";

export interface TakenDatabase {
  readonly part: CapturedPart<CapturedDatabase>;
  readonly folder: string;
}

/** Captures into a new folder below `folder`. */
export async function takeDatabase(
  options: Options,
  contexts: Contexts,
  folder: string,
): Promise<TakenDatabase> {
  const at = Date.now();
  const artifacts = await folderArtifacts(await mkdtemp(join(folder, "artifacts-")));
  const captured = await capture(options, { ...contexts.plain(), artifacts: artifacts.writer });
  return { part: { ...captured, artifacts: artifacts.list(), at }, folder: artifacts.folder };
}
