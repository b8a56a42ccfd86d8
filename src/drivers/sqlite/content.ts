import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { type Database, quoted } from "./database.js";
import { readTables, schemaText, type Table } from "./tables.js";

export type TableContent = { readonly rows: number; readonly digest: string };

/** What a database holds, whatever its pages, journal mode or free space look like. */
export type Content = {
  readonly identity: string;
  readonly schema: string;
  readonly tables: { readonly [name: string]: TableContent };
};

interface Reading {
  readonly signal: AbortSignal;
  readonly progress: (line: string) => void;
}

const sha256 = (text: string): string => `sha256:${createHash("sha256").update(text).digest("hex")}`;

/** Reads every row, letting other work of this process through now and then. */
export async function readContent(database: Database, reading: Reading): Promise<Content> {
  const schema = sha256(schemaText(database));
  const tables: [string, TableContent][] = [];
  for (const table of readTables(database)) {
    reading.progress(`reading table ${table.name}`);
    tables.push([table.name, await readTableContent(database, table, reading.signal)]);
  }
  const identity = sha256(JSON.stringify([schema, tables]));
  return { identity, schema, tables: Object.fromEntries(tables) };
}

/** Text as its bytes, since those may be no text at all; `quote` is exact for the rest. */
const exact = (column: string): string =>
  `CASE typeof(${column}) WHEN 'text' THEN 't' || hex(${column}) ELSE quote(${column}) END`;

/** One text for one row; nested, since a function takes a limited number of arguments. */
function rowText(columns: readonly string[]): string {
  const groups: string[] = [];
  for (let at = 0; at < columns.length; at += 500) {
    const group = columns.slice(at, at + 500).map((column) => exact(quoted(column)));
    groups.push(`concat_ws(',', ${group.join(", ")})`);
  }
  return groups.length === 1 ? (groups[0] ?? "''") : `concat_ws(',', ${groups.join(", ")})`;
}

const pageRows = 2000;

/** In the order of the row numbers, which VACUUM may change but keeps in order; else of the primary key. */
async function readTableContent(
  database: Database,
  table: Table,
  signal: AbortSignal,
): Promise<TableContent> {
  const hash = createHash("sha256");
  let count = 0;
  let paused = performance.now();
  for (const page of pages(database, table)) {
    for (const text of page) hash.update(`${text}\n`);
    count += page.length;
    if (performance.now() - paused < 50) continue;
    await setImmediate();
    signal.throwIfAborted();
    paused = performance.now();
  }
  return { rows: count, digest: `sha256:${hash.digest("hex")}` };
}

function* pages(database: Database, { name, columns, key, rowNumber }: Table): Generator<string[]> {
  const from = `main.${quoted(name)}`;
  if (rowNumber === undefined) {
    const order = key.map((column) => `${quoted(column)} COLLATE BINARY`).join(", ");
    yield database
      .rows(1, `SELECT ${rowText(columns)} FROM ${from} ORDER BY ${order}`)
      .map(([text]) => String(text));
    return;
  }
  let where = "";
  for (;;) {
    const query = `SELECT ${rowNumber}, ${rowText(columns)} FROM ${from} ${where} ORDER BY ${rowNumber} LIMIT ${pageRows}`;
    const page = database.rows(2, query);
    yield page.map(([, text]) => String(text));
    const last = page[pageRows - 1]?.[0];
    if (last === undefined) return;
    where = `WHERE ${rowNumber} > ${String(last)}`;
  }
}

/** Empty where the file is sound. */
export function faultsOf(database: Database): string[] {
  const integrity = database
    .rows(1, "SELECT integrity_check FROM pragma_integrity_check")
    .map(([line]) => String(line));
  return integrity.length === 1 && integrity[0] === "ok" ? [] : integrity;
}

/** References that lead nowhere, by table. */
export const brokenReferences = (database: Database): string[] =>
  database
    .rows(2, 'SELECT "table", count(*) FROM pragma_foreign_key_check GROUP BY 1')
    .map(([table, broken]) => `${String(table)}: ${String(broken)}`);

export const totalRows = (content: Content): number =>
  Object.values(content.tables).reduce((sum, table) => sum + table.rows, 0);
