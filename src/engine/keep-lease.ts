import { BackoutError } from "../core/errors.js";
import type { Clock } from "../core/ports.js";
import type { Lease, RunJournal } from "../core/run/run-journal.js";

/** A lease that is not renewed for this long may be taken by anybody. Milliseconds. */
export const leaseMs = 15_000;

/**
 * Renews the lease until stopped; calls `lost` once when it has gone to somebody else, or could not be renewed until
 * it expired. A journal that is out of reach for a moment does not end a run.
 */
export function keepLease(
  { journal, lease, clock }: { journal: RunJournal; lease: Lease; clock: Clock },
  lost: (error: unknown) => void,
): { stop(): void } {
  let { expires } = lease;
  const renew = async (): Promise<void> => {
    const wanted = clock.now() + leaseMs;
    try {
      if (await journal.renew(lease, wanted)) {
        expires = wanted;
        return;
      }
      lost(
        new BackoutError("FENCED", `${lease.scope}: another process has taken over`, {
          hint: "backout status",
        }),
      );
    } catch (error) {
      if (clock.now() < expires) return;
      lost(error);
    }
    clearInterval(timer);
  };
  const timer = setInterval(() => void renew(), leaseMs / 3);
  return { stop: () => clearInterval(timer) };
}
