import type { DriverContext } from "../../core/driver.js";
import type { Connected } from "./connect.js";
import { matcherOf } from "./glob.js";
import { paceOf } from "./pace.js";
import { scanBounds, scanKeys } from "./scan-keys.js";

export type PatternCount = { readonly pattern: string; readonly keys: number };

export interface KeyCounts {
  readonly flush: readonly PatternCount[];
  readonly protect: readonly PatternCount[];
}

/** How many keys each pattern has, exactly, on all masters together. */
export async function countKeys(
  masters: readonly Connected[],
  flush: readonly string[],
  protect: readonly string[],
  { clock, signal }: Pick<DriverContext, "clock" | "signal">,
): Promise<KeyCounts> {
  const kept = counters(protect);
  const gone = counters(flush);
  if (flush.length + protect.length === 0) return { flush: [], protect: [] };
  for (const { redis } of masters) {
    const pace = await paceOf(redis, scanBounds, clock);
    for await (const keys of scanKeys(redis, { pace })) {
      signal.throwIfAborted();
      for (const key of keys) {
        const name = key.toString("latin1");
        if (!kept.count(name)) gone.count(name);
      }
    }
  }
  return { flush: gone.totals(), protect: kept.totals() };
}

function counters(patterns: readonly string[]) {
  const any = matcherOf(patterns);
  const each = patterns.map((pattern) => ({
    pattern,
    matches: matcherOf([pattern]),
    seen: new Set<string>(),
  }));
  return {
    count(name: string): boolean {
      if (!any(name)) return false;
      for (const { matches, seen } of each) if (matches(name)) seen.add(name);
      return true;
    },
    totals: (): PatternCount[] => each.map(({ pattern, seen }) => ({ pattern, keys: seen.size })),
  };
}

export const totalOf = (counts: readonly PatternCount[]): number =>
  counts.reduce((total, { keys }) => total + keys, 0);
