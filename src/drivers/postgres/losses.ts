import type { Connection } from "../../clients/postgres/connection.js";
import type { CapturedDatabase, Content, Counters } from "./captured-database.js";
import { readCounters } from "./facts.js";

export type Loss = {
  readonly what: string;
  readonly inserted?: number;
  readonly updated?: number;
  readonly deleted?: number;
  readonly basis: string;
};

const counted =
  "PostgreSQL's counters since the checkpoint: a row changed twice counts twice, so does what was rolled back, and writes of the last moment may be missing";
const compared = "numbers of rows compared: what was updated, or both added and removed, is not seen";

/**
 * What was written since the checkpoint, by table. Counters are quick however large the tables are; where they cannot be compared
 * (forgotten, another database, truncated) that is said, and `now` tells at least the numbers of rows.
 */
export async function lostSince(
  connection: Connection,
  data: CapturedDatabase,
  now?: Content,
): Promise<Loss[]> {
  if (data.given !== undefined) return beyondGiven(data.content, now);
  const { oid } = await connection.row<{ oid: number }>(
    "select oid::int8::float8 as oid from pg_database where datname = current_database()",
  );
  const counters = await readCounters(connection);
  const unclear = incomparable(data, oid, counters);
  const replaced = oid !== data.database.oid;
  const names = new Set([...Object.keys(data.counters.tables), ...Object.keys(counters.tables)]);
  const { materializedViews } = data.content;
  return [...names].sort().flatMap((name) => {
    // Made of what tables hold: nothing is lost with it.
    if (Object.hasOwn(materializedViews, name) || Object.hasOwn(now?.materializedViews ?? {}, name))
      return [];
    const [then, seen] = [data.counters.tables[name], counters.tables[name]];
    const rows = now && { then: data.content.tables[name], now: now.tables[name] };
    // The same rows as then: whatever was written came to nothing.
    if (rows?.then !== undefined && rows.now?.rows === rows.then.rows && rows.now.digest === rows.then.digest)
      return [];
    // Dropped since: all that was captured comes back, what was written until then is beyond counting.
    if (seen === undefined)
      return [
        { what: name, basis: "dropped since the checkpoint: what was written until then is not known" },
      ];
    // In another database each table has a number of its own.
    if (then === undefined) return wholeTable(name, seen, rows?.now?.rows, made);
    if (!replaced && then.oid !== seen.oid) return wholeTable(name, seen, rows?.now?.rows, madeAgain);
    const why =
      unclear ??
      (then.file === seen.file ? behind(then, seen) : "truncated or rewritten since the checkpoint");
    if (why !== undefined) return byRows(name, why, rows?.then?.rows, rows?.now?.rows);
    const [inserted, updated, deleted] = [
      seen.inserted - then.inserted,
      seen.updated - then.updated,
      seen.deleted - then.deleted,
    ];
    if (inserted + updated + deleted > 0) return [{ what: name, inserted, updated, deleted, basis: counted }];
    if (rows === undefined) return [];
    return byRows(name, "the rows differ, and the counters do not show it", rows.then?.rows, rows.now?.rows);
  });
}

/** Nothing but its rows is known of what a dump by others was made of. Without `now` nothing can be said. */
function beyondGiven(then: Content, now: Content | undefined): Loss[] {
  if (now === undefined) return [];
  const why = "it is a dump that was given, without PostgreSQL's counters";
  return Object.keys({ ...then.tables, ...now.tables })
    .sort()
    .flatMap((name): Loss[] => {
      if (Object.hasOwn(then.materializedViews, name) || Object.hasOwn(now.materializedViews, name))
        return [];
      const [before, after] = [then.tables[name], now.tables[name]];
      if (before?.rows === after?.rows && before?.digest === after?.digest) return [];
      if (before !== undefined) return byRows(name, why, before.rows, after?.rows ?? 0);
      return [{ what: name, inserted: after?.rows ?? 0, basis: "is not in the given dump: all of it goes" }];
    });
}

function incomparable(
  data: CapturedDatabase,
  oid: number,
  now: CapturedDatabase["counters"],
): string | undefined {
  if (oid !== data.database.oid) return "another database has the name since the checkpoint";
  if (now.reset !== data.counters.reset) return `the statistics were reset ("${now.reset}")`;
  // A clean stop keeps them; after a crash they begin at zero, which need not show in every table.
  if (now.started !== data.counters.started)
    return `the server was restarted at ${now.started}, and may have forgotten them`;
  return undefined;
}

const behind = (then: Counters, now: Counters): string | undefined =>
  now.inserted < then.inserted || now.updated < then.updated || now.deleted < then.deleted
    ? "the counters were reset"
    : undefined;

const made = "the table was made since the checkpoint, all of it goes";
const madeAgain =
  "the table was made again since the checkpoint, as a restore in place does: so many rows are newer at the most";

/** Whatever is in it. */
function wholeTable(what: string, { inserted }: Counters, now: number | undefined, basis: string): Loss[] {
  const rows = now ?? inserted;
  return inserted === 0 && rows === 0 ? [] : [{ what, inserted: rows, basis }];
}

function byRows(what: string, why: string, then: number | undefined, now: number | undefined): Loss[] {
  if (then === undefined || now === undefined) return [{ what, basis: `not countable: ${why}` }];
  const [inserted, deleted] = [Math.max(0, now - then), Math.max(0, then - now)];
  return [{ what, inserted, deleted, basis: `${compared}; the counters cannot tell: ${why}` }];
}
