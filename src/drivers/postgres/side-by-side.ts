import { type Connection, withConnection } from "../../clients/postgres/connection.js";
import type { Server } from "../../clients/postgres/connection-options.js";
import type { DriverContext } from "../../core/driver.js";

/** What one connection does at a stretch. */
export type Work = (connection: Connection) => Promise<void>;

/** All of it by `jobs` connections, begun in this order. The first failure ends the others, and is thrown when they have ended. */
export async function sideBySide(
  works: readonly Work[],
  { server, jobs }: { readonly server: Server; readonly jobs: number },
  context: DriverContext,
): Promise<void> {
  const end = new AbortController();
  const inside = { ...context, signal: AbortSignal.any([context.signal, end.signal]) };
  const waiting = [...works];
  const one = async (): Promise<void> => {
    try {
      await withConnection(server, inside, async (connection) => {
        for (let work = waiting.shift(); work !== undefined; work = waiting.shift()) await work(connection);
      });
    } catch (error) {
      if (!end.signal.aborted) end.abort(error);
      throw error;
    }
  };
  const all = await Promise.allSettled(Array.from({ length: Math.min(jobs, works.length) }, one));
  if (all.some(({ status }) => status === "rejected")) throw end.signal.reason;
}
