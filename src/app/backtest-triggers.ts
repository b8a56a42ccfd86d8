import { BackoutError } from "../core/errors.js";
import { didYouMean, listed } from "../core/playbook/suggestion.js";
import { countText } from "../core/report/measures.js";
import {
  type BacktestedTrigger,
  backtest,
  type KnownEvent,
  leadOf,
  type Stretch,
  unnoticed,
} from "../core/signal/backtest.js";
import {
  type CompiledTrigger,
  compileTriggers,
  type TriggerDefinitions,
} from "../core/signal/compile-triggers.js";
import type { Sample } from "../core/signal/sample.js";
import { knownBaselines } from "./baselines.js";
import type { CallEvents } from "./driver-call.js";
import { knownEvents } from "./known-events.js";
import { askSources, type PastOfSignals, readSamples, type SpanOf } from "./read-past.js";
import type { Services } from "./services.js";

export interface BacktestRequest extends CallEvents, Stretch {
  /** Only these; none: all. */
  readonly triggers: readonly string[];
  /** A file of recorded samples in place of the signals' own sources. */
  readonly samples?: string | undefined;
  /** When things were really bad, beside what the journal and the reports know. */
  readonly incidents: readonly Stretch[];
  /** A firing with nothing known to be bad as near as this was for nothing. Milliseconds. */
  readonly near: number;
}

export interface Backtest extends Stretch {
  readonly near: number;
  readonly triggers: readonly BacktestedTrigger[];
  readonly notReplayed: readonly { readonly trigger: string; readonly reason: string }[];
  /** `measured` of so many `readings` had a value. */
  readonly signals: readonly {
    readonly signal: string;
    readonly readings: number;
    readonly measured: number;
  }[];
  /** What was known to be bad in that time. */
  readonly events: readonly KnownEvent[];
  /** Those of them at which nothing would have fired. */
  readonly unnoticed: readonly KnownEvent[];
}

/** Replays the triggers over what was recorded: what would have fired when, and how often for nothing. Changes nothing. */
export async function backtestTriggers(services: Services, request: BacktestRequest): Promise<Backtest> {
  const { from, to, near } = request;
  const chosen = chosenTriggers(services, request.triggers);
  const lead = leadOf(chosen);
  const baselines = await knownBaselines(services, undefined);
  const past = await pastOf(services, chosen, lead, request);
  const notReplayed = compileTriggers(chosen).triggers.flatMap((one) => {
    const reason = whyNot(one, past, baselines);
    return reason === undefined ? [] : [{ trigger: one.name, reason }];
  });
  const left = new Set(notReplayed.map(({ trigger }) => trigger));
  const replayed = only(chosen, (name) => !left.has(name));
  if (Object.keys(replayed.triggers).length === 0) throw nothingToReplay(notReplayed);
  const all = await eventsOf(services, request, Math.max(near, lead));
  const ordered = inOrderOfTime([...past.values()].filter((one) => typeof one !== "string"));
  const triggers = backtest(replayed, { samples: ordered, events: all, baselines }, { from, to }, near);
  const events = all.filter((one) => one.to >= from && one.from <= to);
  return {
    ...{ from, to, near, triggers, notReplayed, events, unnoticed: unnoticed(events, triggers) },
    signals: [...past].flatMap(([signal, one]) =>
      typeof one === "string" ? [] : [counted(signal, one, request)],
    ),
  };
}

/** Moment by moment: many signals have the same ones, and sorting half a million samples would take longer. */
function inOrderOfTime(all: readonly (readonly Sample[])[]): Sample[] {
  const moments = new Map<number, Sample[]>();
  for (const samples of all) {
    for (const sample of samples) {
      const there = moments.get(sample.at);
      if (there === undefined) moments.set(sample.at, [sample]);
      else there.push(sample);
    }
  }
  return [...moments].toSorted(([a], [b]) => a - b).flatMap(([, samples]) => samples);
}

