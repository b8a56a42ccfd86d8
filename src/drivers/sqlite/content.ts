import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { count, type Database, quoted } from "./database.js";
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

/** By 500, since neither a function's arguments nor the terms of a sum may be as many as a table's columns. */
function grouped(terms: readonly string[], join: (group: readonly string[]) => string): string {
  if (terms.length <= 500) return join(terms);
  const groups = Array.from({ length: Math.ceil(terms.length / 500) }, (_, index) =>
    join(terms.slice(index * 500, (index + 1) * 500)),
  );
  return join(groups);
}

const concatenated = (terms: readonly string[]): string => `concat_ws(',', ${terms.join(", ")})`;

/** One text for one row. */
const rowText = (columns: readonly string[]): string =>
  grouped(
    columns.map((column) => exact(quoted(column))),
    concatenated,
  );

const rowBytes = (columns: readonly string[]): string =>
  grouped(
    columns.map((column) => `ifnull(octet_length(${quoted(column)}), 0)`),
    (terms) => `(${terms.join(" + ")})`,
  );

/** Rows as one text, newline after each. */
interface Page {
  readonly rows: number;
  readonly text: string;
}

const pageRows = 2000;
/** Of stored values; as text they take at most some four times as much. */
const pageBytes = 2 ** 24;

/** In the order of the row numbers, which VACUUM may change but keeps in order; else of the primary key. */
async function readTableContent(
  database: Database,
  table: Table,
  signal: AbortSignal,
): Promise<TableContent> {
  const hash = createHash("sha256");
  let total = 0;
  let paused = performance.now();
  for (const { rows, text } of pages(database, table)) {
    hash.update(text);
    total += rows;
    if (performance.now() - paused < 50) continue;
    await setImmediate();
    signal.throwIfAborted();
    paused = performance.now();
  }
  return { rows: total, digest: `sha256:${hash.digest("hex")}` };
}

/** Joined by SQLite, since a call into this program takes longer than reading a row. */
function* pages(database: Database, { name, columns, key, rowNumber }: Table): Generator<Page> {
  const from = `main.${quoted(name)}`;
  if (rowNumber === undefined) {
    const order = key.map((column) => `${quoted(column)} COLLATE BINARY`).join(", ");
    const found = database.rows(1, `SELECT ${rowText(columns)} FROM ${from} ORDER BY ${order}`);
    for (const [text] of found) yield { rows: 1, text: `${String(text)}\n` };
    return;
  }
  const [weight, row] = [rowBytes(columns), rowText(columns)];
  let where = "";
  for (;;) {
    const next = (what: string, limit: number) =>
      `(SELECT ${what} FROM ${from} ${where} ORDER BY ${rowNumber} LIMIT ${limit})`;
    const heaviest = count(database, `SELECT max(weight) FROM ${next(`${weight} AS weight`, pageRows)}`);
    const limit = Math.max(1, Math.min(pageRows, Math.floor(pageBytes / (heaviest + 1))));
    const [last, rows, text] =
      database.rows(
        3,
        `SELECT max(number), count(*), group_concat(line, char(10) ORDER BY number)
           FROM ${next(`${rowNumber} AS number, ${row} AS line`, limit)}`,
      )[0] ?? [];
    if (typeof text !== "string") return;
    yield { rows: Number(rows), text: `${text}\n` };
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

/** `3 tables, 38000 rows (sha256:d20ea927c911)` */
export const summaryOf = (content: Content): string =>
  `${Object.keys(content.tables).length} tables, ${totalRows(content)} rows (${content.identity.slice(0, 19)})`;
