import type { Reading } from "../core/driver.js";
import { BackoutError, type ErrorCode } from "../core/errors.js";
import type { Clock } from "../core/ports.js";
import type { Sample } from "../core/signal/sample.js";
import { healthAfter, pauseAfter, type SourceHealth, unasked } from "../core/signal/source-health.js";

export interface SignalSource {
  readonly name: string;
  /** Milliseconds. */
  readonly every: number;
  readonly timeout: number;
  /** A value beyond them cannot be: it is no measurement. */
  readonly min?: number | undefined;
  readonly max?: number | undefined;
  read(signal: AbortSignal): Promise<Reading>;
}

interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
}

/** At most so long until a source is asked for the first time. */
const spread = 1_000;

/**
 * Reads every signal again and again until aborted, each on its own, spread out over its interval so that sources are
 * not all asked at once and a slow one delays no other. What could not be read is a sample too: one without a value. A
 * source that keeps failing is asked less often; until it is, its interval yields the failure as a sample, so that what is
 * not being asked is never taken for healthy.
 */
export async function readSignals(
  sources: readonly SignalSource[],
  clock: Clock,
  onSample: (sample: Sample) => void,
  stop: AbortSignal,
  onHealth: (health: SourceHealth) => void = () => {},
): Promise<void> {
  await Promise.all(
    sources.map(async (source, index) => {
      await clock.sleep(Math.min((source.every * index) / sources.length, spread), stop).catch(() => {});
      await readOn(source, clock, onSample, stop, onHealth);
    }),
  );
}

async function readOn(
  source: SignalSource,
  clock: Clock,
  onSample: (sample: Sample) => void,
  stop: AbortSignal,
  onHealth: (health: SourceHealth) => void,
): Promise<void> {
  const ask = asker(source, clock, stop);
  let health = unasked(source.name, clock.now());
  let failure: Failure | undefined;
  /** By the monotonic clock: an adjusted one must not stretch the pause. */
  let askAt = clock.monotonic();
  while (!stop.aborted) {
    const begun = clock.monotonic();
    if (failure === undefined || begun >= askAt) {
      const answer = await ask();
      if (stop.aborted) return;
      const at = clock.now();
      failure = "failure" in answer ? answer.failure : undefined;
      const ms = clock.monotonic() - begun;
      health = healthAfter(health, { at, ms, ...(failure && { error: failure }) }, source.timeout);
      const pause = pauseAfter(health.failures, failure?.code, source.every);
      askAt = begun + pause;
      if (pause > source.every) health = { ...health, nextAt: at + Math.max(0, pause - ms) };
      onHealth(health);
      onSample("failure" in answer ? failed(source.name, at, answer.failure) : answer.sample);
    } else {
      const wait = Math.ceil((askAt - begun) / 1_000);
      const message = `${failure.message} (left alone for another ${wait} s)`;
      onSample(failed(source.name, clock.now(), { ...failure, message }));
    }
    const rest = source.every - (clock.monotonic() - begun);
    await clock.sleep(Math.max(0, rest), stop).catch(() => {});
  }
}

const failed = (signal: string, at: number, { message, hint }: Failure): Sample => ({
  signal,
  at,
  error: message,
  ...(hint === undefined ? {} : { hint }),
});

type Answer = { readonly sample: Sample } | { readonly failure: Failure };

/** One reading at a time: a source that does not even heed its time-out is not asked again on top of that. */
function asker(source: SignalSource, clock: Clock, stop: AbortSignal): () => Promise<Answer> {
  let busySince: number | undefined;
  return async () => {
    if (busySince !== undefined) {
      const seconds = Math.round((clock.monotonic() - busySince) / 1_000);
      return {
        failure: { code: "TIMEOUT", message: `still waiting for a reading that began ${seconds} s ago` },
      };
    }
    const timer = new AbortController();
    const timeout = new BackoutError("TIMEOUT", `no answer within ${source.timeout} ms`);
    const expired = clock.sleep(source.timeout, timer.signal).then(
      () => timer.abort(timeout),
      () => {},
    );
    const signal = AbortSignal.any([stop, timer.signal]);
    busySince = clock.monotonic();
    const reading = Promise.resolve()
      .then(() => source.read(signal))
      .finally(() => {
        busySince = undefined;
      });
    try {
      return { sample: sampleOf(source, await Promise.race([reading, rejected(signal)]), clock) };
    } catch (error) {
      reading.catch(() => {});
      return { failure: failureOf(error, source.name) };
    } finally {
      timer.abort();
      await expired;
    }
  };
}

function sampleOf({ name, min, max }: SignalSource, reading: Reading, clock: Clock): Sample {
  const { value, unit, at, asked } = reading;
  if (!Number.isFinite(value)) throw impossible(`"${value}" is no number`);
  if (at !== undefined && !Number.isFinite(at)) throw impossible(`its time "${at}" is no time`);
  if (min !== undefined && value < min) throw impossible(`"${value}" is below ${min}`, bounds);
  if (max !== undefined && value > max) throw impossible(`"${value}" is above ${max}`, bounds);
  return {
    signal: name,
    at: at ?? clock.now(),
    value,
    ...(unit === undefined ? {} : { unit }),
    ...(asked === undefined ? {} : { asked }),
  };
}

const bounds = "`min` and `max` of the signal say what can be: are they, and is what was asked, right?";

const impossible = (fact: string, hint?: string): BackoutError =>
  new BackoutError("CONFLICT", `could not measure, ${fact}`, {
    effect: "none",
    ...(hint === undefined ? {} : { hint }),
  });

function failureOf(error: unknown, name: string): Failure {
  if (!(error instanceof BackoutError)) {
    return { code: "INTERNAL", message: error instanceof Error ? error.message : String(error) };
  }
  const { code, hint } = error;
  return { code, message: reasonIn(error.message, name), ...(hint === undefined ? {} : { hint }) };
}

/** Whoever shows it says already of which signal, and that it could not be measured. */
function reasonIn(message: string, name: string): string {
  let rest = message;
  for (const known of [`${name}: `, "could not measure, "])
    if (rest.startsWith(known)) rest = rest.slice(known.length);
  return rest;
}

const rejected = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) =>
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true }),
  );
