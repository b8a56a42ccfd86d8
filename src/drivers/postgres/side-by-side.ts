import { type Connection, withConnection } from "../../clients/postgres/connection.js";
import type { Server } from "../../clients/postgres/connection-options.js";
import type { DriverContext } from "../../core/driver.js";

/** What one connection does at a stretch. */
export type Work = (connection: Connection) => Promise<void>;

/**
 * All of it by `hands` connections, begun in this order; the first of them finds out what there is to do. The first failure ends the
 * others, and is thrown when they have ended.
 */
export async function sideBySide(
  works: (first: Connection) => Promise<Work[]>,
  { server, hands }: { readonly server: Server; readonly hands: number },
  context: DriverContext,
): Promise<void> {
  const end = new AbortController();
  const inside = { ...context, signal: AbortSignal.any([context.signal, end.signal]) };
  const ending = (error: unknown): never => {
    if (!end.signal.aborted) end.abort(error);
    throw error;
  };
  const connected = (work: Work): Promise<void> => withConnection(server, inside, work).catch(ending);
  await connected(async (first) => {
    const waiting = await works(first);
    const take: Work = async (connection) => {
      for (let work = waiting.shift(); work !== undefined; work = waiting.shift()) await work(connection);
    };
    const more = Math.min(hands, waiting.length) - 1;
    const others = Array.from({ length: Math.max(0, more) }, () => connected(take));
    const all = await Promise.allSettled([take(first).catch(ending), ...others]);
    if (all.some(({ status }) => status === "rejected")) throw end.signal.reason;
  });
}