function chosenTriggers({ playbook }: Services, names: readonly string[]): TriggerDefinitions {
  const all = Object.keys(playbook.triggers);
  if (all.length === 0) {
    throw new BackoutError("REFUSED", "there is nothing to replay: the playbook has no triggers", {
      effect: "none",
      hint: "add signals: and triggers: to the playbook, then: backout check",
    });
  }
  const unknown = names.find((name) => !Object.hasOwn(playbook.triggers, name));
  if (unknown === undefined)
    return names.length === 0 ? playbook : only(playbook, (name) => names.includes(name));
  throw new BackoutError("USAGE", `there is no trigger "${unknown}"${didYouMean(unknown, all)}`, {
    effect: "none",
    hint: listed("triggers", all),
  });
}

const only = (
  { signals, triggers }: TriggerDefinitions,
  keep: (name: string) => boolean,
): TriggerDefinitions => ({
  signals,
  triggers: Object.fromEntries(Object.entries(triggers).filter(([name]) => keep(name))),
});

async function pastOf(
  services: Services,
  chosen: TriggerDefinitions,
  lead: number,
  request: BacktestRequest,
): Promise<PastOfSignals> {
  const { samples: file, from, to } = request;
  const used = [...new Set(compileTriggers(chosen).triggers.flatMap(({ signals }) => signals))];
  // The moments of the stretch do not depend on how far back the scene is set.
  const spanOf: SpanOf = ({ every }) => ({ from: from - Math.ceil(lead / every) * every, to, every });
  if (file !== undefined) return readSamples(services, used, file);
  refuseTooMany(services, used, spanOf);
  return askSources(services, used, spanOf, request);
}

/** More than that would not fit into memory. */
const mostReadings = 5_000_000;

function refuseTooMany({ playbook }: Services, used: readonly string[], spanOf: SpanOf): void {
  const count = used.reduce((sum, name) => {
    const definition = playbook.signals[name];
    if (definition === undefined) return sum;
    const { from, to, every } = spanOf(definition);
    return sum + Math.floor((to - from) / every) + 1;
  }, 0);
  if (count <= mostReadings) return;
  const fact = `${countText(count)} readings would be needed, at most ${countText(mostReadings)} are replayed at once`;
  const hint = "a later --from, or only some triggers: backout backtest TRIGGER --from 24h";
  throw new BackoutError("REFUSED", fact, { effect: "none", hint });
}

/** Why nobody can say what it would have done: a signal without a past, nothing to compare with. */
function whyNot(
  { signals, when, clear }: CompiledTrigger,
  past: PastOfSignals,
  baselines: Readonly<Record<string, number>>,
): string | undefined {
  for (const name of signals) {
    const there = past.get(name);
    if (typeof there === "string") return `signal "${name}": ${there}`;
  }
  const compared = [...when.inputs, ...(clear?.inputs ?? [])].find(
    (one) => one.function === "baseline" && !Object.hasOwn(baselines, one.signal),
  );
  return compared && `no checkpoint has a baseline of "${compared.signal}" as it is defined now`;
}

function nothingToReplay(notReplayed: Backtest["notReplayed"]): BackoutError {
  const [first] = notReplayed;
  const more = notReplayed.length > 1 ? `, and so on for all ${notReplayed.length}` : "";
  const fact = `none of the triggers can be replayed: ${first?.trigger}: ${first?.reason}${more}`;
  const hint = "another --from and --to, or --samples FILE for signals whose source keeps no past";
  return new BackoutError("REFUSED", fact, { effect: "none", hint });
}

async function eventsOf(services: Services, { from, to, incidents, near }: BacktestRequest, before: number) {
  const found = await knownEvents(services, { from: from - before, to: to + near });
  const named = incidents.map((one): KnownEvent => {
    const [begin, end] = [one.from, one.to].map((at) => new Date(at).toISOString());
    return { kind: "incident", id: `${begin}/${end}`, ...one };
  });
  return [...found, ...named].toSorted((a, b) => a.from - b.from);
}

function counted(
  signal: string,
  samples: readonly Sample[],
  { from, to }: Stretch,
): Backtest["signals"][number] {
  const within = samples.filter(({ at }) => at >= from && at <= to);
  const measured = within.filter(({ value }) => value !== undefined).length;
  return { signal, readings: within.length, measured };
}
