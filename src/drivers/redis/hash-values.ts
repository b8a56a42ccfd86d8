import type { Hash } from "node:crypto";

export const empty = Buffer.alloc(0);

export const sorted = (rows: readonly Buffer[][]): Buffer[][] =>
  rows.toSorted(([a], [b]) => Buffer.compare(a ?? empty, b ?? empty));

/** With its length or number of members ahead, so that no two different values are read alike. */
export function update(hash: Hash, value: unknown): void {
  if (Array.isArray(value)) {
    hash.update(`[${value.length}]`);
    for (const one of value) update(hash, one);
    return;
  }
  const bytes = Buffer.isBuffer(value) ? value : Buffer.from(String(value));
  hash.update(`${bytes.length}:`).update(bytes);
}
