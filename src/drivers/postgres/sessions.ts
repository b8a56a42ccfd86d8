import type { Connection } from "../../clients/postgres/connection.js";
import type { DriverContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";

type Session = {
  readonly pid: number;
  readonly kind: string;
  readonly role: string | null;
  readonly program: string;
  readonly state: string | null;
  /** Of its transaction or, without one, of its last statement. */
  readonly seconds: number | null;
  readonly query: string;
};

export interface Ending {
  /** The database whose sessions are ended. */
  readonly oid: number;
  readonly database: string;
  /** Our own session in it, which stays. */
  readonly except: number;
  readonly limitMs: number;
}

const pollMs = 10;

/** Everyone else in the database is told to leave until nobody is there; who does not leave in time is named. */
export async function endSessions(
  connection: Connection,
  { oid, database, except, limitMs }: Ending,
  context: DriverContext,
): Promise<number> {
  const begun = context.clock.monotonic();
  const ended = new Set<number>();
  for (;;) {
    // Workers of autovacuum give way to a rename by themselves.
    const rows = await connection.rows<{ pid: number; told: boolean }>(
      `select pid, pg_terminate_backend(pid) as told from pg_stat_activity
       where datid = $1 and pid <> $2 and backend_type not like 'autovacuum%'`,
      [oid, except],
    );
    if (rows.length === 0) return ended.size;
    for (const { pid } of rows) ended.add(pid);
    if (context.clock.monotonic() - begun > limitMs)
      throw await stillThere(connection, { oid, database, except, limitMs });
    await context.clock.sleep(pollMs, context.signal);
  }
}

async function stillThere(connection: Connection, ending: Ending): Promise<BackoutError> {
  const sessions = await sessionsOf(connection, ending.oid, ending.except);
  return new BackoutError(
    "CONFLICT",
    `${ending.database}: ${sessions.length} of its connections did not end within ${ending.limitMs / 1000} s: ${shownSessions(sessions)}`,
    {
      effect: "none",
      hint: `look at them on the server: kill -9 of a server process restarts all of PostgreSQL, so mind what you do; then: backout resume`,
    },
  );
}

export const sessionsOf = (connection: Connection, oid: number, except: number): Promise<Session[]> =>
  connection.rows<Session>(
    `select pid, backend_type as kind, usename as role, application_name as program, state,
       extract(epoch from clock_timestamp() - coalesce(xact_start, state_change, backend_start))::int as seconds,
       left(regexp_replace(query, '\\s+', ' ', 'g'), 80) as query
     from pg_stat_activity where datid = $1 and pid <> $2 order by coalesce(xact_start, backend_start)`,
    [oid, except],
  );

const mostShown = 5;

export function shownSessions(sessions: readonly Session[]): string {
  const shown = sessions.slice(0, mostShown).map(({ pid, kind, role, program, state, seconds, query }) => {
    const who = [role ?? kind, program].filter(Boolean).join(" ");
    return `pid ${pid} (${who}, ${state ?? "at work"}, ${seconds ?? 0} s, "${query}")`;
  });
  const more = sessions.length - shown.length;
  return `${shown.join("; ")}${more > 0 ? `; and ${more} more` : ""}`;
}
