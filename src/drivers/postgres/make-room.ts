import type { Connection } from "../../clients/postgres/connection.js";
import { serverOf } from "../../clients/postgres/connection-options.js";
import { identifier } from "../../clients/postgres/identifier.js";
import type { Outcome, Settlement, StepContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { CapturedDatabase } from "./captured-database.js";
import { isBroken, named, readDatabases } from "./databases.js";
import { checkDumps, dumpPath, readNote } from "./kept-state.js";
import { alone } from "./maintenance.js";
import { refusePrepared } from "./prepared.js";
import { findRestore } from "./restore-program.js";
import { readRoom } from "./room.js";
import { endSessions } from "./sessions.js";
import { snapshotNote, tellSinceDump } from "./since-dump.js";
import { dumpOf, sourceOf } from "./source.js";
import { type Job, makeRoomInput } from "./step-input.js";
import { refuseUnmet } from "./unmet-needs.js";

/** Drops the very database that the plan saw, and only once its dump is there. */
export function applyMakeRoom(job: Job, context: StepContext): Promise<Outcome> {
  const { database } = serverOf(job.options);
  const { oid, endMs, from } = makeRoomInput(job);
  return alone(serverOf(job.options), job.options.maintenance, context, async (connection) => {
    const databases = await readDatabases(connection);
    const live = databases.find((one) => one.oid === oid);
    if (live === undefined) return { summary: `${database}: is dropped already`, changed: false };
    if (live.name !== database || named(databases, database)?.oid !== oid) {
      throw new BackoutError(
        "CONFLICT",
        `${database}: was renamed to "${live.name}" since the plan was made`,
        {
          ...{ effect: "none", hint: "look who did that; then plan again" },
        },
      );
    }
    const note = snapshotNote(job, context);
    const kept = await readNote(note, context);
    if (kept === undefined) {
      throw new BackoutError("CONFLICT", `${note}: is not there, so ${database} is not dropped`, {
        ...{ effect: "none", hint: "plan again: that dumps it first" },
      });
    }
    await checkDumps(note, kept, context);
    // Nothing goes before it is known that what is to come can come.
    const source = await sourceOf(job, from, context);
    const { data } = source;
    await dumpOf(source, context);
    await refuseUnmet(connection, data);
    await findRestore(data, connection.major, job.options, context);
    await refuseFull(connection, database, data, context);
    await refusePrepared(connection, database);
    await endSessions(connection, { oid, database, except: 0, limitMs: endMs }, context);
    await tellSinceDump(job, context);
    // Whoever comes back in between is ended by it; whoever comes meanwhile waits, and then finds no database.
    await connection.run(`drop database ${identifier(database)} with (force)`);
    const dump = dumpPath(note, kept.dumps[0]?.file ?? "");
    return { summary: `${database} is dropped; a dump of it is in ${dump}`, changed: true, data: { dump } };
  });
}

/** The dump may lie on the same disk, and have taken what the plan had counted on. */
async function refuseFull(
  connection: Connection,
  name: string,
  { database }: CapturedDatabase,
  context: StepContext,
): Promise<void> {
  const { folder, free } = await readRoom(connection, context, name);
  const { bytes } = await connection.row<{ bytes: number }>("select pg_database_size($1)::float8 as bytes", [
    name,
  ]);
  if (free === null || free + bytes >= database.bytes) return;
  throw new BackoutError(
    "STATE_FULL",
    `${name}: is not dropped, since what is to come would have no room without it either: ${folder} has ${Math.ceil(free / 1e6)} MB free`,
    { effect: "none", hint: `make room there: \`df -h ${folder}\`; then backout resume` },
  );
}

export function settleMakeRoom(job: Job, context: StepContext): Promise<Settlement> {
  const { database } = serverOf(job.options);
  const { oid } = makeRoomInput(job);
  return alone(serverOf(job.options), job.options.maintenance, context, async (connection) => {
    const there = (await readDatabases(connection)).find((one) => one.oid === oid);
    if (there !== undefined && isBroken(there))
      return { state: "partial", summary: `the drop of ${database} was cut off: nobody can use it any more` };
    return there
      ? { state: "not-applied", summary: `${database} is still there` }
      : { state: "applied", summary: `${database} is dropped` };
  });
}
