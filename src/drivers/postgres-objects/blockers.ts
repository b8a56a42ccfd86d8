import type { Connection } from "../../clients/postgres/connection.js";
import { failureOf } from "../../clients/postgres/failure.js";
import type { DriverContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";

/** A transaction that is in the way. */
interface Blocker {
  readonly pid: number;
  readonly seconds: number;
  readonly who: string;
  readonly state: string;
}

/** Whoever holds a lock on the relation, and, for an index that is to be built, whoever still has an old snapshot. */
const holders = `
  select a.pid, extract(epoch from clock_timestamp() - a.xact_start)::float8 as seconds,
    coalesce(nullif(a.application_name, ''), a.usename, a.backend_type) as who, coalesce(a.state, a.backend_type) as state
  from pg_stat_activity a
  where a.pid <> pg_backend_pid() and a.backend_type <> 'autovacuum worker'
    and a.xact_start < clock_timestamp() - make_interval(secs => $3 / 1000.0)
    and (exists (select from pg_locks l where l.pid = a.pid and l.granted and l.relation = any($1::oid[])
        and l.database = (select oid from pg_database where datname = current_database()))
      or ($2 and a.backend_xmin is not null and a.datname = current_database()))
  order by seconds desc`;

const shown = ({ pid, seconds, who, state }: Blocker): string =>
  `pid ${pid} (${who}, ${state}, for ${Math.floor(seconds)} s)`;

export interface Waiting {
  readonly object: string;
  /** Oids of the relations that are locked. */
  readonly relations: readonly string[];
  readonly snapshots: boolean;
  /** Milliseconds. */
  readonly lockMs: number;
  readonly patienceMs: number;
}

const pauseMs = 500;

/**
 * Calls `attempt` when no transaction older than one lock time-out is in the way, again where a lock was not to be had
 * even so, until patience ends. Others so wait behind us for one lock time-out at most. `left` says what a failed
 * attempt has left.
 */
export async function whenFree<Result>(
  waiting: Waiting,
  connection: Connection,
  context: DriverContext,
  attempt: () => Promise<Result>,
  left: () => Promise<"none" | "unknown">,
): Promise<Result> {
  const ends = context.clock.monotonic() + waiting.patienceMs;
  let told = "";
  for (;;) {
    const blockers = await connection.rows<Blocker>(holders, [
      waiting.relations,
      waiting.snapshots,
      waiting.lockMs,
    ]);
    const said = blockers.slice(0, 5).map(shown).join(", ");
    if (blockers.length > 0) context.progress(`${waiting.object}: waits for ${said}`);
    const pids = blockers.map(({ pid }) => pid).join();
    if (blockers.length > 0 && pids !== told) context.log(`${waiting.object}: waits for ${said}`);
    told = pids;
    if (blockers.length === 0) {
      try {
        return await attempt();
      } catch (error) {
        if (!lockWasNotToBeHad(error)) throw error;
      }
    }
    if (context.clock.monotonic() >= ends) throw gaveUp(waiting, said, blockers, await left());
    await context.clock.sleep(Math.min(pauseMs, waiting.patienceMs), context.signal);
  }
}

function gaveUp(waiting: Waiting, said: string, [oldest]: readonly Blocker[], effect: "none" | "unknown") {
  const why = said === "" ? "a lock was not to be had" : `in the way is ${said}`;
  return new BackoutError(
    "TIMEOUT",
    `${waiting.object}: gave up after ${waiting.patienceMs / 1000} s, ${why}`,
    {
      effect,
      hint:
        oldest === undefined
          ? "repeat it when the database is less busy, or raise `patience`"
          : `end that transaction, by its application or with \`select pg_terminate_backend(${oldest.pid})\`, then retry the step`,
    },
  );
}

const lockWasNotToBeHad = (error: unknown): boolean =>
  error instanceof BackoutError && failureOf(error.cause)?.code === "55P03";
