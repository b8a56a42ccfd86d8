import { type Connection, connect } from "../../clients/postgres/connection.js";
import type { Server } from "../../clients/postgres/connection-options.js";
import type { DriverContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";

/** Any number that other programs are unlikely to lock. */
const lockClass = 0x62_6b_6f_74;
const lockWaitMs = 15_000;
const pollMs = 100;

/**
 * Works from another database than the one that is changed, alone: a second restore of the same database waits, then is
 * refused. What a dead backout's last statement still does has ended before this begins.
 */
export async function alone<Result>(
  server: Server,
  maintenance: string,
  context: DriverContext,
  work: (connection: Connection) => Promise<Result>,
): Promise<Result> {
  const connection = await connect(server, context, { database: maintenance, lockMs: 5_000 });
  try {
    await holdAlone(connection, server.database, context);
    return await work(connection);
  } finally {
    await connection.close();
  }
}

/** Until the connection ends nobody else works on that database. */
export async function holdAlone(
  connection: Connection,
  database: string,
  context: DriverContext,
): Promise<void> {
  const begun = context.clock.monotonic();
  for (;;) {
    const { got } = await connection.row<{ got: boolean }>(
      "select pg_try_advisory_lock($1, hashtext($2)) as got",
      [lockClass, database],
    );
    if (got) return;
    if (context.clock.monotonic() - begun > lockWaitMs) throw await taken(connection, database);
    await context.clock.sleep(pollMs, context.signal);
  }
}

async function taken(connection: Connection, database: string): Promise<BackoutError> {
  const [holder] = await connection.rows<{ pid: number; from: string | null; since: string }>(
    `select a.pid, coalesce(host(a.client_addr), 'this machine') as from, a.backend_start::text as since
     from pg_locks l join pg_stat_activity a using (pid)
     where l.locktype = 'advisory' and l.granted and l.classid = $1 and l.objid::bigint = (hashtext($2)::bigint & 4294967295)
       and l.database = (select oid from pg_database where datname = current_database())`,
    [lockClass, database],
  );
  const by = holder === undefined ? "" : ` (pid ${holder.pid}, from ${holder.from}, since ${holder.since})`;
  return new BackoutError("CONFLICT", `${database}: another backout is at work on it${by}`, {
    effect: "none",
    hint: "wait for it, or end it; then: backout resume",
  });
}
