import { BackoutError } from "../../core/errors.js";
import type { Clock } from "../../core/ports.js";

/** How a request is let in. Never logged, never in a message. */
export interface Credentials {
  readonly authorization?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** Asked before each request, since what a plugin gives ends at some time. */
export interface SignIn {
  now(): Promise<Credentials>;
  /** They were not accepted. Whether asking again may give others. */
  refused(credentials: Credentials): boolean;
}

/** What a plugin gave. */
export interface Issued {
  readonly credentials: Credentials;
  /** Milliseconds since the epoch. */
  readonly expires: number;
}

/** So long before they end they are not used any more: a request takes its time, and clocks differ. Milliseconds. */
const early = 10_000;

const held = new Map<string, Issued>();
const asking = new Map<string, Promise<Issued>>();

/** One plugin's credentials for all of this process, until they expire or a server refuses them. */
export function heldUntilExpiry(key: string, ask: () => Promise<Issued>, clock: Pick<Clock, "now">): SignIn {
  return {
    async now() {
      for (;;) {
        const known = held.get(key);
        if (known !== undefined && clock.now() < known.expires - early) return known.credentials;
        const going = asking.get(key);
        if (going === undefined) break;
        // Who had begun to ask may have been told to end, which is no answer for others.
        const failure: unknown = await going.then(
          () => undefined,
          (error: unknown) => error,
        );
        if (failure instanceof BackoutError) throw failure;
      }
      const going = ask();
      asking.set(key, going);
      try {
        const issued = await going;
        held.set(key, issued);
        return issued.credentials;
      } finally {
        asking.delete(key);
      }
    },
    refused(credentials) {
      if (held.get(key)?.credentials === credentials) held.delete(key);
      return true;
    },
  };
}
