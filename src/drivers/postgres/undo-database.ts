import { withConnection } from "../../clients/postgres/connection.js";
import { serverOf } from "../../clients/postgres/connection-options.js";
import type { DoneStep, DoneWork, ObserveContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { CapturedDatabase } from "./captured-database.js";
import { keptMarker, named, readDatabases } from "./databases.js";
import type { Options } from "./options.js";
import { keptName } from "./own-names.js";

/** The database that a swap has replaced. */
export type KeptDatabase = {
  readonly kind: "database";
  readonly name: string;
  readonly identity: string;
  readonly summary: string;
};

const refused = (message: string, hint: string): BackoutError =>
  new BackoutError("REFUSED", message, { effect: "none", hint });

/** A swap into a free name has replaced nothing: what was dropped before it is in a dump. */
export const swapOf = (done: DoneWork<CapturedDatabase>): DoneStep | undefined =>
  done.steps.findLast(
    ({ operation }) => operation === "swap" && !done.steps.some((other) => other.operation === "make-room"),
  );

export async function keptDatabase(
  swap: DoneStep,
  options: Options,
  context: ObserveContext,
): Promise<KeptDatabase> {
  const server = serverOf(options);
  const name = keptName(server.database, swap.key);
  const found = await withConnection(server, context, readDatabases, { database: options.maintenance });
  const row = named(found, name);
  const marker = keptMarker(row);
  if (row === undefined) {
    throw refused(
      `${name}: the replaced database is gone; it was kept for ${options.undoFor / 3_600_000} h, or there was none`,
      "restore a checkpoint instead",
    );
  }
  if (marker?.key !== swap.key) {
    throw refused(`${name}: is not the database that the run has replaced`, "look who made it");
  }
  if (marker.until < context.clock.now()) {
    throw refused(
      `${name}: the time to take the run back ended at ${new Date(marker.until).toISOString()}`,
      "restore a checkpoint instead, or swap it in by hand while it is still there",
    );
  }
  const { identity, summary } = marker;
  return { kind: "database", name, identity, summary };
}
