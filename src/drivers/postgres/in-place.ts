import { join } from "node:path/posix";
import { type Connection, withConnection } from "../../clients/postgres/connection.js";
import { serverOf } from "../../clients/postgres/connection-options.js";
import { findProgram } from "../../clients/postgres/programs.js";
import { runProgram } from "../../clients/postgres/run-program.js";
import { withNeededDefaults } from "../../clients/postgres/session-defaults.js";
import type { Outcome, Settlement, StepContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { clearScript, finishScript } from "./clear-script.js";
import { compareStaged } from "./compare-staged.js";
import { dumpScript } from "./dump-script.js";
import { makeSnapshots } from "./kept-file.js";
import { alone } from "./maintenance.js";
import { withoutOnlyOnce } from "./only-once.js";
import { removeExpired } from "./remove-expired.js";
import { findRestore } from "./restore-program.js";
import { sessionsOf, shownSessions } from "./sessions.js";
import { tellSinceDump } from "./since-dump.js";
import { dumpOf, sourceOf } from "./source.js";
import { readStanding } from "./standing.js";
import { inPlaceInput, type Job } from "./step-input.js";
import { becameOf, effectOf, noteOf, stillOpen } from "./transaction-note.js";

/**
 * Where no second database can be had: cleared and restored by one transaction, so that everyone sees all of it or nothing.
 * It takes as long as the restore with a single connection does, and whoever reads waits for it.
 */
export function applyInPlace(job: Job, context: StepContext): Promise<Outcome> {
  const server = serverOf(job.options);
  const input = inPlaceInput(job);
  return alone(server, job.options.maintenance, context, async (connection) => {
    const before = await becameOf(connection, job, context, { end: true });
    if (before === "applied")
      return { summary: `${server.database} is restored in place already`, changed: false };
    if (before === "open") throw stillOpen(job);
    const found = await withConnection(server, context, readStanding);
    if (found.oid !== input.oid) {
      throw new BackoutError(
        "CONFLICT",
        `${server.database}: is another database than when the plan was made`,
        {
          effect: "none",
          hint: "look who did that; then plan again",
        },
      );
    }
    const source = await sourceOf(job, input.from, context);
    const { data } = source;
    const dump = await dumpOf(source, context);
    const { major } = connection;
    const restore = await findRestore(data, major, job.options, context);
    const folder = job.options.programs;
    const psql = await findProgram({ name: "psql", atLeast: restore.major, folder }, context);
    const script = (name: string): string => join(context.scratch, name);
    const only = await withoutOnlyOnce(dump, restore, data, context);
    await dumpScript(restore, dump, { to: script("restore.sql"), only }, context);
    await makeSnapshots(job.options, context);
    const clear = clearScript(data, found.owner, noteOf(job, context));
    await context.host.files.write(script("clear.sql"), clear, { mode: 0o600 });
    await context.host.files.write(script("finish.sql"), finishScript(data, found.owner), { mode: 0o600 });
    await endThose(connection, input.oid, found.endsSessions);
    await tellSinceDump(job, context);
    const files = ["clear.sql", "restore.sql", "finish.sql"].map((name) => `--file=${script(name)}`);
    try {
      await runProgram(
        {
          ...{ program: psql, server, effect: "none" },
          args: ["-XAtq", "--single-transaction", "--set=ON_ERROR_STOP=1", "--output=/dev/null", ...files],
          env: {
            PGOPTIONS: `-c lock_timeout=${input.endMs} ${withNeededDefaults(major)}`,
          },
        },
        context,
      );
    } catch (error) {
      throw await failed(error, connection, job, context);
    }
    await compareStaged({ server, data, jobs: job.options.jobs, serving: true }, context).catch(
      (error: unknown) => {
        // The transaction is committed by then.
        throw error instanceof BackoutError ? error.leaving("applied") : error;
      },
    );
    await removeExpired(job.options, server.database, context, input.from);
    return { summary: `${server.database} is restored in place`, changed: true };
  });
}

/** Whoever may be ended by this user; others are waited for, as long as a lock may be waited for. */
async function endThose(connection: Connection, oid: number, everyone: boolean): Promise<void> {
  await connection.rows(
    `select pg_terminate_backend(pid) from pg_stat_activity
     where datid = $1 and pid <> pg_backend_pid() and backend_type = 'client backend' and ($2 or usename = current_user)`,
    [oid, everyone],
  );
}

/** The transaction has taken everything back. Whether it had been committed before the connection broke, the catalogue tells. */
async function failed(
  error: unknown,
  connection: Connection,
  job: Job,
  context: StepContext,
): Promise<unknown> {
  if (!(error instanceof BackoutError)) return error;
  if (/lock timeout/.test(error.message)) {
    const sessions = await sessionsOf(connection, inPlaceInput(job).oid, 0);
    return new BackoutError(
      "CONFLICT",
      `${serverOf(job.options).database}: is in use, and was not to be had alone: ${shownSessions(sessions)}`,
      {
        effect: "none",
        hint: "stop those, or end their transactions; then: backout resume",
      },
    );
  }
  context.signal.throwIfAborted();
  return error.leaving(await effectOf(connection, job, context));
}

export function settleInPlace(job: Job, context: StepContext): Promise<Settlement> {
  const server = serverOf(job.options);
  const { database } = server;
  return alone(server, job.options.maintenance, context, async (connection) => {
    const state = await becameOf(connection, job, context);
    if (state === "applied")
      return { state, summary: `the transaction that restores ${database} is committed` };
    return state === "open"
      ? { state: "partial", summary: `the transaction that restores ${database} is still open` }
      : { state, summary: `${database} is as it was` };
  });
}
