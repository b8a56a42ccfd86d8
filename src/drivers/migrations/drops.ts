import type { Connection } from "../../clients/postgres/connection.js";
import { type Line } from "./catalog.js";

/** Data that goes when the schema goes back: a table, or a column of one that stays. Names as SQL writes them. */
export type Drop = {
  readonly table: string;
  readonly column: string | null;
  readonly rows: number;
  readonly basis: string;
};

/** Whatever the way back is made of (SQL, a tool's own code): what is there now and was not then must go. */
export function droppedData(then: readonly Line[], now: readonly Line[]): Omit<Drop, "rows" | "basis">[] {
  const had = new Set(then.map(([what, name]) => `${what} ${name}`));
  const since = (what: string) => now.filter(([one, name]) => one === what && !had.has(`${what} ${name}`));
  const tables = since("table").map(([, name]) => name);
  const columns = since("column").flatMap(([, name]) => {
    const [table, column] = splitColumn(name);
    const stays = had.has(`table ${table}`);
    return stays ? [{ table, column }] : [];
  });
  return [...tables.map((table) => ({ table, column: null })), ...columns];
}

/** `public.orders."a.b"` → `public.orders` and `"a.b"`. */
function splitColumn(name: string): [table: string, column: string] {
  const parts = name.match(/"(?:[^"]|"")*"|[^.]+/g) ?? [];
  return [parts.slice(0, -1).join("."), parts.at(-1) ?? ""];
}

const mostMs = 20_000;

/** Counted, and where that takes too long, estimated and said to be. */
export async function countDrops(
  drops: readonly Omit<Drop, "rows" | "basis">[],
  connection: Connection,
): Promise<Drop[]> {
  const counted: Drop[] = [];
  for (const drop of drops) counted.push({ ...drop, ...(await count(drop, connection)) });
  return counted;
}

async function count({ table, column }: Omit<Drop, "rows" | "basis">, connection: Connection) {
  const what = column === null ? "*" : column;
  const basis =
    column === null ? "all rows, counted" : "values that are not NULL, counted; defaults count too";
  try {
    await connection.run(`set statement_timeout = ${mostMs}`);
    const { rows } = await connection.row<{ rows: string }>(`select count(${what}) as rows from ${table}`);
    return { rows: Number(rows), basis };
  } catch {
    const [found] = await connection.rows<{ rows: string }>(
      "select greatest(reltuples, 0)::bigint as rows from pg_class where oid = to_regclass($1)",
      [table],
    );
    return {
      rows: Number(found?.rows ?? 0),
      basis: `rows of the table as estimated by the server: counting was not possible within ${mostMs / 1000} s`,
    };
  } finally {
    await connection.run("set statement_timeout = 0").catch(() => {});
  }
}

/** As `keep` names it: with or without its schema. */
export const namesOf = ({ table, column }: Pick<Drop, "table" | "column">): string[] => {
  const whole = column === null ? table : `${table}.${column}`;
  return table.startsWith("public.") ? [whole, whole.slice("public.".length)] : [whole];
};
