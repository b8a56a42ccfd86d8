import type { Connection } from "../../clients/postgres/connection.js";
import { type Server, serverOf } from "../../clients/postgres/connection-options.js";
import { identifier, literal } from "../../clients/postgres/identifier.js";
import type { Outcome, Settlement, StepContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { compareStaged } from "./compare-staged.js";
import { createStaged, dropStaged } from "./create-staged.js";
import { named, readDatabases, stagedMarker } from "./databases.js";
import { dropExpired } from "./drop-expired.js";
import { alone } from "./maintenance.js";
import { markerText, type StagedMarker } from "./marker.js";
import { closedCopy, type ProvenCopy } from "./proven-copy.js";
import { removeExpired } from "./remove-expired.js";
import { restoreDump } from "./restore-dump.js";
import { findRestore } from "./restore-program.js";
import { endSessions } from "./sessions.js";
import { dumpOf, type Source, sourceOf } from "./source.js";
import { type Job, stageInput } from "./step-input.js";
import { refuseUnmet } from "./unmet-needs.js";

const cleanUpMs = 10_000;
const endMs = 10_000;

/**
 * Restores into a database beside the live one, which serves on, or takes what a proof has kept there. The mark that it is complete is
 * written last, after it was compared with what was captured; from then on nobody can connect to it until it is swapped in.
 */
export async function applyStage(job: Job, context: StepContext): Promise<Outcome> {
  const server = serverOf(job.options);
  const { staged, from } = stageInput(job);
  let begun = false;
  try {
    return await alone(server, job.options.maintenance, context, async (connection) => {
      const databases = await readDatabases(connection);
      const found = named(databases, staged);
      if (stagedMarker(found)?.complete === true) {
        return { summary: `"${staged}" holds the captured state already`, changed: false };
      }
      const source = await sourceOf(job, from, context);
      await refuseUnmet(connection, source.data);
      const copy = closedCopy(databases, server.database, source.identity);
      if (copy === undefined && stagedMarker(found)?.proven !== undefined)
        context.log(`"${staged}": the proven copy was opened or altered since, and is made anew`);
      if (found !== undefined && copy === undefined) await dropStaged(connection, found);
      const others = databases.filter((row) => row !== found);
      await dropExpired(connection, others, server.database, context);
      await removeExpired(job.options, server.database, context, from);
      begun = true;
      const taken = copy !== undefined && (await took(connection, copy, source, job, context));
      if (!taken) await make(connection, server, source, job, context);
      const by = taken ? ", the proven copy," : "";
      return { summary: `"${staged}"${by} holds the captured state`, changed: true, data: { staged } };
    });
  } catch (error) {
    if (begun) await removeLeft(job, context);
    // What serves is as it was.
    throw error instanceof BackoutError ? error.leaving("none") : error;
  }
}

/** What a proof has kept, compared once more. False where it is not what it was: then it is gone, and has to be made. */
async function took(
  connection: Connection,
  { row, marker }: ProvenCopy,
  source: Source,
  job: Job,
  context: StepContext,
): Promise<boolean> {
  const { proven: _, ...mark } = marker;
  const name = identifier(row.name);
  try {
    await connection.run(
      `comment on database ${name} is ${literal(markerText(mark))}; alter database ${name} allow_connections true;`,
    );
    await complete(connection, mark, source, job, context);
    return true;
  } catch (error) {
    if (!(error instanceof BackoutError) || context.signal.aborted) throw error;
    context.log(`"${row.name}": the proven copy cannot be taken, and is made anew: ${error.message}`);
    await dropStaged(connection, row);
    return false;
  }
}

async function make(
  connection: Connection,
  server: Server,
  source: Source,
  job: Job,
  context: StepContext,
): Promise<void> {
  const { staged } = stageInput(job);
  const { data, identity } = source;
  const name = identifier(staged);
  const { jobs } = job.options;
  const creating = createStaged(connection, staged, { live: server.database, ...stageInput(job) }, data);
  const reading = dumpOf(source, context);
  const finding = findRestore(data, connection.major, job.options, context);
  // Whatever becomes of one, what the server does for another is not left unseen.
  await Promise.allSettled([creating, reading, finding]);
  const [oid, dump, program] = await Promise.all([creating, reading, finding]);
  const mark: StagedMarker = {
    ...{ kind: "staged", of: server.database, oid },
    ...{ identity, complete: false },
  };
  await connection.run(
    `comment on database ${name} is ${literal(markerText(mark))}; alter database ${name} allow_connections true;`,
  );
  const beside: Server = { ...server, database: staged };
  // Until it is swapped in, its comment is our mark.
  const unmarked = { ...data, database: { ...data.database, comment: "" } };
  await restoreDump({ program, server: beside, dump, data: unmarked, jobs, entry: connection }, context);
  await complete(connection, mark, source, job, context);
}

/** Compared; from the mark on nobody can connect to it until it is swapped in. */
async function complete(
  connection: Connection,
  mark: StagedMarker,
  { data }: Source,
  job: Job,
  context: StepContext,
): Promise<void> {
  const { staged: database } = stageInput(job);
  const name = identifier(database);
  const { jobs } = job.options;
  await compareStaged({ server: { ...serverOf(job.options), database }, data, jobs }, context);
  await connection.run(`alter database ${name} allow_connections false`);
  await endSessions(connection, { oid: mark.oid, database, except: 0, limitMs: endMs }, context);
  await connection.run(`comment on database ${name} is ${literal(markerText({ ...mark, complete: true }))}`);
}

/** The live database is as it was; of the staged one nothing is left, unless the server is what has gone. */
async function removeLeft(job: Job, context: StepContext): Promise<void> {
  const server = serverOf(job.options);
  const { staged } = stageInput(job);
  const still = { ...context, signal: AbortSignal.timeout(cleanUpMs) };
  try {
    await alone(server, job.options.maintenance, still, async (connection) => {
      const found = named(await readDatabases(connection), staged);
      if (found !== undefined && stagedMarker(found)?.complete !== true) await dropStaged(connection, found);
    });
  } catch (error) {
    context.log(`"${staged}": is left behind, the next attempt removes it: ${String(error)}`);
  }
}

/** Looks only; what a dead attempt had begun has ended by the time that this is alone. */
export function settleStage(job: Job, context: StepContext): Promise<Settlement> {
  const server = serverOf(job.options);
  const { staged } = stageInput(job);
  return alone(server, job.options.maintenance, context, async (connection) => {
    const found = named(await readDatabases(connection), staged);
    if (found === undefined) return { state: "not-applied", summary: `"${staged}" is not there` };
    const marker = stagedMarker(found);
    if (marker?.complete === true) return { state: "applied", summary: `"${staged}" is complete` };
    return marker?.proven === undefined
      ? { state: "partial", summary: `"${staged}" is restored in part` }
      : { state: "not-applied", summary: `"${staged}" is what a proof has kept` };
  });
}
