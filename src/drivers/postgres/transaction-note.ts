import type { Connection } from "../../clients/postgres/connection.js";
import { serverOf } from "../../clients/postgres/connection-options.js";
import type { StepContext } from "../../core/driver.js";
import { BackoutError, type Effect } from "../../core/errors.js";
import { keptFile } from "./kept-file.js";
import type { Job } from "./step-input.js";

const pollMs = 200;
const endMs = 15_000;

/** The transaction's number, by which PostgreSQL says for ever what became of it. */
export const noteOf = (job: Job, context: StepContext): string => keptFile(job, context, "transaction");

/**
 * What PostgreSQL says of the step's transaction; one of a dead attempt is waited for, as its connection is about to end. `end`: it
 * is ended.
 */
export async function becameOf(
  connection: Connection,
  job: Job,
  context: StepContext,
  { end = false } = {},
): Promise<"applied" | "not-applied" | "open"> {
  const file = noteOf(job, context);
  if ((await context.host.files.stat(file)) === undefined) return "not-applied";
  const number = Buffer.from(await context.host.files.read(file))
    .toString()
    .trim();
  // Written in part, and so before anything was touched.
  if (!/^\d+$/.test(number)) return "not-applied";
  const begun = context.clock.monotonic();
  for (;;) {
    const state = await stateOf(connection, number);
    if (state === "committed") return "applied";
    if (state === "aborted") return "not-applied";
    if (state === null || context.clock.monotonic() - begun > endMs) return "open";
    if (end) {
      await connection.rows(
        "select pg_terminate_backend(pid) from pg_stat_activity where backend_xid = $1::xid8::xid",
        [number],
      );
    }
    await context.clock.sleep(pollMs, context.signal);
  }
}

async function stateOf(connection: Connection, number: string): Promise<string | null> {
  try {
    const sql = "select pg_xact_status($1::xid8) as state";
    return (await connection.row<{ state: string | null }>(sql, [number])).state;
  } catch (error) {
    // Not given yet: after a crash it is forgotten together with what it had done.
    const { code } = (error instanceof BackoutError ? error.cause : {}) as { code?: unknown };
    if (code === "22023") return "aborted";
    throw error;
  }
}

/** Of a transaction that has failed, as far as the program says that ran it. */
export async function effectOf(connection: Connection, job: Job, context: StepContext): Promise<Effect> {
  try {
    return (await becameOf(connection, job, context)) === "not-applied" ? "none" : "unknown";
  } catch {
    return "unknown";
  }
}

export const stillOpen = (job: Job): BackoutError =>
  new BackoutError(
    "CONFLICT",
    `${serverOf(job.options).database}: an earlier attempt's transaction is still open`,
    {
      effect: "unknown",
      hint: "`select * from pg_stat_activity where application_name = 'backout'` shows it",
    },
  );
