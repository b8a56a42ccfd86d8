/** The clock, or whoever judges, was not where they should have been. */
export interface ClockNotice {
  /** `set`: the clock was, or the machine slept; `overslept`: nobody judged for a while; `away`: no watch ran before this one. */
  readonly kind: "set back" | "set forward" | "overslept" | "away";
  readonly at: number;
  /** Milliseconds. */
  readonly by: number;
}

/** What the clock may step, and how long nobody may judge, without a word. Milliseconds. */
const quietStep = 1_000;
const quietPause = 10_000;

export interface Instant {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Milliseconds that never step, where there are such. */
  readonly monotonic?: number | undefined;
}

/** How two moments that follow each other do not fit. Without a monotonic clock only steps back can be told. */
export function clockNotice(before: Instant, after: Instant): ClockNotice | undefined {
  const at = after.now;
  const wall = after.now - before.now;
  const steady = before.monotonic === undefined || after.monotonic === undefined;
  const passed = steady ? Math.max(0, wall) : (after.monotonic ?? 0) - (before.monotonic ?? 0);
  const step = wall - passed;
  if (step < 0 && (steady || -step > quietStep)) return { kind: "set back", at, by: -step };
  if (step > quietStep) return { kind: "set forward", at, by: step };
  return passed > quietPause ? { kind: "overslept", at, by: passed } : undefined;
}
