import { find, isExpired, type KeyIndex, prefixAt, recordAt, sameRecord, sizeOf } from "./key-index.js";

export type PrefixChange = {
  readonly prefix: string;
  /** There now, not captured. */
  readonly added: number;
  readonly changed: number;
  /** Captured, not there now. */
  readonly gone: number;
};

export interface Comparison {
  readonly added: number;
  readonly changed: number;
  readonly gone: number;
  readonly prefixes: readonly PrefixChange[];
}

/** What has become of the captured keys; one whose time has come counts as not captured. */
export function compareIndexes(then: KeyIndex, now: KeyIndex, at: number): Comparison {
  const changes = new Map<string, { prefix: string; added: number; changed: number; gone: number }>();
  const count = (prefix: string, what: "added" | "changed" | "gone"): void => {
    const row = changes.get(prefix) ?? { prefix, added: 0, changed: 0, gone: 0 };
    row[what]++;
    changes.set(prefix, row);
  };
  const seen = new Uint8Array(sizeOf(then));
  for (let position = 0; position < sizeOf(now); position++) {
    const record = recordAt(now, position);
    if (isExpired(record, at)) continue;
    const before = find(then, record.subarray(0, 16));
    if (before < 0 || isExpired(recordAt(then, before), at)) count(prefixAt(now, record), "added");
    else if (!sameRecord(recordAt(then, before), record)) count(prefixAt(now, record), "changed");
    if (before >= 0) seen[before] = 1;
  }
  for (const [position, found] of seen.entries()) {
    const record = recordAt(then, position);
    if (found === 0 && !isExpired(record, at)) count(prefixAt(then, record), "gone");
  }
  const prefixes = [...changes.values()].sort((a, b) => (a.prefix < b.prefix ? -1 : 1));
  const sum = (what: "added" | "changed" | "gone"): number =>
    prefixes.reduce((total, row) => total + row[what], 0);
  return { added: sum("added"), changed: sum("changed"), gone: sum("gone"), prefixes };
}

export const isSame = ({ added, changed, gone }: Comparison): boolean => added + changed + gone === 0;
