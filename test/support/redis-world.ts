import { createHash } from "node:crypto";
import type { Redis } from "ioredis";

/** A digest of every key, its value and when it expires, read by itself; sets and hashes in a fixed order. */
export async function redisWorld(client: Redis, pattern = "*"): Promise<string> {
  const hash = createHash("sha256");
  for (const key of (await client.keysBuffer(pattern)).sort(Buffer.compare)) {
    hash.update(
      JSON.stringify([key.toString("hex"), await client.pexpiretime(key), await valueOf(client, key)]),
    );
  }
  return hash.digest("hex");
}

async function valueOf(client: Redis, key: Buffer): Promise<unknown> {
  const hex = (rows: Buffer[]): string[] => rows.map((row) => row.toString("hex"));
  switch (await client.type(key)) {
    case "string":
      return (await client.getBuffer(key))?.toString("hex");
    case "list":
      return hex(await client.lrangeBuffer(key, 0, -1));
    case "set":
      return hex(await client.smembersBuffer(key)).sort();
    case "zset":
      return hex(await client.zrangeBuffer(key, "0", "-1", "WITHSCORES"));
    case "hash":
      return Object.entries(await client.hgetall(key)).sort(([a], [b]) => (a < b ? -1 : 1));
    default:
      return [await client.xrange(key, "-", "+"), await client.xinfo("GROUPS", key)];
  }
}
