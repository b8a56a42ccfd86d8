import type { Connection } from "../../clients/postgres/connection.js";
import type { DriverContext } from "../../core/driver.js";
import { type DatabaseRow, dropDatabase, keptDatabases, stagedMarker } from "./databases.js";
import { stagedName } from "./own-names.js";

/**
 * What is left of earlier work on this database: replaced ones whose time is over, staged ones that were never swapped in, proven copies
 * of other checkpoints.
 * Only where name, mark and number all say that they are ours.
 */
export async function dropExpired(
  connection: Connection,
  databases: readonly DatabaseRow[],
  of: string,
  context: DriverContext,
): Promise<void> {
  const now = context.clock.now();
  const kept = keptDatabases(databases, of).filter(({ marker }) => marker.until < now && !marker.fence);
  const staged = databases.filter((row) => {
    const marker = stagedMarker(row);
    return marker?.of === of && row.name === stagedName(of, marker.identity) && !marker.fence;
  });
  for (const { name } of [...kept.map(({ row }) => row), ...staged]) {
    await dropDatabase(connection, name);
    context.log(`"${name}": was kept by backout for ${of}, and is dropped`);
  }
}
