import type { CapturedPart, Observation, ObserveContext } from "../../core/driver.js";
import { artifactName, type Data } from "./capture.js";
import { type Change, type Comparison, compareContents, compareTables, type Loss } from "./compare-tables.js";
import { type Content, faultsOf, readContent, summaryOf, totalRows } from "./content.js";
import { type Database, frozenUri, literal, openLive } from "./database.js";
import { livePath, liveStat } from "./live-file.js";
import type { Options } from "./options.js";
import { restingFile } from "./resting-file.js";
import { isDamage, sqliteError } from "./sqlite-error.js";

export type Seen = {
  /** `damaged`: there is a file, but SQLite cannot read it, or finds faults in it. */
  readonly state: "readable" | "damaged" | "missing";
  readonly rows: number;
  readonly changes: readonly Change[];
  readonly losses: readonly Loss[];
};

type Seeing = Observation<Seen>;

export async function observe(
  options: Options,
  context: ObserveContext,
  captured?: CapturedPart<Data>,
): Promise<Seeing> {
  const { files } = context.host;
  const path = await livePath(files, options.file);
  const found = await liveStat(files, path);
  if (found === undefined) {
    await files.list(path.slice(0, path.lastIndexOf("/")) || "/");
    return without("missing", "missing", `${path}: does not exist`);
  }
  // The same bytes hold the same rows: those need not be read.
  const resting = captured?.data.resting;
  if (resting && (await restingFile(files, path, resting))?.digest === resting.digest) {
    return readable(captured.data.content, nothing);
  }
  try {
    const live = await openLive(path);
    try {
      const content = await readContent(live, context);
      const same = captured === undefined || content.identity === captured.identity;
      // Damage in an index is not seen by reading the rows.
      const [fault] = captured !== undefined && same ? faultsOf(live) : [];
      if (fault !== undefined) return await damaged(path, fault, context);
      return readable(content, same ? nothing : await compare(live, content, captured, context));
    } finally {
      live.close();
    }
  } catch (error) {
    if (!isDamage(error)) throw sqliteError(error, path);
    return damaged(path, error instanceof Error ? error.message : "unreadable", context);
  }
}

async function damaged(path: string, fact: string, context: ObserveContext): Promise<Seeing> {
  const digest = await context.host.files.digest(path);
  return without("damaged", `damaged:${digest}`, `${path}: is damaged (${fact})`);
}

const nothing: Comparison = { changes: [], losses: [] };

function readable(content: Content, { changes, losses }: Comparison): Seeing {
  return {
    identity: content.identity,
    summary: summaryOf(content),
    data: { state: "readable", rows: totalRows(content), changes, losses },
  };
}

const without = (state: Seen["state"], identity: string, summary: string): Seeing => ({
  identity,
  summary,
  data: { state, rows: 0, changes: [], losses: [] },
});

async function compare(
  live: Database,
  content: Content,
  captured: CapturedPart<Data>,
  context: ObserveContext,
): Promise<Comparison> {
  const then = captured.data.content;
  const schema: Change[] =
    then.schema === content.schema ? [] : [{ what: "schema", before: then.schema, after: content.schema }];
  if (context.artifacts === undefined) {
    const compared = compareContents(then.tables, content.tables);
    return { ...compared, changes: [...schema, ...compared.changes] };
  }
  attach(live, await context.artifacts.file(artifactName));
  const compared = compareTables(live);
  return { ...compared, changes: [...schema, ...compared.changes] };
}

/** Makes the captured copy readable as `captured`, as long as the live database is open. */
export function attach(live: Database, copy: string): void {
  live.exec(`ATTACH ${literal(frozenUri(copy))} AS captured`);
}
