import type { Checkpoint } from "../core/checkpoint/manifest.js";
import { compileTriggers } from "../core/signal/compile-triggers.js";
import { readSignals } from "../engine/read-signals.js";
import type { CallEvents } from "./driver-call.js";
import type { Services } from "./services.js";
import { signalSources } from "./signal-sources.js";

/** A signal whose baseline could not be recorded, and why. */
export interface MissingBaseline {
  readonly signal: string;
  readonly reason: string;
}

export interface Baselines {
  readonly values: Readonly<Record<string, number>>;
  /** Digests of what the signals measured. */
  readonly measured: Readonly<Record<string, string>>;
  readonly missing: readonly MissingBaseline[];
}

const defaultMs = 15_000;

/**
 * How the signals are before the change that triggers compare with their `baseline`: the median of what is read within
 * `watch.baseline`. One that could not be read is left out, never guessed.
 */
export async function readBaselines(services: Services, events: CallEvents): Promise<Baselines> {
  const { playbook, clock } = services;
  const { baselines: wanted, measures } = compileTriggers(playbook);
  if (wanted.size === 0) return { values: {}, measured: {}, missing: [] };
  const sources = await signalSources(services, events, { only: wanted });
  const read = new Map<string, number[]>([...wanted].map((name) => [name, []]));
  const errors = new Map<string, string>();
  const enough = new AbortController();
  const stop = AbortSignal.any([events.signal, enough.signal]);
  const reading = readSignals(
    sources,
    clock,
    ({ signal, value, error }) => {
      if (value !== undefined) read.get(signal)?.push(value);
      else if (error !== undefined) errors.set(signal, error);
    },
    stop,
  );
  const longest = Math.max(...sources.map(({ every, timeout }) => Math.min(every, timeout)));
  await clock.sleep(Math.max(playbook.watch.baseline ?? defaultMs, longest), stop).catch(() => {});
  enough.abort();
  await reading;
  events.signal.throwIfAborted();
  const values = [...read].flatMap(([name, all]) => (all.length === 0 ? [] : [[name, median(all)] as const]));
  const missing = [...read].flatMap(([signal, all]) =>
    all.length > 0 ? [] : [{ signal, reason: errors.get(signal) ?? "it was not read in that time" }],
  );
  const measured = values.map(([name]) => [name, measures[name] ?? ""] as const);
  return { values: Object.fromEntries(values), measured: Object.fromEntries(measured), missing };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  const at = (index: number): number => sorted[index] ?? Number.NaN;
  return (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2;
}

/**
 * Of the newest checkpoint that has some: that of the change, where one is named and was made. A signal that is defined
 * otherwise by now has none: what another query gave is nothing to compare with.
 */
export async function knownBaselines(
  { checkpoints, playbook }: Pick<Services, "checkpoints" | "playbook">,
  change: string | undefined,
): Promise<NonNullable<Checkpoint["baselines"]>> {
  const { baselines: wanted, measures } = compileTriggers(playbook);
  if (wanted.size === 0) return {};
  const { system, environment } = playbook;
  const { checkpoints: all } = await checkpoints.list({ system, environment });
  const some = all.filter(({ baselines }) => baselines !== undefined);
  const own = change === undefined ? undefined : some.findLast((one) => one.change === change);
  const { baselines = {}, measured = {} } = own ?? some.at(-1) ?? {};
  return Object.fromEntries(
    Object.entries(baselines).filter(([name]) => (measured[name] ?? measures[name]) === measures[name]),
  );
}
