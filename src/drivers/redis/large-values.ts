import type { Hash } from "node:crypto";
import type { Connection } from "./connect.js";
import { sorted, update } from "./hash-values.js";

/** Values with more elements than this are read in parts, so that the server is not held up. */
export const largeFrom = 5000;

const part = 2000;

export async function digestLarge(
  redis: Connection,
  key: Buffer,
  type: "list" | "set" | "hash" | "zset" | "stream",
  hash: Hash,
): Promise<void> {
  if (type === "set" || type === "hash") {
    for (const row of await scanned(redis, key, type)) for (const one of row) update(hash, one);
    return;
  }
  if (type === "stream") return digestStream(redis, key, hash);
  for (let from = 0; ; from += part) {
    const to = from + part - 1;
    const elements =
      type === "list"
        ? await redis.lrangeBuffer(key, from, to)
        : await redis.zrangeBuffer(key, String(from), String(to), "WITHSCORES");
    for (const one of elements) update(hash, one);
    if (elements.length === 0) return;
  }
}

async function scanned(redis: Connection, key: Buffer, type: "set" | "hash"): Promise<Buffer[][]> {
  const rows = new Map<string, Buffer[]>();
  let cursor = "0";
  do {
    const [next, elements] =
      type === "set"
        ? await redis.sscanBuffer(key, cursor, "COUNT", part)
        : await redis.hscanBuffer(key, cursor, "COUNT", part);
    const width = type === "set" ? 1 : 2;
    for (let at = 0; at < elements.length; at += width) {
      const row = elements.slice(at, at + width);
      rows.set(row[0]?.toString("latin1") ?? "", row);
    }
    cursor = next.toString();
  } while (cursor !== "0");
  return sorted([...rows.values()]);
}

async function digestStream(redis: Connection, key: Buffer, hash: Hash): Promise<void> {
  for (let from = "-"; ; ) {
    const entries = await redis.xrangeBuffer(key, from, "+", "COUNT", part);
    for (const entry of entries) update(hash, entry);
    const last = entries.at(-1)?.[0];
    if (last === undefined) return;
    from = `(${last.toString()}`;
  }
}
