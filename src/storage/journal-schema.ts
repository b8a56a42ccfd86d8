import type { DatabaseSyncInstance } from "@photostructure/sqlite";
import { BackoutError } from "../core/errors.js";

/** One entry a version: what turns the version before into it. Never changed once released. */
const migrations = [
  `create table runs (
     id text primary key, system text not null, environment text not null, plan text not null, at integer not null
   ) strict;
   create index runs_of_environment on runs (system, environment, at);
   create table facts (
     run text not null references runs (id), seq integer not null, at integer not null, actor text not null,
     body text not null, hash text not null, primary key (run, seq)
   ) strict, without rowid;
   create table leases (
     scope text primary key, run text not null, owner text not null, fence integer not null, expires integer not null
   ) strict;
   create table requests (id integer primary key autoincrement, run text not null, body text not null) strict;`,
  // The newest fact is known twice, since a chain alone does not show that its end is missing.
  `alter table runs add column last_seq integer not null default 0;
   alter table runs add column last_hash text not null default '';
   update runs set
     last_seq = coalesce((select max(seq) from facts where run = id), 0),
     last_hash = coalesce((select hash from facts where run = id order by seq desc limit 1), '');`,
  // Beside the plan, which may be megabytes, each append wrote all of that again.
  `create table ends (
     run text primary key references runs (id), seq integer not null, hash text not null
   ) strict, without rowid;
   insert into ends select id, last_seq, last_hash from runs where last_seq > 0;
   alter table runs drop column last_seq;
   alter table runs drop column last_hash;`,
];

/** Brings the file to this version's schema; refuses one that a later backout has written. */
export function migrate(database: DatabaseSyncInstance, path: string): void {
  const version = (): number =>
    (database.prepare("pragma user_version").get() as { user_version: number }).user_version;
  if (version() === migrations.length) return;
  database.exec("begin immediate");
  try {
    const found = version();
    if (found > migrations.length) {
      throw new BackoutError(
        "STATE_NEWER",
        `${path}: written by a later backout (schema ${found}; this one knows ${migrations.length})`,
        { effect: "none", hint: "upgrade backout on this machine: npm install --global backout@latest" },
      );
    }
    for (const sql of migrations.slice(found)) database.exec(sql);
    database.exec(`pragma user_version = ${migrations.length}`);
    database.exec("commit");
  } catch (error) {
    if (database.isTransaction) database.exec("rollback");
    throw error;
  }
}
