import type { Reading } from "../core/driver.js";
import { BackoutError } from "../core/errors.js";
import type { Clock } from "../core/ports.js";
import type { Sample } from "../core/signal/sample.js";

export interface SignalSource {
  readonly name: string;
  /** Milliseconds. */
  readonly every: number;
  readonly timeout: number;
  read(signal: AbortSignal): Promise<Reading>;
}

/**
 * Reads every signal again and again until aborted, each on its own, spread out over its interval so that sources are
 * not all asked at once. What could not be read is a sample too: one without a value.
 */
export async function readSignals(
  sources: readonly SignalSource[],
  clock: Clock,
  onSample: (sample: Sample) => void,
  stop: AbortSignal,
): Promise<void> {
  await Promise.all(
    sources.map(async (source, index) => {
      const offset = (source.every * index) / sources.length;
      await clock.sleep(Math.min(offset, 1_000), stop).catch(() => {});
      while (!stop.aborted) {
        const begun = clock.monotonic();
        const sample = await readOnce(source, clock, stop);
        if (stop.aborted) return;
        onSample(sample);
        const rest = source.every - (clock.monotonic() - begun);
        await clock.sleep(Math.max(0, rest), stop).catch(() => {});
      }
    }),
  );
}

async function readOnce(source: SignalSource, clock: Clock, stop: AbortSignal): Promise<Sample> {
  const timer = new AbortController();
  const timeout = new BackoutError("TIMEOUT", `no answer within ${source.timeout} ms`);
  const expired = clock.sleep(source.timeout, timer.signal).then(
    () => timer.abort(timeout),
    () => {},
  );
  const signal = AbortSignal.any([stop, timer.signal]);
  try {
    const { value, unit, at, asked } = await Promise.race([source.read(signal), rejected(signal)]);
    if (!Number.isFinite(value)) throw new BackoutError("UNREACHABLE", `"${value}" is no number`);
    return {
      signal: source.name,
      at: at ?? clock.now(),
      value,
      ...(unit === undefined ? {} : { unit }),
      ...(asked === undefined ? {} : { asked }),
    };
  } catch (error) {
    return {
      signal: source.name,
      at: clock.now(),
      error: error instanceof Error ? error.message : String(error),
    };
  } finally {
    timer.abort();
    await expired;
  }
}

const rejected = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) =>
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true }),
  );
