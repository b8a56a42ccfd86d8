import { BackoutError } from "../core/errors.js";
import type { Clock } from "../core/ports.js";
import type { Lease, RunJournal } from "../core/run/run-journal.js";

/** A lease that is not renewed for this long may be taken by anybody. Milliseconds. */
export const leaseMs = 15_000;

/** Renews the lease until stopped; calls `lost` once when it has gone to somebody else or cannot be renewed. */
export function keepLease(
  { journal, lease, clock }: { journal: RunJournal; lease: Lease; clock: Clock },
  lost: (error: unknown) => void,
): { stop(): void } {
  const timer = setInterval(() => {
    try {
      if (journal.renew(lease, clock.now() + leaseMs)) return;
      lost(
        new BackoutError("FENCED", `${lease.scope}: another process has taken over`, {
          hint: "backout status",
        }),
      );
    } catch (error) {
      lost(error);
    }
    clearInterval(timer);
  }, leaseMs / 3);
  return { stop: () => clearInterval(timer) };
}
