import { type Connection, withConnection } from "../../clients/postgres/connection.js";
import { type Server, serverOf } from "../../clients/postgres/connection-options.js";
import { findProgram } from "../../clients/postgres/programs.js";
import { runProgram } from "../../clients/postgres/run-program.js";
import { withNeededDefaults } from "../../clients/postgres/session-defaults.js";
import type { Outcome, Settlement, StepContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { dropStaged } from "./create-staged.js";
import { named, readDatabases, stagedMarker } from "./databases.js";
import { alone } from "./maintenance.js";
import { readSchema } from "./read-content.js";
import { beginReading } from "./read-snapshot.js";
import { sessionsOf, shownSessions } from "./sessions.js";
import { tellSinceDump } from "./since-dump.js";
import { type Source, sourceOf } from "./source.js";
import { readStanding } from "./standing.js";
import { type Job, type TablesInput, tablesInput } from "./step-input.js";
import { readIndexes, readSurroundings } from "./surroundings.js";
import { definitionsOf } from "./table-definitions.js";
import { tablesFiles } from "./tables-files.js";
import type { TablesScript } from "./tables-script.js";
import { becameOf, effectOf, noteOf, stillOpen } from "./transaction-note.js";

/**
 * The chosen tables come out of the database that was staged beside, whole: with keys, indexes, triggers and rights (H37). One
 * transaction puts them into the live one; where a foreign key does not fit, it has not happened.
 */
export function applyTables(job: Job, context: StepContext): Promise<Outcome> {
  const server = serverOf(job.options);
  const input = tablesInput(job);
  const names = input.tables.map(({ name }) => name).join(", ");
  return alone(server, job.options.maintenance, context, async (connection) => {
    const before = await becameOf(connection, job, context, { end: true });
    if (before === "applied") {
      await removeStaged(connection, input, context);
      return { summary: `${names} are restored already`, changed: false };
    }
    if (before === "open") throw stillOpen(job);
    const source = await sourceOf(job, input.from, context);
    const script = await scriptFor(server, source, job, context);
    const files = await tablesFiles({ connection, server, script, source }, job, context);
    await tellSinceDump(job, context);
    await execute(connection, server, files, job, context);
    await removeStaged(connection, input, context);
    return { summary: `${names} are restored`, changed: true };
  });
}

async function scriptFor(
  server: Server,
  { data }: Source,
  job: Job,
  context: StepContext,
): Promise<Omit<TablesScript, "coming">> {
  const input = tablesInput(job);
  return withConnection(server, context, async (own) => {
    const { owner, oid } = await readStanding(own);
    await beginReading(own);
    const around = await readSurroundings(
      own,
      input.tables.map(({ name }) => name),
    );
    const definitions = definitionsOf(await readSchema(own), await readIndexes(own), input.tables);
    await own.run("commit");
    const moved = oid === input.oid ? undefined : server.database;
    const altered = moved ?? input.tables.find(({ name, seen }) => definitions[name] !== seen)?.name;
    if (altered !== undefined) {
      throw new BackoutError("CONFLICT", `${altered}: is another one than when the plan was made`, {
        ...{ effect: "none", hint: "look who changed it; then plan again" },
      });
    }
    const { tables, endMs: limitMs } = input;
    return { tables, around, limitMs, owner, data, noteFile: noteOf(job, context) };
  });
}

async function execute(
  connection: Connection,
  server: Server,
  files: readonly string[],
  job: Job,
  context: StepContext,
): Promise<void> {
  const psql = await findProgram(
    { name: "psql", atLeast: connection.major, folder: job.options.programs },
    context,
  );
  const quiet = ["-XAtq", "--single-transaction", "--set=ON_ERROR_STOP=1", "--output=/dev/null"];
  try {
    await runProgram(
      {
        ...{ program: psql, server, effect: "none" },
        args: [...quiet, ...files.map((file) => `--file=${file}`)],
        env: { PGOPTIONS: withNeededDefaults(connection.major) },
      },
      context,
    );
  } catch (error) {
    context.signal.throwIfAborted();
    throw await failed(error, connection, job, context);
  }
}

async function failed(
  error: unknown,
  connection: Connection,
  job: Job,
  context: StepContext,
): Promise<unknown> {
  if (!(error instanceof BackoutError)) return error;
  const { message } = error;
  const { oid } = tablesInput(job);
  const none = (said: string, mend: string): BackoutError =>
    new BackoutError("CONFLICT", said, { effect: "none", hint: mend, cause: error });
  if (/lock timeout/.test(message)) {
    const who = shownSessions(await sessionsOf(connection, oid, 0));
    return none(
      `the tables are in use, and were not to be had alone: ${who}`,
      "stop those, or end their transactions; then: backout resume",
    );
  }
  if (/violates foreign key constraint/.test(message)) {
    return none(
      `nothing was restored, since rows of other tables would not fit: ${message}`,
      "name the other table under `tables` as well, or remove those rows; the message has the constraint and the key",
    );
  }
  return error.leaving(await effectOf(connection, job, context));
}

async function removeStaged(
  connection: Connection,
  { staged }: TablesInput,
  context: StepContext,
): Promise<void> {
  if (staged === undefined) return;
  try {
    const found = named(await readDatabases(connection), staged);
    if (found !== undefined && stagedMarker(found) !== undefined) await dropStaged(connection, found);
  } catch (error) {
    context.log(`"${staged}": is left behind, the next restore drops it: ${String(error)}`);
  }
}

export function settleTables(job: Job, context: StepContext): Promise<Settlement> {
  const names = tablesInput(job)
    .tables.map(({ name }: TablesInput["tables"][number]) => name)
    .join(", ");
  return alone(serverOf(job.options), job.options.maintenance, context, async (connection) => {
    const state = await becameOf(connection, job, context);
    if (state === "applied") return { state, summary: `the transaction that restores ${names} is committed` };
    return state === "open"
      ? { state: "partial", summary: `the transaction that restores ${names} is still open` }
      : { state, summary: `${names} are as they were` };
  });
}
