import type { Connection } from "../../clients/postgres/connection.js";
import { identifier } from "../../clients/postgres/identifier.js";
import {
  type Fence,
  type Gate,
  type KeptMarker,
  type Marker,
  readMarker,
  type StagedMarker,
} from "./marker.js";
import { keptName } from "./own-names.js";

export interface DatabaseRow {
  readonly name: string;
  readonly oid: number;
  readonly gate: Gate;
  readonly comment: string | null;
  /** Its own entry was last written by the transaction that wrote the comment: nobody has opened, renamed or altered it since. */
  readonly asMarked: boolean;
}

/** Stands in place of a transaction whose number was forgotten, as VACUUM FULL does: says nothing. */
const frozen = 2;

/** Every database of the server, as the catalogue has it now. */
export async function readDatabases(connection: Connection): Promise<DatabaseRow[]> {
  const rows = await connection.rows<{
    name: string;
    oid: string;
    allow: boolean;
    limit: number;
    template: boolean;
    comment: string | null;
    marked: boolean | null;
  }>(
    `select datname as name, d.oid::text as oid, datallowconn as allow, datconnlimit as limit, datistemplate as template,
       s.description as comment, s.xmin = d.xmin and s.xmin <> '${frozen}' as marked
     from pg_database d left join pg_shdescription s on s.objoid = d.oid and s.classoid = 'pg_database'::regclass`,
  );
  return rows.map(({ name, oid, allow, limit, template, comment, marked }) => ({
    ...{ name, oid: Number(oid), gate: { allow, limit, template }, comment, asMarked: marked === true },
  }));
}

/** Whoever is in it is ended. Whether it is ours to drop, the caller knows. */
export const dropDatabase = (connection: Connection, name: string): Promise<void> =>
  connection.run(`drop database if exists ${identifier(name)} with (force)`);

export const named = (databases: readonly DatabaseRow[], name: string): DatabaseRow | undefined =>
  databases.find((one) => one.name === name);

/** PostgreSQL's mark of a database whose drop was cut off: what is left of it can only be dropped. */
export const isBroken = ({ gate }: DatabaseRow): boolean => gate.limit === -2;

/** A mark counts only at the very database that it was written for. */
export function ownMarker(row: DatabaseRow | undefined): Marker | undefined {
  const marker = row && readMarker(row.comment);
  return marker?.oid === row?.oid ? marker : undefined;
}

export function stagedMarker(row: DatabaseRow | undefined): StagedMarker | undefined {
  const marker = ownMarker(row);
  if (marker?.kind !== "staged") return undefined;
  return row !== undefined && isBroken(row) ? { ...marker, complete: false } : marker;
}

export function keptMarker(row: DatabaseRow | undefined): KeptMarker | undefined {
  const marker = ownMarker(row);
  return marker?.kind === "kept" ? marker : undefined;
}

export interface Fenced {
  readonly fence: Fence;
  /** At which it is written. */
  readonly at: DatabaseRow;
}

/** Whoever refuses connections to that database on behalf of backout. */
export function fenceOf(databases: readonly DatabaseRow[], oid: number): Fenced | undefined {
  for (const at of databases) {
    const fence = ownMarker(at)?.fence;
    if (fence?.oid === oid) return { fence, at };
  }
  return undefined;
}

/** Those that a swap of this database has replaced, the newest first: name, mark and number all say so. */
export function keptDatabases(
  databases: readonly DatabaseRow[],
  of: string,
): { readonly row: DatabaseRow; readonly marker: KeptMarker }[] {
  return databases
    .flatMap((row) => {
      const marker = keptMarker(row);
      const ours = marker?.of === of && row.name === keptName(of, marker.key);
      return marker !== undefined && ours ? [{ row, marker }] : [];
    })
    .sort((a, b) => b.marker.at - a.marker.at);
}
