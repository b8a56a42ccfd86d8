import type { CapturedPart, Check, ObserveContext } from "../../core/driver.js";
import { artifactName, type Data } from "./capture.js";
import { compareTables } from "./compare-tables.js";
import { type Content, faultsOf, readContent } from "./content.js";
import { type Database, openLive } from "./database.js";
import { livePath, presentFile } from "./live-file.js";
import { attach } from "./observe.js";
import type { Options } from "./options.js";
import { sound } from "./prove.js";
import { isDamage, sqliteError } from "./sqlite-error.js";

/** The system may be serving again: rows added or changed since the swap are right, captured ones that are gone are not. */
export async function verify(
  captured: CapturedPart<Data>,
  options: Options,
  context: ObserveContext,
): Promise<Check[]> {
  const path = await livePath(context.host.files, options.file);
  await presentFile(context.host.files, path);
  try {
    const live = await openLive(path);
    try {
      const faults = faultsOf(live);
      if (faults.length > 0) return [sound(`${path}: integrity`, faults)];
      const content = await readContent(live, context);
      const then = captured.data.content;
      return [
        sound(`${path}: integrity`, faults),
        {
          name: `${path}: schema`,
          result: content.schema === then.schema ? "passed" : "failed",
          expected: then.schema,
          actual: content.schema,
        },
        await capturedRows(live, path, captured, content, context),
      ];
    } finally {
      live.close();
    }
  } catch (error) {
    if (isDamage(error))
      return [sound(`${path}: integrity`, [error instanceof Error ? error.message : "unreadable"])];
    throw sqliteError(error, path);
  }
}

async function capturedRows(
  live: Database,
  path: string,
  captured: CapturedPart<Data>,
  content: Content,
  context: ObserveContext,
): Promise<Check> {
  const name = `${path}: captured rows`;
  const then = captured.data.content;
  if (content.identity === then.identity)
    return { name, result: "passed", message: "content is as captured" };
  const gone: string[] = [];
  const since: string[] = [];
  if (context.artifacts === undefined) {
    for (const [table, old] of Object.entries(then.tables)) {
      const now = content.tables[table]?.rows ?? 0;
      if (now < old.rows) gone.push(`${table}: ${old.rows - now}`);
      if (now > old.rows) since.push(`${table}: ${now - old.rows} added`);
    }
  } else {
    attach(live, await context.artifacts.file(artifactName));
    const { losses } = compareTables(live);
    for (const { what, inserted, updated, deleted } of losses) {
      if (deleted > 0) gone.push(`${what}: ${deleted}`);
      if (inserted + updated > 0) since.push(`${what}: ${inserted} added, ${updated} changed`);
    }
  }
  if (gone.length === 0) {
    return {
      name,
      result: "passed",
      message: `all there; written since: ${since.join("; ") || "counters only"}`,
    };
  }
  return { name, result: "failed", expected: "all of them", actual: `gone: ${gone.join("; ")}` };
}
