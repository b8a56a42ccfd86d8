import type { CompiledTriggers, TriggerDefinitions } from "./compile-triggers.js";
import type { KnownSignal } from "./finding.js";
import type { Past } from "./measure-input.js";
import { type Sample, staleAfter } from "./sample.js";
import { type SignalHistory, signalHistory } from "./signal-history.js";
import type { TriggerState } from "./trigger-state.js";

const longAgo = Number.NEGATIVE_INFINITY;

/** What judging knows of one signal, and who looks at it. */
export interface JudgedSignal extends KnownSignal {
  readonly name: string;
  /** Milliseconds from a reading on which it says something. */
  readonly limit: number;
  latest: Sample | undefined;
  staleAt: number;
  awaitedUntil: number;
  history: SignalHistory | undefined;
  past: Past | undefined;
  /** Indices of the triggers whose condition can change with it. */
  readonly triggers: readonly number[];
}

export function judgedSignals(
  { signals }: TriggerDefinitions,
  { triggers, windows }: CompiledTriggers,
  state: TriggerState | undefined,
  /** What is remembered counts only when it has been read again. */
  afresh: boolean,
): JudgedSignal[] {
  const awaitedUntil = afresh ? Number.POSITIVE_INFINITY : longAgo;
  const users = new Map<string, number[]>();
  for (const [index, { signals: used }] of triggers.entries()) {
    for (const name of used) users.set(name, [...(users.get(name) ?? []), index]);
  }
  return Object.entries(signals).map(([name, definition]) => {
    const limit = staleAfter(definition);
    const window = windows.get(name);
    const latest = state !== undefined && Object.hasOwn(state.latest, name) ? state.latest[name] : undefined;
    const history = window === undefined ? undefined : signalHistory(window);
    const kept = Object.hasOwn(state?.history ?? {}, name) ? state?.history?.[name] : undefined;
    for (const [at, value] of kept ?? []) history?.add(at, value);
    const staleAt = (latest?.at ?? state?.begun ?? 0) + limit;
    const past = history && latest && { at: latest.at, history };
    return { name, limit, latest, staleAt, awaitedUntil, history, past, triggers: users.get(name) ?? [] };
  });
}

/** `again`: it was measured when the last one was, and takes its place. `old`: there is a newer one. */
export function takeSample(signal: JudgedSignal, sample: Sample): "new" | "again" | "old" {
  const last = signal.latest?.at ?? longAgo;
  if (sample.at < last) return "old";
  const result = sample.at === last ? "again" : "new";
  signal.latest = sample;
  signal.awaitedUntil = longAgo;
  signal.staleAt = sample.at + signal.limit;
  const { history } = signal;
  if (history === undefined) return result;
  signal.past = { at: sample.at, history };
  if (sample.error === undefined && sample.value !== undefined && Number.isFinite(sample.value))
    history.add(sample.at, sample.value);
  return result;
}

/** The first reading after a restart goes before what is remembered, also where that seems to be newer. */
export function forgetNewer(signal: JudgedSignal, window: number | undefined, { at }: Sample): void {
  if (signal.awaitedUntil === longAgo || signal.latest === undefined || signal.latest.at <= at) return;
  signal.latest = undefined;
  changeHistory(signal, window, (time) => (time <= at ? time : undefined));
}

/** Moves or drops what is remembered: `change` gives a reading's new time, nothing where it is to be forgotten. */
export function changeHistory(
  signal: JudgedSignal,
  window: number | undefined,
  change: (at: number) => number | undefined,
): void {
  const before = signal.history;
  if (before === undefined || window === undefined) return;
  const history = signalHistory(window);
  for (const [at, value] of before.readings()) {
    const moved = change(at);
    if (moved !== undefined) history.add(moved, value);
  }
  signal.history = history;
  signal.past = signal.latest && { at: signal.latest.at, history };
}
