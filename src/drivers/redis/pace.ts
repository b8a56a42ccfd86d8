import type { Clock } from "../../core/ports.js";

/** How many keys a call is about. */
export interface Pace {
  /** `keys` follows from how long the calls before took. */
  call<T>(work: (keys: number) => Promise<T>): Promise<T>;
}

export interface Bounds {
  readonly least: number;
  readonly most: number;
}

/** What keeps the server from others for longer is about too many keys. */
const longMs = 4;
const shortMs = 2;
const judged = 8;
const asked = 3;

/** Always so many. */
export const steady = (keys: number): Pace => ({ call: (work) => work(keys) });

/**
 * Begins small; halves and doubles. What counts is the fastest of some calls, without the way there and back: one that waited for a
 * processor or for the network says nothing about the server.
 */
export async function paceOf(
  redis: { ping(): Promise<unknown> },
  { least, most }: Bounds,
  clock: Pick<Clock, "monotonic">,
): Promise<Pace> {
  const timed = async <T>(work: () => Promise<T>): Promise<{ ms: number; result: T }> => {
    const begun = clock.monotonic();
    const result = await work();
    return { ms: clock.monotonic() - begun, result };
  };
  let wayMs = Number.POSITIVE_INFINITY;
  for (let ping = 0; ping < asked; ping++) wayMs = Math.min(wayMs, (await timed(() => redis.ping())).ms);
  let keys = least;
  let fastest = Number.POSITIVE_INFINITY;
  let seen = 0;
  return {
    async call(work) {
      const { ms, result } = await timed(() => work(keys));
      fastest = Math.min(fastest, ms - wayMs);
      seen++;
      if (seen === judged || (keys < most && fastest < shortMs)) {
        if (fastest > longMs) keys = Math.max(least, Math.floor(keys / 2));
        else if (fastest < shortMs) keys = Math.min(most, keys * 2);
        fastest = Number.POSITIVE_INFINITY;
        seen = 0;
      }
      return result;
    },
  };
}
