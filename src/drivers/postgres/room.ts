import type { Connection } from "../../clients/postgres/connection.js";
import { isHere } from "../../clients/postgres/connection-options.js";
import type { DriverContext } from "../../core/driver.js";
import type { CapturedDatabase } from "./captured-database.js";
import type { Options } from "./options.js";

/** Where the database's files are, and how much is free there: null where that cannot be seen from here. */
export type Room = { readonly folder: string | null; readonly free: number | null };

/** A copy of what takes so many bytes, with what is written to the log meanwhile. */
export const neededFor = (bytes: number): number => bytes * 1.2;

/** Of that database, by default the one that is connected to. */
export async function readRoom(
  connection: Connection,
  { host }: Pick<DriverContext, "host">,
  database = connection.server.database,
): Promise<Room> {
  const { folder } = await connection.row<{ folder: string | null }>(
    `select coalesce(nullif(pg_tablespace_location(dattablespace), ''),
         (select setting from pg_settings where name = 'data_directory')) as folder
       from pg_database where datname = $1`,
    [database],
  );
  if (folder === null || !isHere(connection.server)) return { folder, free: null };
  const there = await host.files.stat(folder).catch(() => undefined);
  return { folder, free: there === undefined ? null : await host.files.freeBytes(folder).catch(() => null) };
}

/** Where dumps go that are made right before a restore. */
export async function readDumpRoom(
  { snapshots }: Pick<Options, "snapshots">,
  { host: { files } }: Pick<DriverContext, "host">,
): Promise<Room> {
  const folder = files.resolve(snapshots);
  return { folder, free: await files.freeBytes(folder).catch(() => null) };
}

const dumpMargin = 16e6;

const dumpNeeds = ({ dump, database }: Pick<CapturedDatabase, "dump" | "database">, bytes: number): number =>
  1.5 * bytes * Math.min(1, dump.bytes / Math.max(1, database.bytes)) + dumpMargin;

/** Why a dump of what takes so many bytes cannot be kept, by what the captured one took; `undefined` where it can, or nobody knows. */
export function lackOfDumpRoom(
  { dump, database }: CapturedDatabase,
  bytes: number,
  room: Room | undefined,
): string | undefined {
  const needed = dumpNeeds({ dump, database }, bytes);
  if (room?.free == null || room.free >= needed) return undefined;
  const [free, about] = [room.free, needed].map((one) => Math.ceil(one / 1e6));
  return `${room.folder} has ${free} MB free, and a dump of what is there may need ${about} MB`;
}
