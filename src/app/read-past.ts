import { BackoutError } from "../core/errors.js";
import type { SignalDefinition } from "../core/playbook/playbook.js";
import type { PastReading, PastSpan } from "../core/signal/reading.js";
import { recordedSamples } from "../core/signal/recorded-samples.js";
import type { Sample } from "../core/signal/sample.js";
import { type CallEvents, driverContext } from "./driver-call.js";
import type { Services } from "./services.js";

/** Of every signal that was asked for: its samples, or why there are none. */
export type PastOfSignals = ReadonlyMap<string, readonly Sample[] | string>;

export type SpanOf = (signal: SignalDefinition) => PastSpan;

/** So many questions at a time: while one is answered another one's answer is taken apart. */
const atATime = 4;

/** Each signal's own source is asked what it would have said. Throws where one cannot be reached: the whole would be guesswork. */
export async function askSources(
  services: Services,
  names: readonly string[],
  spanOf: SpanOf,
  events: CallEvents,
): Promise<PastOfSignals> {
  const stop = new AbortController();
  const signal = AbortSignal.any([events.signal, stop.signal]);
  const past = new Map<string, readonly Sample[] | string>(names.map((name) => [name, ""]));
  const left = names.values();
  const askOn = async (): Promise<void> => {
    for (const name of left) {
      signal.throwIfAborted();
      past.set(name, await askSource(services, name, spanOf, { ...events, signal }));
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(atATime, names.length) }, askOn));
  } finally {
    stop.abort();
  }
  return past;
}

async function askSource(
  services: Services,
  name: string,
  spanOf: SpanOf,
  events: CallEvents,
): Promise<readonly Sample[] | string> {
  const definition = services.playbook.signals[name];
  if (definition === undefined) return "there is no such signal";
  const { driver: id, with: written } = definition;
  const driver = await services.drivers.signal(id);
  if (driver.history === undefined) return `driver "${id}" keeps no past`;
  const options = driver.options.parse(await services.resolve(written, `signals.${name}.with`));
  try {
    const readings = await driver.history(options, driverContext(services, name, events), spanOf(definition));
    if (readings.every((one) => "error" in one))
      return `nothing was recorded in that time: ${lastError(readings)}`;
    return readings.map((one) => sampleOf(name, definition, one));
  } catch (error) {
    // A query that cannot be judged by is no reason to keep silent about all other triggers; a server that is away is.
    if (error instanceof BackoutError && (error.code === "CONFLICT" || error.code === "REFUSED"))
      return error.message;
    throw error;
  }
}

const lastError = (readings: readonly PastReading[]): string => {
  const last = readings.findLast((one) => "error" in one);
  return last !== undefined && "error" in last ? last.error : "there is no moment in it";
};

/** As a watch takes it: a value beyond what can be is no measurement. */
function sampleOf(signal: string, { min, max }: SignalDefinition, reading: PastReading): Sample {
  if ("error" in reading) return { signal, ...reading };
  const { at, value } = reading;
  if (min !== undefined && value < min) return { signal, at, error: `"${value}" is below ${min}` };
  if (max !== undefined && value > max) return { signal, at, error: `"${value}" is above ${max}` };
  return { signal, at, value };
}

/** Samples out of a file, whatever source they are from. */
export async function readSamples(
  { host }: Services,
  names: readonly string[],
  file: string,
): Promise<PastOfSignals> {
  const all = recordedSamples(new TextDecoder().decode(await host.files.read(file)), file);
  const past = new Map<string, Sample[]>(names.map((name) => [name, []]));
  for (const one of all) past.get(one.signal)?.push(one);
  return new Map(
    [...past].map(([name, some]) => [name, some.length > 0 ? some : `${file} has no samples of it`]),
  );
}
