import type { Playbook, TriggerDefinition } from "../playbook/playbook.js";
import { compileExpression, type Expression } from "./expression.js";
import { type Finding, findingAt, type World } from "./finding.js";
import { type Sample, staleAfter } from "./sample.js";
import type { TriggerMemory, TriggerState, TriggerStatus } from "./trigger-state.js";

/** What is to be judged: a playbook is one. Keep the object: its expressions are compiled once. */
export type TriggerDefinitions = Pick<Playbook, "signals" | "triggers">;

export interface Evaluation {
  readonly state: TriggerState;
  readonly statuses: readonly TriggerStatus[];
}

interface Trigger {
  readonly name: string;
  readonly definition: TriggerDefinition;
  readonly expression: Expression;
}

const compiled = new WeakMap<TriggerDefinitions["triggers"], readonly Trigger[]>();

function triggersOf({ triggers, signals }: TriggerDefinitions): readonly Trigger[] {
  const known = compiled.get(triggers);
  if (known !== undefined) return known;
  const variables = Object.fromEntries(Object.keys(signals).map((name) => [name, "double" as const]));
  const all = Object.entries(triggers).map(([name, definition]) => {
    const result = compileExpression(definition.when, variables);
    if (!("expression" in result))
      throw new TypeError(`triggers.${name}.when: ${result.problems[0]?.message}`);
    return { name, definition, expression: result.expression };
  });
  compiled.set(triggers, all);
  return all;
}

function afterFinding(
  finding: Finding,
  { for: needed, no_data: rule }: TriggerDefinition,
  before: TriggerMemory,
  at: number,
): TriggerMemory {
  const { frozen, ...moving } = before;
  const missing = !("held" in finding);
  // A signal that nobody can have read yet proves nothing, whatever the rule.
  if (missing && (rule === "hold" || "notYet" in finding)) return { ...moving, frozen: frozen ?? at };
  const held = "held" in finding ? finding.held : rule === "fail";
  if (!held) return before.phase === "inactive" ? moving : { phase: "inactive", since: at };
  if (before.phase === "firing") return moving;
  const since = before.phase === "inactive" ? at : before.since + (frozen === undefined ? 0 : at - frozen);
  return at - since >= needed ? { phase: "firing", since: at } : { phase: "pending", since };
}

/**
 * Judges every trigger at every moment at which something can change up to `now`: a new sample, a sample gone stale, a
 * time of `for` that has run out. So the outcome depends on the samples alone, and neither on how often this is called
 * nor on restarts in between. `for` is Prometheus': pending from the first moment at which the condition holds, firing once
 * that long has passed without a break; one moment at which it does not hold starts it anew.
 */
export function evaluateTriggers(
  definitions: TriggerDefinitions,
  before: TriggerState | undefined,
  samples: readonly Sample[],
  now: number,
): Evaluation {
  const triggers = triggersOf(definitions);
  const start = before === undefined ? begun(samples, now) : rewound(before, now);
  const latest: Record<string, Sample> = { ...start.latest };
  const memories = new Map(
    triggers.map(({ name }) => [
      name,
      start.triggers[name] ?? { phase: "inactive" as const, since: start.begun },
    ]),
  );
  const world = { begun: start.begun, latest };

  const judge = (at: number) => {
    for (const { name, definition, expression } of triggers) {
      const memory = memories.get(name);
      if (memory === undefined) continue;
      memories.set(
        name,
        afterFinding(findingAt(expression, definitions.signals, world, at), definition, memory, at),
      );
    }
  };
  /** Moments before `end` at which something changes without a new sample. */
  const judgeUntil = (from: number, end: number) => {
    let at = from;
    for (;;) {
      const next = nextMoment(definitions, triggers, world, memories, at);
      if (next >= end) return;
      judge(next);
      at = next;
    }
  };

  let at = start.judged;
  const arriving = samples
    .filter(({ signal }) => Object.hasOwn(definitions.signals, signal))
    .map((sample) => (sample.at > now ? { ...sample, at: now } : sample))
    .toSorted((a, b) => a.at - b.at);
  for (const [index, sample] of arriving.entries()) {
    // A late one counts from when it became known.
    const known = Math.max(sample.at, start.judged);
    judgeUntil(at, known);
    if (sample.at >= (latest[sample.signal]?.at ?? Number.NEGATIVE_INFINITY)) latest[sample.signal] = sample;
    const following = arriving[index + 1];
    if (following === undefined || Math.max(following.at, start.judged) > known) judge(known);
    at = known;
  }
  judgeUntil(at, now);
  judge(now);

  const state = { begun: start.begun, judged: now, latest, triggers: Object.fromEntries(memories) };
  return { state, statuses: triggers.map((trigger) => statusOf(trigger, definitions.signals, state)) };
}

function nextMoment(
  { signals }: TriggerDefinitions,
  triggers: readonly Trigger[],
  { begun, latest }: World,
  memories: ReadonlyMap<string, TriggerMemory>,
  after: number,
): number {
  let next = Number.POSITIVE_INFINITY;
  const consider = (at: number) => {
    if (at > after && at < next) next = at;
  };
  for (const [name, signal] of Object.entries(signals))
    consider((latest[name]?.at ?? begun) + staleAfter(signal));
  for (const { name, definition } of triggers) {
    const memory = memories.get(name);
    if (memory?.phase === "pending" && memory.frozen === undefined) consider(memory.since + definition.for);
  }
  return next;
}

function begun(samples: readonly Sample[], now: number): TriggerState {
  const first = Math.min(now, ...samples.map(({ at }) => at));
  return { begun: first, judged: first, latest: {}, triggers: {} };
}

/** The clock may have been set back: nothing that is remembered may lie ahead of it, or judging would wait for it. */
function rewound(state: TriggerState, now: number): TriggerState {
  if (state.judged <= now) return state;
  const cut = (at: number) => Math.min(at, now);
  const cutAll = <T>(all: Readonly<Record<string, T>>, change: (one: T) => T) =>
    Object.fromEntries(Object.entries(all).map(([name, one]) => [name, change(one)]));
  return {
    begun: cut(state.begun),
    judged: now,
    latest: cutAll(state.latest, (sample) => ({ ...sample, at: cut(sample.at) })),
    triggers: cutAll(state.triggers, ({ frozen, ...memory }) => ({
      ...memory,
      since: cut(memory.since),
      ...(frozen === undefined ? {} : { frozen: cut(frozen) }),
    })),
  };
}

function statusOf(
  { name, definition, expression }: Trigger,
  signals: Playbook["signals"],
  state: TriggerState,
): TriggerStatus {
  const memory = state.triggers[name] ?? { phase: "inactive", since: state.begun };
  const finding = findingAt(expression, signals, state, state.judged);
  const noData = "noData" in finding ? finding.noData : "notYet" in finding ? finding.notYet : undefined;
  const unknown = memory.frozen !== undefined && memory.phase !== "firing";
  return {
    trigger: name,
    level: definition.level,
    state: unknown ? "unknown" : memory.phase,
    ...(memory.phase === "inactive" ? {} : { since: memory.since }),
    for: definition.for,
    when: definition.when,
    samples: expression.variables.flatMap((signal) => state.latest[signal] ?? []),
    ...(noData === undefined ? {} : { noData }),
  };
}
