import type { Connection } from "../../clients/postgres/connection.js";
import { serverOf } from "../../clients/postgres/connection-options.js";
import { identifier, literal } from "../../clients/postgres/identifier.js";
import type { CapturedPart, DriverContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { CapturedDatabase } from "./captured-database.js";
import { type DatabaseRow, dropDatabase, isBroken, named, readDatabases, stagedMarker } from "./databases.js";
import { alone, holdAlone } from "./maintenance.js";
import { markerText, type StagedMarker } from "./marker.js";
import type { Options } from "./options.js";
import { stagedName } from "./own-names.js";
import { neededFor, readRoom } from "./room.js";
import { endSessions } from "./sessions.js";
import { againstSwap, readStanding } from "./standing.js";

const endMs = 10_000;

type Captured = Pick<CapturedPart<CapturedDatabase>, "data" | "identity" | "at">;

/** Whether a copy that was restored for a proof is to be kept, as far as the playbook says. */
export const keepsProven = (
  { data }: Pick<Captured, "data">,
  { keepProven, scratch, way }: Options,
): boolean => scratch === undefined && way !== "in-place" && data.database.bytes <= keepProven * 1e6;

/**
 * The database that was restored and compared stays, closed to everyone, under the name that a restore would give it: bringing it
 * back is then little more than the swap. One for each live database: that of the newest checkpoint. Never a reason for a proof to
 * fail: where it cannot be kept it goes, as it would otherwise. Answers what became of it, for people.
 */
export async function keepCopy(
  { keeper, scratch }: { readonly keeper: Connection; readonly scratch: string },
  captured: Captured,
  options: Options,
  context: DriverContext,
): Promise<string> {
  try {
    const { database } = serverOf(options);
    await holdAlone(keeper, database, context);
    return (await keep(keeper, { scratch, of: database }, captured, context)) ?? kept(database, captured);
  } catch (error) {
    if (!(error instanceof BackoutError) || context.signal.aborted) throw error;
    return notKept(error.message);
  }
}

const kept = (database: string, { identity }: Captured): string =>
  `the restored copy stays as "${stagedName(database, identity)}", closed, so that the way back is little more than a swap`;

export const notKept = (why: string): string => `the restored copy is not kept: ${why}`;

/** Answers why not. */
async function keep(
  keeper: Connection,
  { scratch, of }: { readonly scratch: string; readonly of: string },
  { identity, at }: Captured,
  context: DriverContext,
): Promise<string | undefined> {
  const databases = await readDatabases(keeper);
  const name = stagedName(of, identity);
  const before = provenCopies(databases, of);
  if (before.some(({ marker }) => marker.proven > at)) return notKept("there is one of a newer checkpoint");
  const holder = named(databases, name);
  if (holder !== undefined && !before.some(({ row }) => row === holder))
    return notKept(`"${name}" is there already`);
  const copy = named(databases, scratch);
  if (copy === undefined) return notKept(`"${scratch}" is gone`);
  await keeper.run(`alter database ${identifier(scratch)} allow_connections false`);
  await endSessions(keeper, { oid: copy.oid, database: scratch, except: 0, limitMs: endMs }, context);
  await dropCopies(keeper, before, context);
  const marker: StagedMarker = { kind: "staged", of, oid: copy.oid, identity, complete: false, proven: at };
  await keeper.run(
    `comment on database ${identifier(scratch)} is ${literal(markerText(marker))};
     alter database ${identifier(scratch)} rename to ${identifier(name)};`,
  );
  return undefined;
}

/** Why a copy cannot be kept: it could not be swapped in, or would take the room of what serves. */
export async function uselessBecause(
  live: Connection,
  { database }: CapturedDatabase,
  context: DriverContext,
): Promise<string | undefined> {
  const standing = await readStanding(live);
  const against = [...againstSwap(database.name, standing), ...standing.slots, ...standing.subscriptions];
  if (against.length > 0) return `it could not be swapped in: ${against.join("; ")}`;
  const { folder, free } = await readRoom(live, context);
  if (free === null || free >= neededFor(database.bytes)) return undefined;
  return `${folder} has ${Math.floor(free / 1e6)} MB free`;
}

export interface ProvenCopy {
  readonly row: DatabaseRow;
  readonly marker: StagedMarker & { readonly proven: number };
}

/** Those of this database: name, mark and number all say so, and no restore is at work with them. */
export const provenCopies = (databases: readonly DatabaseRow[], of: string): ProvenCopy[] =>
  databases.flatMap((row) => {
    const marker = stagedMarker(row);
    if (marker?.proven === undefined || marker.fence !== undefined) return [];
    const ours = marker.of === of && row.name === stagedName(of, marker.identity);
    return ours ? [{ row, marker: { ...marker, proven: marker.proven } }] : [];
  });

/** That of a state, as it was left: nobody has opened it since, so nobody can have been in it. */
export const closedCopy = (
  databases: readonly DatabaseRow[],
  of: string,
  identity: string,
): ProvenCopy | undefined =>
  provenCopies(databases, of).find(
    ({ row, marker }) => marker.identity === identity && row.asMarked && !isBroken(row),
  );

async function dropCopies(
  connection: Connection,
  copies: readonly ProvenCopy[],
  context: DriverContext,
): Promise<void> {
  for (const { row } of copies) {
    await dropDatabase(connection, row.name);
    context.log(`"${row.name}": the proven copy of an earlier checkpoint, dropped`);
  }
}

/** The checkpoint is gone: so is the copy that its proof had kept. */
export function letGo(
  { at }: Pick<Captured, "at">,
  options: Options,
  context: DriverContext,
): Promise<string[]> {
  const server = serverOf(options);
  return alone(server, options.maintenance, context, async (connection) => {
    const copies = provenCopies(await readDatabases(connection), server.database);
    await dropCopies(
      connection,
      copies.filter(({ marker }) => marker.proven === at),
      context,
    );
    return [];
  });
}
