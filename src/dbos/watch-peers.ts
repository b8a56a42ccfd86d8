import { setTimeout as after } from "node:timers/promises";
import type { PostgresDatabase } from "../storage/postgres-database.js";
import { aliveControllers } from "./controllers.js";

const lookEveryMs = 250;
/** A server that has just started knows no locks: every controller needs a moment to take its own again. */
const serverGraceMs = 5_000;

export interface PeerWatch {
  readonly database: PostgresDatabase;
  /** Controllers that runs are assigned to. */
  readonly assigned: () => Promise<string[]>;
  readonly dead: (controllers: readonly string[]) => Promise<void>;
  readonly trouble: (error: unknown) => void;
  readonly signal: AbortSignal;
}

/** Names those that have runs and are dead: in two looks, since a lock may be lost and taken again in between. */
export async function watchPeers({ database, assigned, dead, trouble, signal }: PeerWatch): Promise<void> {
  let doubtful = new Set<string>();
  while (!signal.aborted) {
    try {
      const missing = (await serverIsSettled(database)) ? await missingControllers(database, assigned) : [];
      const gone = missing.filter((id) => doubtful.has(id));
      doubtful = new Set(missing);
      if (gone.length > 0) await dead(gone);
    } catch (error) {
      trouble(error);
    }
    await after(lookEveryMs, undefined, { signal }).catch(() => {});
  }
}

async function missingControllers(
  database: PostgresDatabase,
  assigned: () => Promise<string[]>,
): Promise<string[]> {
  const working = await assigned();
  if (working.length === 0) return [];
  const alive = new Set(await aliveControllers(database));
  return working.filter((id) => !alive.has(id));
}

async function serverIsSettled(database: PostgresDatabase): Promise<boolean> {
  const sql = `select clock_timestamp() - pg_postmaster_start_time() > interval '${serverGraceMs} milliseconds' as yes`;
  return (await database.query<{ yes: boolean }>(sql))[0]?.yes ?? false;
}
