import { setTimeout as after } from "node:timers/promises";
import { BackoutError } from "../core/errors.js";
import type { PostgresDatabase, Queries } from "./postgres-database.js";

/** One entry a version: what turns the version before into it. Never changed once released. */
const migrations = [
  `create table backout.runs (
     id text primary key, system text not null, environment text not null, plan text not null, at bigint not null,
     number bigint generated always as identity
   );
   create index runs_of_environment on backout.runs (system, environment, at, number);
   create table backout.facts (
     run text not null references backout.runs (id), seq integer not null, at bigint not null, actor text not null,
     body text not null, hash text not null, primary key (run, seq)
   );
   create table backout.leases (
     scope text primary key, run text not null, owner text not null, fence integer not null, expires bigint not null
   );
   create table backout.requests (
     id integer generated always as identity primary key, run text not null, body text not null
   );
   create index requests_of_run on backout.requests (run);
   create table backout.controllers (
     id text primary key, system text not null, owner text not null, beat timestamptz not null default clock_timestamp()
   );`,
  `create table backout.problem_reports (
     system text not null, id text not null, at bigint not null, body text not null, withdrawn text,
     primary key (system, id)
   );`,
];

/** For advisory locks: whoever makes or migrates tables does it alone. */
const migrationLock = 7_822_021;
const lockPauseMs = 50;

/**
 * Two that make tables at once get in each other's way. The lock is asked for again and again, outside of a transaction:
 * whoever waited for it inside of one would keep DBOS's `create index concurrently` waiting, and that the lock.
 */
export function migratingAlone(
  database: PostgresDatabase,
  work: (queries: Queries) => Promise<void>,
): Promise<void> {
  return database.session(async (queries) => {
    for (;;) {
      const sql = "select pg_try_advisory_lock($1) as got";
      const [row] = await queries.query<{ got: boolean }>(sql, [migrationLock]);
      if (row?.got) break;
      await after(lockPauseMs);
    }
    try {
      await work(queries);
    } finally {
      await queries.query("select pg_advisory_unlock($1)", [migrationLock]);
    }
  });
}

/**
 * Makes the tables or brings them to this version; refuses those that a later backout has written. `more` makes what
 * others keep in the same database.
 */
export async function migratePostgres(database: PostgresDatabase, more: () => Promise<void>): Promise<void> {
  if ((await versionOf(database)) === migrations.length) return;
  await migratingAlone(database, async (queries) => {
    const found = await versionOf(queries);
    if (found > migrations.length) {
      throw new BackoutError(
        "STATE_NEWER",
        `${database.name}: written by a later backout (schema ${found}; this one knows ${migrations.length})`,
        { effect: "none", hint: "upgrade backout on this machine: npm install --global backout@latest" },
      );
    }
    if (found === migrations.length) return;
    await more();
    await database.transaction((inside) => bringUp(inside, found));
  });
}

async function bringUp(queries: Queries, found: number): Promise<void> {
  await queries.query("create schema if not exists backout");
  await queries.query("create table if not exists backout.schema_version (version integer not null)");
  for (const sql of migrations.slice(found)) await queries.query(sql);
  await queries.query("delete from backout.schema_version");
  await queries.query("insert into backout.schema_version values ($1)", [migrations.length]);
}

async function versionOf(queries: Queries): Promise<number> {
  const [there] = await queries.query<{ yes: boolean }>(
    "select to_regclass('backout.schema_version') is not null as yes",
  );
  if (!there?.yes) return 0;
  const [row] = await queries.query<{ version: number }>("select version from backout.schema_version");
  return row?.version ?? 0;
}
