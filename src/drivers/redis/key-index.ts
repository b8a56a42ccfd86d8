import { createHash } from "node:crypto";
import type { Connection } from "./connect.js";
import { type Entry, readEntries } from "./read-entries.js";

/** For each key: digest of its name (16), of its value (16), when it expires (8), number of its prefix (2). */
const width = 42;
const identityWidth = 40;
const mostPrefixes = 500;
const others = "(others)";

/** All that is known of a keyspace without its values: sorted by the digest of the name, so that looking up is fast. */
export interface KeyIndex {
  readonly records: Buffer;
  readonly prefixes: readonly string[];
}

export const emptyIndex: KeyIndex = { records: Buffer.alloc(0), prefixes: [] };

export const nameDigest = (key: Buffer): Buffer => createHash("sha256").update(key).digest().subarray(0, 16);

/** Up to the first colon. Bytes that are no text are shown as such. */
export function prefixOf(key: Buffer): string {
  const colon = key.indexOf(0x3a);
  if (colon < 0) return "(no prefix)";
  return JSON.stringify(key.subarray(0, colon).toString()).slice(1, -1).concat(":*");
}

export async function indexKeys(
  redis: Connection,
  wanted: (latin1: string) => boolean,
  { signal, progress }: { signal: AbortSignal; progress: (line: string) => void },
): Promise<KeyIndex> {
  const builder = indexBuilder();
  for await (const entries of readEntries(redis, wanted, signal)) {
    for (const entry of entries) builder.add(nameDigest(entry.key), entry);
    progress(`${builder.count()} keys read`);
  }
  return builder.build();
}

/** Without the number of its prefix, which only an index has. */
export function recordOf(name: Buffer, { digest, expiresAt }: Entry): Buffer {
  const row = Buffer.alloc(width);
  name.copy(row, 0);
  digest.copy(row, 16);
  row.writeDoubleBE(expiresAt, 32);
  return row;
}

function indexBuilder() {
  const rows: Buffer[] = [];
  const numbers = new Map<string, number>();
  const numberOf = (key: Buffer): number => {
    const prefix = prefixOf(key);
    const name = numbers.has(prefix) || numbers.size < mostPrefixes ? prefix : others;
    const known = numbers.get(name) ?? numbers.size;
    numbers.set(name, known);
    return known;
  };
  return {
    count: () => rows.length,
    add(name: Buffer, entry: Entry): void {
      const row = recordOf(name, entry);
      row.writeUInt16BE(numberOf(entry.key), 40);
      rows.push(row);
    },
    build(): KeyIndex {
      rows.sort(Buffer.compare);
      // A key may come twice while the server resizes its table.
      const unique = rows.filter((row, at) => at === 0 || !sameName(row, rows[at - 1] ?? row));
      return { records: Buffer.concat(unique), prefixes: [...numbers.keys()] };
    },
  };
}

const sameName = (a: Buffer, b: Buffer): boolean => a.compare(b, 0, 16, 0, 16) === 0;

export const sizeOf = ({ records }: KeyIndex): number => records.length / width;

export const recordAt = ({ records }: KeyIndex, at: number): Buffer =>
  records.subarray(at * width, (at + 1) * width);

export const expiryOf = (record: Buffer): number => record.readDoubleBE(32);

export const prefixAt = ({ prefixes }: KeyIndex, record: Buffer): string =>
  prefixes[record.readUInt16BE(40)] ?? others;

export const isExpired = (record: Buffer, now: number): boolean => {
  const at = expiryOf(record);
  return at >= 0 && at <= now;
};

/** Same value, same time of expiry. */
export const sameRecord = (a: Buffer, b: Buffer): boolean =>
  a.compare(b, 0, identityWidth, 0, identityWidth) === 0;

/** Position of the key, -1 where it is not there. Names are digests, hence spread evenly. */
export function find(index: KeyIndex, name: Buffer): number {
  let low = 0;
  let high = sizeOf(index) - 1;
  let guess = Math.floor((name.readUInt32BE(0) / 2 ** 32) * sizeOf(index));
  while (low <= high) {
    const at = Math.min(Math.max(guess, low), high);
    const order = index.records.compare(name, 0, 16, at * width, at * width + 16);
    if (order === 0) return at;
    if (order < 0) low = at + 1;
    else high = at - 1;
    guess = (low + high) >> 1;
  }
  return -1;
}

export function identityOf(index: KeyIndex): string {
  const hash = createHash("sha256");
  for (let at = 0; at < sizeOf(index); at++) hash.update(recordAt(index, at).subarray(0, identityWidth));
  return `sha256:${hash.digest("hex")}`;
}

export function countsOf(index: KeyIndex): Record<string, number> {
  const counts: Record<string, number> = {};
  for (let at = 0; at < sizeOf(index); at++) {
    const prefix = prefixAt(index, recordAt(index, at));
    counts[prefix] = (counts[prefix] ?? 0) + 1;
  }
  return Object.fromEntries(Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** As a file: the prefixes as a line of JSON, then the records. */
export const packIndex = ({ records, prefixes }: KeyIndex): Buffer =>
  Buffer.concat([Buffer.from(`${JSON.stringify(prefixes)}\n`), records]);

export function unpackIndex(file: Uint8Array): KeyIndex {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  const line = bytes.indexOf(0x0a);
  return {
    prefixes: JSON.parse(bytes.subarray(0, line).toString()) as string[],
    records: bytes.subarray(line + 1),
  };
}
