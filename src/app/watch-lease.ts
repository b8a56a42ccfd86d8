import type { Lease } from "../core/run/run-journal.js";
import { keepLease, leaseMs } from "../engine/keep-lease.js";
import { isFree } from "./run-lease.js";
import { leaseScope, type Services } from "./services.js";

export interface WatchLease {
  /** Why this one only looks; nothing where it acts. */
  observing(): string | undefined;
  end(): Promise<void>;
}

/**
 * One watch of an environment acts, and keeps what it remembers; any other only looks and says so, and takes over when that one has
 * ended or died.
 */
export async function watchLease(services: Services, say: (text: string) => void): Promise<WatchLease> {
  const { journal, playbook, owner, clock } = services;
  const scope = `${leaseScope(playbook)} watch`;
  let held: { readonly lease: Lease; stop(): void } | undefined;
  let why: string | undefined;

  const lose = (fact: string): void => {
    held?.stop();
    held = undefined;
    if (why === undefined) say(`${fact}; this one only looks, and starts no rollback`);
    why = fact;
  };
  async function take(): Promise<void> {
    const want = { scope, run: "watch", owner, expires: clock.now() + leaseMs };
    const { taken, lease } = await journal.acquire(want, (holder) => isFree(services, holder));
    if (!taken) return lose(`process ${lease.owner.pid} on ${lease.owner.host} watches this environment`);
    if (why !== undefined) say("the other watch has ended: this one acts now");
    why = undefined;
    const kept = keepLease({ journal, lease, clock }, () => lose("another process has taken the watch over"));
    held = { lease, stop: () => kept.stop() };
  }
  const tryTake = (): Promise<void> =>
    take().catch((error: unknown) => lose(error instanceof Error ? error.message : String(error)));

  await tryTake();
  const timer = setInterval(() => {
    if (held === undefined) void tryTake();
  }, leaseMs / 3);
  timer.unref();
  return {
    observing: () => why,
    async end() {
      clearInterval(timer);
      held?.stop();
      if (held !== undefined) await journal.release(held.lease).catch(() => {});
    },
  };
}

/** For a watch that was told to start nothing. */
export const onlyLooking: WatchLease = {
  observing: () => "this watch was told to start nothing",
  end: () => Promise.resolve(),
};
