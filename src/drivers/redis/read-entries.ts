import { createHash } from "node:crypto";
import { BackoutError } from "../../core/errors.js";
import type { Connection } from "./connect.js";
import { empty, sorted, update } from "./hash-values.js";
import { digestLarge, largeFrom } from "./large-values.js";
import { pipelined } from "./pipelined.js";
import { scanKeys } from "./scan-keys.js";

export interface Entry {
  readonly key: Buffer;
  /** Milliseconds since the epoch; -1 for never. */
  readonly expiresAt: number;
  /** Over type and value; the same for any order in which a server keeps a set or hash. 16 bytes. */
  readonly digest: Buffer;
}

const types = ["string", "list", "set", "hash", "zset", "stream"] as const;
export type Type = (typeof types)[number];

const isType = (text: string): text is Type => types.some((type) => type === text);

/** Every key that is wanted, with its value's digest, some at a time. */
export async function* readEntries(
  redis: Connection,
  wanted: (latin1: string) => boolean,
  signal: AbortSignal,
): AsyncGenerator<Entry[]> {
  for await (const keys of scanKeys(redis)) {
    signal.throwIfAborted();
    const mine = keys.filter((key) => wanted(key.toString("latin1")));
    if (mine.length > 0) yield await entriesOf(redis, mine);
  }
}

async function entriesOf(redis: Connection, keys: readonly Buffer[]): Promise<Entry[]> {
  const heads = await pipelined(redis, (pipeline) => {
    for (const key of keys) pipeline.type(key).pexpiretime(key);
  });
  const found = keys.flatMap((key, index) => {
    const type = String(heads[2 * index]);
    if (type === "none") return [];
    if (!isType(type)) throw unknownType(key, type);
    return [{ key, type, expiresAt: Number(heads[2 * index + 1]) }];
  });
  const sizes = await pipelined(redis, (pipeline) => {
    for (const { key, type } of found) {
      if (type === "string") pipeline.callBuffer("GET", key);
      else pipeline.call(sizeCommands[type], key);
    }
  });
  const small = found.filter(({ type }, index) => type !== "string" && !isLarge(sizes[index]));
  const values = await pipelined(redis, (pipeline) => {
    for (const { key, type } of small) {
      if (type !== "string") pipeline.callBuffer(...readCommand(type, key));
    }
  });
  const whole = new Map(small.map((one, index) => [one, values[index]]));
  const entries: Entry[] = [];
  for (const [index, one] of found.entries()) {
    const { key, type, expiresAt } = one;
    const hash = createHash("sha256").update(type);
    if (type === "string") update(hash, sizes[index]);
    else if (isLarge(sizes[index])) await digestLarge(redis, key, type, hash);
    else for (const element of inOrder(type, whole.get(one))) update(hash, element);
    if (type === "stream") for (const group of await groupsOf(redis, key)) update(hash, group);
    entries.push({ key, expiresAt, digest: hash.digest().subarray(0, 16) });
  }
  return entries;
}

const sizeCommands = { list: "LLEN", set: "SCARD", hash: "HLEN", zset: "ZCARD", stream: "XLEN" } as const;

const isLarge = (size: unknown): boolean => typeof size === "number" && size > largeFrom;

function readCommand(type: Exclude<Type, "string">, key: Buffer): [string, ...(string | Buffer)[]] {
  if (type === "list") return ["LRANGE", key, "0", "-1"];
  if (type === "set") return ["SMEMBERS", key];
  if (type === "hash") return ["HGETALL", key];
  if (type === "zset") return ["ZRANGE", key, "0", "-1", "WITHSCORES"];
  return ["XRANGE", key, "-", "+"];
}

/** Sets and hashes have no order of their own. */
function inOrder(type: Type, value: unknown): readonly unknown[] {
  const elements: unknown[] = Array.isArray(value) ? value : [];
  if (type === "set") return sorted(elements.filter(Buffer.isBuffer).map((one) => [one])).flat();
  if (type !== "hash") return elements;
  const buffers = elements.filter(Buffer.isBuffer);
  const pairs = buffers.flatMap((field, at) => (at % 2 === 0 ? [[field, buffers[at + 1] ?? empty]] : []));
  return sorted(pairs).flat();
}

/** Who has read how far: a part of the value, without the times at which consumers were last seen. */
async function groupsOf(redis: Connection, key: Buffer): Promise<unknown[]> {
  const groups: unknown = await redis.callBuffer("XINFO", "GROUPS", key);
  if (!Array.isArray(groups)) return [];
  return groups.map((group: unknown) => (Array.isArray(group) ? group.slice(0, 8) : group));
}

const unknownType = (key: Buffer, type: string): BackoutError =>
  new BackoutError(
    "REFUSED",
    `${JSON.stringify(key.toString())}: is of the type "${type}", which only its module can read`,
    {
      effect: "none",
      hint: "leave such keys out with `protect`",
    },
  );
