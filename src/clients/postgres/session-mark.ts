import { createHash } from "node:crypto";
import type { StepContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { Connection } from "./connection.js";

/** The server's name for what a step's connections do, the same on every attempt. */
export const markOf = ({ key }: StepContext): string =>
  `backout ${createHash("sha256").update(key).digest("hex").slice(0, 16)}`;

const others = `
  select pid from pg_stat_activity
  where application_name = $1 and pid <> pg_backend_pid() and datname = current_database()`;

/** A server goes on for a while with a statement whose client has died. */
async function othersEnd(connection: Connection, context: StepContext, ms: number): Promise<boolean> {
  const ends = context.clock.monotonic() + ms;
  for (;;) {
    if ((await connection.rows(others, [markOf(context)])).length === 0) return true;
    if (context.clock.monotonic() >= ends) return false;
    await context.clock.sleep(100, context.signal);
  }
}

/** Marks this connection as the step's, and ends what an earlier attempt has left in the server. */
export async function marked(connection: Connection, context: StepContext): Promise<void> {
  await connection.rows(`select pg_terminate_backend(pid) from (${others}) o`, [markOf(context)]);
  if (!(await othersEnd(connection, context, 10_000))) {
    throw new BackoutError(
      "CONFLICT",
      `${connection.shown}: still works on an earlier attempt of this step`,
      {
        effect: "unknown",
        hint: `\`select * from pg_stat_activity where application_name = '${markOf(context)}'\` shows it`,
      },
    );
  }
  await connection.rows("select set_config('application_name', $1, false)", [markOf(context)]);
}

export const leftRunning = async (connection: Connection, context: StepContext): Promise<boolean> =>
  !(await othersEnd(connection, context, 15_000));
