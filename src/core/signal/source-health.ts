import type { ErrorCode } from "../errors.js";

/** How the source of a signal itself is: apart from what it measures. Plain data. */
export interface SourceHealth {
  readonly source: string;
  /** `flapping`: it goes back and forth. `waiting`: not asked yet. */
  readonly state: "waiting" | "ok" | "slow" | "failing" | "flapping";
  /** Since when it has been in that state. Milliseconds since the epoch, as all times here. */
  readonly since: number;
  /** Readings in a row that gave no value. */
  readonly failures: number;
  readonly lastError?: { readonly at: number; readonly message: string; readonly hint?: string };
  readonly lastGood?: number;
  /** How long the last reading took, milliseconds. */
  readonly ms?: number;
  /** While it is left alone after failures: when it is asked again. */
  readonly nextAt?: number;
  /** The last readings, oldest first. */
  readonly recent: readonly Outcome[];
}

type Outcome = "good" | "slow" | "failed";

/** One reading as the engine saw it. */
export interface Asking {
  readonly at: number;
  readonly ms: number;
  readonly error?: { readonly code: ErrorCode; readonly message: string; readonly hint?: string };
}

const remembered = 10;
/** Changes between measured and not, within what is remembered. */
const flapsFrom = 4;

export const unasked = (source: string, since: number): SourceHealth => ({
  source,
  state: "waiting",
  since,
  failures: 0,
  recent: [],
});

/** After one more reading. `timeout` is the signal's: more than half of it is slow. */
export function healthAfter(before: SourceHealth, { at, ms, error }: Asking, timeout: number): SourceHealth {
  const outcome: Outcome = error !== undefined ? "failed" : ms * 2 > timeout ? "slow" : "good";
  const recent = [...before.recent, outcome].slice(-remembered);
  const state = stateOf(recent);
  const { message, hint } = error ?? {};
  const lastError =
    message === undefined ? before.lastError : { at, message, ...(hint === undefined ? {} : { hint }) };
  const lastGood = error === undefined ? at : before.lastGood;
  return {
    source: before.source,
    state,
    since: state === before.state ? before.since : at,
    failures: error === undefined ? 0 : before.failures + 1,
    ...(lastError === undefined ? {} : { lastError }),
    ...(lastGood === undefined ? {} : { lastGood }),
    ms,
    recent,
  };
}

function stateOf(recent: readonly Outcome[]): SourceHealth["state"] {
  const changes = recent.filter(
    (outcome, index) => index > 0 && (outcome === "failed") !== (recent[index - 1] === "failed"),
  );
  if (changes.length >= flapsFrom) return "flapping";
  const last = recent.at(-1);
  if (last === "failed") return "failing";
  return last === "slow" ? "slow" : "ok";
}

/** The source has answered, only not with a value: asking it less often would help nobody. */
const answered: ReadonlySet<ErrorCode> = new Set(["NOT_FOUND", "CONFLICT"]);
const mostTimes = 8;
const longestPause = 30_000;

/**
 * How long to leave a source alone after that many failures in a row, milliseconds: twice as long each time, up to eight
 * intervals and to half a minute, and never less than its interval.
 */
export function pauseAfter(failures: number, code: ErrorCode | undefined, every: number): number {
  if (failures < 2 || code === undefined || answered.has(code)) return every;
  return Math.max(every, Math.min(every * Math.min(2 ** (failures - 1), mostTimes), longestPause));
}
