import type { Connection } from "../../clients/postgres/connection.js";
import { serverOf } from "../../clients/postgres/connection-options.js";
import type { Outcome, Settlement, StepContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { openCount } from "./count-loss.js";
import { type DatabaseRow, fenceOf, keptMarker, named, readDatabases } from "./databases.js";
import { fence, unfence } from "./fence.js";
import { alone } from "./maintenance.js";
import { keptName } from "./own-names.js";
import { refusePrepared } from "./prepared.js";
import { exchangeNames, type Scene, sceneOf, takeFreeName } from "./scene.js";
import { endSessions } from "./sessions.js";
import { type Job, swapInput } from "./step-input.js";

/** Leaves the engine time to see it before it gives the step up. */
const backOutMs = 10_000;

/**
 * Nobody is let in, everyone is told to leave, what they wrote is counted, then one transaction gives the live name to the
 * database that comes in. Whatever goes wrong before that lets everyone in again.
 */
export async function applySwap(job: Job, context: StepContext): Promise<Outcome> {
  const server = serverOf(job.options);
  const { maintenance } = job.options;
  let begun: Scene | undefined;
  try {
    return await alone(server, maintenance, context, async (connection) => {
      const databases = await readDatabases(connection);
      const done = swapped(databases, server.database, job, context.key);
      if (done !== undefined) return { ...done, changed: false };
      const scene = sceneOf(databases, server.database, swapInput(job), context.key);
      if (scene.live === undefined) return takeFreeName(connection, scene, job, context);
      await refusePrepared(connection, scene.live.name);
      begun = scene;
      return replace(connection, { ...scene, live: scene.live }, job, context);
    });
  } catch (error) {
    if (begun?.live === undefined) throw error;
    return backOut(error, begun.live, job, context);
  }
}

async function replace(
  connection: Connection,
  scene: Scene & { readonly live: DatabaseRow },
  job: Job,
  context: StepContext,
): Promise<Outcome> {
  const { live, incoming } = scene;
  const { endMs } = swapInput(job);
  const counting = await openCount(job, live, context);
  let loses: Outcome["loses"];
  let allow: boolean;
  try {
    ({ allow } = await fence(connection, live, incoming, context.key));
    const others = { oid: live.oid, database: live.name, except: counting?.pid ?? 0, limitMs: endMs };
    await endSessions(connection, others, context);
    loses = await counting?.count();
  } finally {
    await counting?.close();
  }
  await endSessions(
    connection,
    { oid: incoming.oid, database: incoming.name, except: 0, limitMs: endMs },
    context,
  );
  const until = await exchangeNames(connection, scene, allow, job, context);
  context.log(
    `${live.name}: the replaced database is kept as "${scene.kept}" until ${new Date(until).toISOString()}`,
  );
  return {
    summary: `${live.name} is back; the replaced database is "${scene.kept}"`,
    changed: true,
    data: { replaced: scene.kept, until },
    ...(loses === undefined ? {} : { loses }),
  };
}

/** What went wrong may have been the connection alone: the catalogue tells over a new one. */
async function backOut(
  error: unknown,
  { oid, name }: DatabaseRow,
  job: Job,
  context: StepContext,
): Promise<Outcome> {
  const server = serverOf(job.options);
  const still = { ...context, signal: AbortSignal.timeout(backOutMs) };
  let done: Pick<Outcome, "summary" | "data"> | undefined;
  try {
    done = await alone(server, job.options.maintenance, still, async (connection) => {
      const found = swapped(await readDatabases(connection), server.database, job, context.key);
      if (found === undefined) await unfence(connection, oid);
      return found;
    });
  } catch (second) {
    throw new BackoutError(
      error instanceof BackoutError ? error.code : "INTERNAL",
      `${name}: the swap failed (${textOf(error)}), and whether connections are allowed again is not known: ${textOf(second)}`,
      {
        effect: "unknown",
        hint: `backout resume; by hand, where it did not happen: ALTER DATABASE "${name}" ALLOW_CONNECTIONS true`,
        cause: error,
      },
    );
  }
  if (done !== undefined) return { ...done, changed: true };
  if (!(error instanceof BackoutError)) {
    throw context.signal.aborted
      ? error
      : new BackoutError("INTERNAL", `${name}: ${textOf(error)}`, { effect: "none", cause: error });
  }
  throw error.leaving("none");
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Whether the swap with this key has happened, by what the catalogue says. */
function swapped(
  databases: readonly DatabaseRow[],
  database: string,
  job: Job,
  key: string,
): Pick<Outcome, "summary" | "data"> | undefined {
  const { live, incoming } = swapInput(job);
  const kept = keptMarker(named(databases, keptName(database, key)));
  if (kept?.key === key) {
    const replaced = keptName(database, key);
    return {
      summary: `${database} was swapped; the replaced database is "${replaced}"`,
      data: { replaced, until: kept.until },
    };
  }
  if (live !== null || named(databases, database) === undefined || named(databases, incoming) !== undefined)
    return undefined;
  return { summary: `${database} has its name back` };
}

export function settleSwap(job: Job, context: StepContext): Promise<Settlement> {
  const server = serverOf(job.options);
  const { database } = server;
  return alone(server, job.options.maintenance, context, async (connection) => {
    const databases = await readDatabases(connection);
    const done = swapped(databases, database, job, context.key);
    if (done !== undefined) return { state: "applied", summary: done.summary };
    const live = named(databases, database);
    const fenced = live && fenceOf(databases, live.oid);
    return fenced?.fence.key === context.key
      ? { state: "partial", summary: `${database} is still the old one, and takes no connections` }
      : { state: "not-applied", summary: `${database} is still the old one` };
  });
}
