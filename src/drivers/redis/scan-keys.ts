import type { Connection } from "./connect.js";

/** A call of about a millisecond for the server, between which it serves others. More to a call made nothing faster. */
const perCall = 1000;

/** All keys, in some order; one that is there all the time comes at least once. */
export async function* scanKeys(
  redis: Connection,
  { match }: { match?: string } = {},
): AsyncGenerator<Buffer[]> {
  let cursor = "0";
  do {
    const [next, keys] =
      match === undefined
        ? await redis.scanBuffer(cursor, "COUNT", perCall)
        : await redis.scanBuffer(cursor, "MATCH", match, "COUNT", perCall);
    cursor = next.toString();
    if (keys.length > 0) yield keys;
  } while (cursor !== "0");
}
