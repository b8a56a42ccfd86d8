import type { Connection } from "./connect.js";
import { type Pace, steady } from "./pace.js";

/** A call of about a millisecond for the server, between which it serves others. More to a call made nothing faster. */
const perCall = 1000;
export const scanBounds = { least: 100, most: perCall };

/** All keys, in some order; one that is there all the time comes at least once. */
export async function* scanKeys(
  redis: Connection,
  { match, pace = steady(perCall) }: { readonly match?: string; readonly pace?: Pace } = {},
): AsyncGenerator<Buffer[]> {
  let cursor = "0";
  do {
    const [next, keys] = await pace.call((count) =>
      match === undefined
        ? redis.scanBuffer(cursor, "COUNT", count)
        : redis.scanBuffer(cursor, "MATCH", match, "COUNT", count),
    );
    cursor = next.toString();
    if (keys.length > 0) yield keys;
  } while (cursor !== "0");
}
