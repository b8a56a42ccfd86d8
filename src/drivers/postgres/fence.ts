import type { Connection } from "../../clients/postgres/connection.js";
import { identifier, literal } from "../../clients/postgres/identifier.js";
import { type DatabaseRow, fenceOf, ownMarker, readDatabases } from "./databases.js";
import { type Fence, type Marker, markerText } from "./marker.js";

const comment = (name: string, marker: Marker): string =>
  `comment on database ${identifier(name)} is ${literal(markerText(marker))};`;

/**
 * From here on nobody can connect to the live database, superusers included. How it was before is written down in the same
 * transaction, at the database that comes in: whoever finds it fenced knows by whom, and how to let everyone in again.
 */
export async function fence(
  connection: Connection,
  live: DatabaseRow,
  incoming: DatabaseRow,
  key: string,
): Promise<Fence> {
  const before = fenceOf(await readDatabases(connection), live.oid);
  const own: Fence = { key, oid: live.oid, allow: before?.fence.allow ?? live.gate.allow };
  const marker = ownMarker(incoming);
  if (marker === undefined) throw new Error(`${incoming.name}: has no mark`);
  const elsewhere = before !== undefined && before.at.oid !== incoming.oid ? before.at : undefined;
  await connection.run(
    [
      comment(incoming.name, { ...marker, fence: own }),
      elsewhere === undefined ? "" : withoutFence(elsewhere),
      `alter database ${identifier(live.name)} allow_connections false;`,
    ].join("\n"),
  );
  return own;
}

/** As it was before the fence. Nothing to do where there is none. */
export async function unfence(connection: Connection, oid: number): Promise<void> {
  const databases = await readDatabases(connection);
  const found = fenceOf(databases, oid);
  const live = databases.find((one) => one.oid === oid);
  if (found === undefined) return;
  const open =
    live === undefined
      ? ""
      : `alter database ${identifier(live.name)} allow_connections ${found.fence.allow};`;
  await connection.run(`${open} ${withoutFence(found.at)}`);
}

function withoutFence(row: DatabaseRow): string {
  const marker = ownMarker(row);
  if (marker === undefined) return "";
  const { fence: _, ...rest } = marker;
  return comment(row.name, rest);
}
