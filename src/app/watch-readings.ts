import type { Clock } from "../core/ports.js";
import type { Sample } from "../core/signal/sample.js";
import type { SourceHealth } from "../core/signal/source-health.js";
import { readSignals, type SignalSource } from "../engine/read-signals.js";

/** What the sources say while a watch goes on. */
export interface WatchReadings {
  /** What has come since it was last asked. */
  take(): Sample[];
  /** Of every source that was asked already. */
  health(): SourceHealth[];
  /** Whether a signal is still to be read for the first time. */
  awaiting(): boolean;
  /** Until something has come, and what comes with it; for a while at most. */
  next(signal: AbortSignal): Promise<void>;
  /** Resolves when nothing is read any more, after its signal was aborted. */
  readonly ended: Promise<void>;
}

/** How often the triggers are judged without a new sample, so that a `for` ends on time. Milliseconds. */
const judgeEvery = 100;
/** Samples that come at once are judged at once. */
const gatherMs = 10;

export function watchReadings(
  sources: readonly SignalSource[],
  clock: Clock,
  onSample: (sample: Sample) => void,
  stop: AbortSignal,
): WatchReadings {
  const fresh: Sample[] = [];
  const health = new Map<string, SourceHealth>();
  const unread = new Set(sources.map(({ name }) => name));
  let wake = (): void => {};
  const take = (sample: Sample): void => {
    fresh.push(sample);
    onSample(sample);
    wake();
  };
  return {
    ended: readSignals(sources, clock, take, stop, (one) => void health.set(one.source, one)),
    take: () => {
      const samples = fresh.splice(0);
      for (const { signal } of samples) unread.delete(signal);
      return samples;
    },
    health: () => [...health.values()],
    awaiting: () => unread.size > 0,
    async next(signal) {
      const woken = new Promise<void>((done) => {
        wake = done;
      });
      if (fresh.length === 0) await Promise.race([woken, clock.sleep(judgeEvery, signal).catch(() => {})]);
      await clock.sleep(gatherMs, signal).catch(() => {});
    },
  };
}
