import { type Database, first, literal } from "./database.js";

export interface Table {
  readonly name: string;
  /** Stored ones only: generated columns follow from them. */
  readonly columns: readonly string[];
  /** What tells rows apart: the primary key, else SQLite's row number. */
  readonly key: readonly string[];
  /** Only where the key is the row number. */
  readonly byRowNumber: boolean;
  /** SQLite's number of each row; none in a table WITHOUT ROWID. */
  readonly rowNumber: string | undefined;
}

/**
 * Tables that hold data, in name order: a virtual table's data is in its shadow tables. SQLite's own statistics are
 * left out; the counters of AUTOINCREMENT are in.
 */
export function readTables(database: Database, schema: "main" | "captured" = "main"): Table[] {
  const names = database.rows(
    2,
    `SELECT name, wr FROM pragma_table_list WHERE schema = ${literal(schema)} AND type IN ('table', 'shadow')
       AND (name NOT LIKE 'sqlite\\_%' ESCAPE '\\' OR name = 'sqlite_sequence') ORDER BY name`,
  );
  return names.map(([name, without]) => readTable(database, schema, String(name), Number(without) === 1));
}

function readTable(database: Database, schema: string, name: string, without: boolean): Table {
  const info = database.rows(
    2,
    `SELECT name, pk FROM pragma_table_xinfo(${literal(name)}, ${literal(schema)}) WHERE hidden = 0 ORDER BY cid`,
  );
  const columns = info.map(([column]) => String(column));
  const key = info
    .filter(([, place]) => Number(place) > 0)
    .sort(([, a], [, b]) => Number(a) - Number(b))
    .map(([column]) => String(column));
  const taken = new Set(columns.map((column) => column.toLowerCase()));
  const alias = ["rowid", "_rowid_", "oid"].find((one) => !taken.has(one));
  const rowNumber = without ? undefined : alias;
  if (key.length > 0) return { name, columns, key, byRowNumber: false, rowNumber };
  return { name, columns, key: [rowNumber ?? "rowid"], byRowNumber: true, rowNumber };
}

/** Everything that was declared, and the two numbers by which applications mark their schema. */
export function schemaText(database: Database): string {
  const declared = database.rows(
    4,
    `SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
       ORDER BY type, name`,
  );
  const marks = ["user_version", "application_id", "encoding"].map((name) => [
    name,
    String(first(database, `SELECT * FROM pragma_${name}`)),
  ]);
  return JSON.stringify([declared, marks]);
}
