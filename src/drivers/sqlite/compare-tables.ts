import type { TableContent } from "./content.js";
import { count, type Database, quoted } from "./database.js";
import { readTables, type Table } from "./tables.js";

export type Loss = {
  readonly what: string;
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
  readonly basis: string;
};

export type Change = { readonly what: string; readonly before: string; readonly after: string };

export interface Comparison {
  readonly losses: Loss[];
  readonly changes: Change[];
}

/** The live database (`main`) row by row with the captured one, attached as `captured`. */
export function compareTables(database: Database): Comparison {
  const now = new Map(readTables(database).map((table) => [table.name, table]));
  const then = new Map(readTables(database, "captured").map((table) => [table.name, table]));
  const losses: Loss[] = [];
  const changes: Change[] = [];
  for (const name of [...new Set([...now.keys(), ...then.keys()])].sort()) {
    const live = now.get(name);
    const old = then.get(name);
    if (live !== undefined && old !== undefined) {
      changes.push(...columnChanges(old, live));
      losses.push(compareRows(database, old, live));
    } else if (live !== undefined) {
      const inserted = count(database, `SELECT count(*) FROM main.${quoted(name)}`);
      changes.push({ what: `table ${name}`, before: "does not exist", after: "exists" });
      losses.push({
        what: name,
        inserted,
        updated: 0,
        deleted: 0,
        basis: "all rows: the table was added since",
      });
    } else {
      const deleted = count(database, `SELECT count(*) FROM captured.${quoted(name)}`);
      changes.push({ what: `table ${name}`, before: `exists, ${deleted} rows`, after: "was dropped" });
    }
  }
  // The counters of AUTOINCREMENT are nothing that anybody wrote.
  const real = losses.filter((loss) => loss.what !== "sqlite_sequence");
  return { changes, losses: real.filter((loss) => loss.inserted + loss.updated + loss.deleted > 0) };
}

function columnChanges(old: Table, live: Table): Change[] {
  const dropped = old.columns.filter((column) => !live.columns.includes(column));
  const added = live.columns.filter((column) => !old.columns.includes(column));
  return [
    ...dropped.map((column) => ({
      what: `column ${old.name}.${column}`,
      before: "exists",
      after: "was dropped",
    })),
    ...added.map((column) => ({
      what: `column ${old.name}.${column}`,
      before: "does not exist",
      after: "exists",
    })),
  ];
}

function compareRows(database: Database, old: Table, live: Table): Loss {
  const name = quoted(live.name);
  const sameKey = old.key.join("\n") === live.key.join("\n") && old.byRowNumber === live.byRowNumber;
  if (!sameKey) {
    const then = count(database, `SELECT count(*) FROM captured.${name}`);
    const now = count(database, `SELECT count(*) FROM main.${name}`);
    const basis = "rows then and now: the primary key was changed since, so single rows cannot be matched";
    return { what: live.name, ...byNumber(then, now), basis };
  }
  const match = live.key.map((column) => `live.${quoted(column)} IS old.${quoted(column)}`).join(" AND ");
  const onlyIn = (there: string, here: string): number =>
    count(
      database,
      `SELECT count(*) FROM ${there}.${name} AS live WHERE NOT EXISTS (SELECT 1 FROM ${here}.${name} AS old WHERE ${match})`,
    );
  const common = live.columns.filter((column) => old.columns.includes(column) && !live.key.includes(column));
  const values = (row: string) =>
    common.map((column) => `${row}.${quoted(column)} COLLATE BINARY`).join(", ");
  const updated =
    common.length === 0
      ? 0
      : count(
          database,
          `SELECT count(*) FROM main.${name} AS live JOIN captured.${name} AS old ON ${match} WHERE (${values("live")}) IS NOT (${values("old")})`,
        );
  return {
    what: live.name,
    inserted: onlyIn("main", "captured"),
    updated,
    deleted: onlyIn("captured", "main"),
    basis: basisOf(old, live),
  };
}

function basisOf(old: Table, live: Table): string {
  const by = live.byRowNumber
    ? "row number, as there is no primary key"
    : `primary key (${live.key.join(", ")})`;
  const altered = columnChanges(old, live).length > 0;
  return `every row compared by ${by}${altered ? "; in the columns that both have" : ""}; a row changed more than once counts once`;
}

const byNumber = (then: number, now: number) => ({
  inserted: Math.max(0, now - then),
  updated: 0,
  deleted: Math.max(0, then - now),
});

/** Without the captured copy at hand: by number and digest of each table. */
export function compareContents(
  then: Readonly<Record<string, TableContent>>,
  now: Readonly<Record<string, TableContent>>,
): Comparison {
  const losses: Loss[] = [];
  const changes: Change[] = [];
  const basis =
    "rows then and now: the checkpoint's copy was not at hand, so changed and replaced rows are not counted";
  for (const name of [...new Set([...Object.keys(then), ...Object.keys(now)])].sort()) {
    const [old, live] = [then[name], now[name]];
    if (old?.digest === live?.digest) continue;
    if (live === undefined) changes.push({ what: `table ${name}`, before: "exists", after: "was dropped" });
    else losses.push({ what: name, ...byNumber(old?.rows ?? 0, live.rows), basis });
    if (old === undefined) changes.push({ what: `table ${name}`, before: "does not exist", after: "exists" });
  }
  return { losses, changes };
}
