import { withConnection } from "../../clients/postgres/connection.js";
import { serverOf } from "../../clients/postgres/connection-options.js";
import {
  type DoneStep,
  type DoneWork,
  type ObserveContext,
  sameIdentity,
  type UndoDriver,
} from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { CapturedDatabase } from "./captured-database.js";
import { keptDatabases, keptMarker, named, readDatabases } from "./databases.js";
import { impactOf } from "./impact.js";
import type { KeptMarker } from "./marker.js";
import { observe as observeNow, type Seen } from "./observe.js";
import type { Options } from "./options.js";
import { keptName } from "./own-names.js";
import { swapInputOf, swapMs } from "./plan.js";

type UndoSeen = Seen & {
  readonly database: string;
  /** What the run's swap has kept; null where it did not swap. */
  readonly kept: string | null;
};

const refused = (message: string, hint: string): BackoutError =>
  new BackoutError("REFUSED", message, { effect: "none", hint });

const swapOf = (done: DoneWork<CapturedDatabase>): DoneStep | undefined =>
  done.steps.findLast(({ operation }) => operation === "swap");

async function keptOf(
  swap: DoneStep,
  options: Options,
  context: ObserveContext,
): Promise<KeptMarker & { name: string }> {
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
  return { ...marker, name };
}

/** The replaced database comes back by the same swap that brought the other one, and can be taken back in turn. */
export const undo: UndoDriver<Options, CapturedDatabase, UndoSeen> = {
  async observe(done, options, context) {
    const swap = swapOf(done);
    const kept = swap === undefined ? undefined : await keptOf(swap, options, context);
    const now = await observeNow(options, context, done.captured);
    const to = kept === undefined ? done.left : { identity: kept.identity, summary: kept.summary };
    return {
      ...now,
      to,
      data: { ...now.data, database: serverOf(options).database, kept: kept?.name ?? null },
    };
  },
  plan({ done, observed, options }) {
    const { kept, database: name } = observed.data;
    if (swapOf(done) === undefined || kept === null) return [];
    return [
      {
        operation: "swap",
        title: `swap the replaced ${name} in again by rename`,
        phase: "restore",
        exclusive: true,
        input: swapInputOf(kept, options, observed),
        impact: impactOf(name, observed.to.summary, observed),
        expectedMs: swapMs,
      },
    ];
  },
  /** It may have been written to since: that it is the very database, its swap's mark tells. */
  async verify(to, options, context) {
    const { database } = serverOf(options);
    const now = await observeNow(options, context);
    const check = sameIdentity(`${database}: is what was there before the run`, to, now);
    if (check.result === "passed") return [check];
    const found = await withConnection(serverOf(options), context, readDatabases, {
      database: options.maintenance,
    });
    const { oid } = named(found, database) ?? {};
    const broughtBy = keptDatabases(found, database).find(({ marker }) => marker.by === oid);
    if (broughtBy?.marker.brought !== to.identity) return [check];
    return [{ ...check, result: "passed", message: "the very database, written to since" }];
  },
};
