import { durationText } from "../report/measures.js";
import type { SignalHistory } from "./signal-history.js";
import type { ConditionInput } from "./window-functions.js";

/** A number, or why there is none: it could not be measured, or has not been often enough. */
export type Measured = number | { readonly noData: string } | { readonly tooFew: string };

export interface Past {
  /** Where the signal's newest reading is: the end of every window over it. */
  readonly at: number;
  readonly history: SignalHistory;
}

/**
 * What the past says. Windows reach from their end, the newest reading, back for their length, the far end left out.
 * `increase` counts from the last reading before that, so that five minutes are five minutes (unless that one is as old as
 * two windows); a counter that falls has begun anew at zero.
 */
export function measureInput(
  input: ConditionInput,
  past: (signal: string) => Past | undefined,
  baselines: Readonly<Record<string, number>>,
): Measured {
  if (input.function === "baseline") {
    const known = Object.hasOwn(baselines, input.signal) ? baselines[input.signal] : undefined;
    return known ?? { tooFew: `no checkpoint has a baseline of "${input.signal}" as it is defined now` };
  }
  const own = past(input.signal);
  if (own === undefined) return { tooFew: `"${input.signal}" has not been measured` };
  if (input.function === "ratio") {
    const below = input.of === undefined ? undefined : past(input.of);
    if (below === undefined) return { tooFew: `"${input.of}" has not been measured` };
    return ratio(input, own, below);
  }
  if (input.function === "increase" || input.function === "rate") {
    const grown = increase(input.signal, own, input.window);
    if (!("by" in grown)) return grown;
    return input.function === "increase" ? grown.by : (grown.by / grown.ms) * 1_000;
  }
  return overReadings(input, own);
}

function overReadings({ function: name, signal, window }: ConditionInput, { at, history }: Past): Measured {
  const from = history.after(at - window);
  const count = history.length - from;
  if (name === "samples") return count;
  if (count === 0) return { tooFew: `"${signal}" was not measured within ${durationText(window)}` };
  const { sum, least, most } = history.summary(from);
  if (name === "min") return least;
  return name === "max" ? most : sum / count;
}

type Increase = { readonly by: number; readonly ms: number } | Exclude<Measured, number>;

function increase(signal: string, { at, history }: Past, window: number): Increase {
  const inside = history.after(at - window);
  const near = inside > 0 && history.time(inside - 1) > at - 2 * window;
  const from = near ? inside - 1 : inside;
  if (history.length - from < 2) {
    return { tooFew: `"${signal}" was measured less than twice within ${durationText(window)}` };
  }
  let by = 0;
  for (let index = from; index < history.length; index++) {
    const value = history.value(index);
    if (value < 0) return { noData: `"${signal}" was ${value}: what counts is never negative` };
    if (index === from) continue;
    const before = history.value(index - 1);
    by += value >= before ? value - before : value;
  }
  return { by, ms: history.time(history.length - 1) - history.time(from) };
}

function ratio({ signal, of = "", window }: ConditionInput, above: Past, below: Past): Measured {
  const all = increase(of, below, window);
  if (!("by" in all)) return all;
  const some = increase(signal, above, window);
  if (!("by" in some)) return some;
  return all.by === 0 ? { tooFew: `"${of}" did not grow within ${durationText(window)}` } : some.by / all.by;
}
