import type { Connection } from "./connect.js";

/** A call of some milliseconds for the server, between which it serves others. */
const perCall = 5000;

/** All keys, in some order; one that is there all the time comes at least once. */
export async function* scanKeys(
  redis: Connection,
  { match, count = perCall }: { match?: string; count?: number } = {},
): AsyncGenerator<Buffer[]> {
  let cursor = "0";
  do {
    const [next, keys] =
      match === undefined
        ? await redis.scanBuffer(cursor, "COUNT", count)
        : await redis.scanBuffer(cursor, "MATCH", match, "COUNT", count);
    cursor = next.toString();
    if (keys.length > 0) yield keys;
  } while (cursor !== "0");
}
