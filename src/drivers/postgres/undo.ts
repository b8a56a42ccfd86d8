import { withConnection } from "../../clients/postgres/connection.js";
import { serverOf } from "../../clients/postgres/connection-options.js";
import type { UndoDriver } from "../../core/driver.js";
import { sameIdentity } from "../../core/same-identity.js";
import type { CapturedDatabase } from "./captured-database.js";
import { keptDatabases, named, readDatabases } from "./databases.js";
import { impactOf } from "./impact.js";
import { observe as observeNow, type Seen } from "./observe.js";
import type { Options } from "./options.js";
import { swapInputOf, swapMs } from "./plan.js";
import { planUndoKept } from "./plan-undo-kept.js";
import { type KeptDatabase, keptDatabase, swapOf } from "./undo-database.js";
import { type KeptSeen, keptSeen, replacedBy, verifyKept } from "./undo-kept.js";

type UndoSeen = Seen & {
  readonly database: string;
  /** What the run has kept: a database, or a dump; null where it replaced nothing. */
  readonly kept: KeptDatabase | KeptSeen | null;
};

/** A replaced database comes back by the same swap that brought the other one, a dumped one as it was overwritten. */
export const undo: UndoDriver<Options, CapturedDatabase, UndoSeen> = {
  async observe(done, options, context) {
    const swap = swapOf(done);
    const replaced = replacedBy(done);
    const kept =
      swap !== undefined
        ? await keptDatabase(swap, options, context)
        : replaced !== undefined
          ? await keptSeen(done, replaced, options, context)
          : null;
    const now = await observeNow(options, context, done.captured);
    const to = kept === null ? done.left : { identity: kept.identity, summary: kept.summary };
    return { ...now, to, data: { ...now.data, database: serverOf(options).database, kept } };
  },
  plan({ done, observed, options }) {
    const { kept, database: name } = observed.data;
    if (kept === null) return [];
    if (kept.kind !== "database") return planUndoKept(kept, done, observed, options);
    return [
      {
        operation: "swap",
        title: `swap the replaced ${name} in again by rename`,
        phase: "restore",
        exclusive: true,
        input: swapInputOf(kept.name, options, observed),
        impact: impactOf(name, observed.to.summary, observed),
        expectedMs: swapMs,
      },
    ];
  },
  /** It may have been written to since: that it is the very database, its swap's mark tells. */
  async verify(to, options, context) {
    const dumped = await verifyKept(to.identity, options, context);
    if (dumped !== undefined) return dumped;
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
