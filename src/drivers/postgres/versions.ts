import { basename } from "node:path/posix";
import { withConnection } from "../../clients/postgres/connection.js";
import { serverOf } from "../../clients/postgres/connection-options.js";
import type { DriverContext, Version } from "../../core/driver.js";
import { keptDatabases, readDatabases } from "./databases.js";
import { allNotes } from "./kept-state.js";
import type { Options } from "./options.js";

/** What earlier restores have kept of this database: by `rollback --undo`, or by hand, it comes back. */
export async function versions(options: Options, context: DriverContext): Promise<Version[]> {
  const server = serverOf(options);
  const { database } = server;
  const found = await withConnection(server, context, readDatabases, { database: options.maintenance });
  const replaced = keptDatabases(found, database).map(({ row, marker }) => ({
    ...{ name: row.name, identity: marker.identity, at: marker.at },
    summary: `database, kept until ${new Date(marker.until).toISOString()}: ${marker.summary}`,
  }));
  const dumped = (await allNotes(options.snapshots, context)).flatMap(({ note, state }) => {
    const { data, dumps, identity, summary, at, until } = state;
    const tables = dumps.flatMap((dump) => dump.tables);
    const kept = until === undefined ? "" : `, kept until ${new Date(until).toISOString()}`;
    const what = `${tables.length === 0 ? "dump" : `dump of ${tables.join(", ")}`}${kept}`;
    return data.database.name === database
      ? [{ name: dumps[0]?.file ?? basename(note), identity, at, summary: `${what}: ${summary}` }]
      : [];
  });
  return [...replaced, ...dumped].sort((a, b) => b.at - a.at);
}
