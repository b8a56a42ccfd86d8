import type { Connection } from "../../clients/postgres/connection.js";
import { identifier } from "../../clients/postgres/identifier.js";
import { BackoutError } from "../../core/errors.js";
import type { CapturedDatabase } from "./captured-database.js";
import { type DatabaseRow, dropDatabase, stagedMarker } from "./databases.js";
import { createStatement } from "./settings.js";

/**
 * Made so that nobody can connect: as long as there is no mark on it, a database of this name that takes no connections is
 * an empty one of ours. Answers its number.
 */
export async function createStaged(
  connection: Connection,
  name: string,
  { live, tablespace }: { readonly live: string; readonly tablespace?: string },
  { database }: CapturedDatabase,
): Promise<number> {
  const beside = await placeBeside(connection, live, tablespace);
  const owner = ` owner ${identifier(database.owner)}`;
  await connection.run(`${createStatement(database, name)}${owner}${beside} allow_connections false`);
  const { oid } = await connection.row<{ oid: string }>(
    "select oid::text as oid from pg_database where datname = $1",
    [name],
  );
  return Number(oid);
}

/** For the end of a `CREATE DATABASE`: the tablespace of `live` or, where that is gone, the one that it had. Empty for the usual one. */
export async function placeBeside(
  connection: Connection,
  live: string,
  tablespace?: string,
): Promise<string> {
  // Named, it asks for a right that nobody needs for the usual one.
  const [place] = await connection.rows<{ tablespace: string }>(
    `select t.spcname::text as tablespace from pg_tablespace t
     where t.spcname = coalesce($2, (select l.spcname from pg_tablespace l join pg_database d on d.dattablespace = l.oid
         where d.datname = $1))
       and t.oid <> (select dattablespace from pg_database where datname = 'template0')`,
    [live, tablespace ?? null],
  );
  return place === undefined ? "" : ` tablespace ${identifier(place.tablespace)}`;
}

/** Only what is provably ours: by its mark or, where the mark is missing, because nobody could ever connect to it. */
export async function dropStaged(connection: Connection, row: DatabaseRow): Promise<void> {
  if (stagedMarker(row) === undefined && (row.gate.allow || row.comment !== null)) {
    throw new BackoutError(
      "CONFLICT",
      `${row.name}: a database of this name is there, and it is not of backout's making`,
      { effect: "none", hint: "rename it, then try again" },
    );
  }
  await dropDatabase(connection, row.name);
}
