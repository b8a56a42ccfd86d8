import { type Changed, changedDefinitions } from "./changed-definitions.js";
import { type CompiledTriggers, compileTriggers, type TriggerDefinitions } from "./compile-triggers.js";
import { type DueQueue, dueQueue } from "./due-queue.js";
import type { World } from "./finding.js";
import { type JudgedSignal, judgedSignals } from "./judged-signals.js";
import { type Judged, judgedTrigger } from "./judged-trigger.js";
import type { TriggerState, TriggerStatus } from "./trigger-state.js";

/** All that a judge knows at a moment. Its parts change in place: thousands of triggers are judged a second. */
export interface Judging {
  readonly compiled: CompiledTriggers;
  readonly signals: readonly JudgedSignal[];
  readonly triggers: readonly Judged[];
  /** Signal → its place in `signals`. */
  readonly index: ReadonlyMap<string, number>;
  /** Signal → its newest value. */
  readonly values: Map<string, number>;
  readonly world: World;
  /** Of what was remembered, what did not count. */
  readonly changed: Changed;
  /** Signals by their place, triggers behind them: when to look at them again. */
  queue: DueQueue;
  /** Places of the triggers to look at. */
  readonly dirty: Set<number>;
  readonly told: TriggerStatus[];
  /** Whose status is no longer what was told. */
  untold: Set<number>;
  begun: number | undefined;
  judged: number;
  /** When the last rollback ended. */
  settlingFrom: number | undefined;
}

export function newJudging(
  definitions: TriggerDefinitions,
  remembered: TriggerState | undefined,
  baselines: Readonly<Record<string, number>>,
  afresh: boolean,
): Judging {
  const compiled = compileTriggers(definitions);
  const { state: from, changed } = changedDefinitions(compiled, remembered);
  const signals = judgedSignals(definitions, compiled, from, afresh && from !== undefined);
  const triggers = compiled.triggers.map((one) => judgedTrigger(one, from));
  const index = new Map(signals.map(({ name }, place) => [name, place]));
  const values = new Map(signals.map(({ name, latest }) => [name, latest?.value ?? Number.NaN]));
  return {
    compiled,
    signals,
    triggers,
    index,
    values,
    world: { signal: (name) => signals[index.get(name) ?? -1], values, baselines },
    changed,
    queue: emptyQueue(signals.length, triggers.length),
    dirty: new Set(),
    told: [],
    untold: new Set(triggers.keys()),
    begun: from?.begun,
    judged: from?.judged ?? 0,
    settlingFrom: from?.settlingFrom,
  };
}

export const emptyQueue = (signals: number, triggers: number): DueQueue => dueQueue(signals + triggers);

/** A signal says something else than before: `read` where it was measured anew. */
export function touch({ triggers, dirty }: Judging, signal: JudgedSignal, read: boolean): void {
  for (const place of signal.triggers) {
    const trigger = triggers[place];
    if (trigger === undefined) continue;
    trigger.finding = undefined;
    trigger.reading ||= read && trigger.counted === signal.name;
    dirty.add(place);
  }
}
