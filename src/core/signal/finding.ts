import type { TriggerDefinition } from "../playbook/playbook.js";
import { durationText } from "../report/measures.js";
import type { Expression } from "./expression.js";
import { type Measured, measureInput, type Past } from "./measure-input.js";
import type { Sample } from "./sample.js";
import type { ConditionInput } from "./window-functions.js";

/** What one moment says about a condition. `tooFew`: measured, but not often enough to judge by. */
export type Finding =
  | { readonly held: boolean; readonly cleared: boolean; readonly values?: Values }
  | { readonly noData: string }
  | { readonly notYet: string }
  | { readonly tooFew: string }
  | Awaited
  | { readonly mutedUntil: number };

/** What is known is from before a restart or a pause. `stale`: it would say nothing by now even without one. */
export interface Awaited {
  readonly awaited: string;
  readonly stale: boolean;
}

/** Inputs of the condition as they were measured. */
export type Values = Readonly<Record<string, number>>;

/** What is known of one signal. */
export interface KnownSignal {
  readonly latest: Sample | undefined;
  /** From then on what is known says nothing. */
  readonly staleAt: number;
  /** Until then it is expected to be read again, and what is remembered counts for nothing; long ago where it has been. */
  readonly awaitedUntil: number;
  readonly past: Past | undefined;
}

export interface World {
  readonly signal: (name: string) => KnownSignal | undefined;
  /** Signal → its newest value: one object for all conditions, since making one for each would cost more than judging it. */
  readonly values: ReadonlyMap<string, number>;
  readonly baselines: Readonly<Record<string, number>>;
}

export interface Conditions {
  readonly definition: TriggerDefinition;
  readonly when: Expression;
  /** Where the trigger has a condition of its own for its end. */
  readonly clear: Expression | undefined;
}

/** Whether the condition holds on what is known at that moment, or why nobody can say. */
export function findingAt(conditions: Conditions, world: World, at: number): Finding {
  const { definition, when, clear } = conditions;
  const missing = notKnown(when, world, at) ?? tooFew(conditions, world);
  if (missing !== undefined) return missing;
  const held = holds(when, world);
  if (!("held" in held)) return held;
  if (clear === undefined || held.held) return found(held, !held.held);
  const end = notKnown(clear, world, at) ?? holds(clear, world);
  if ("held" in end) return found(held, end.held);
  if ("awaited" in end) return end;
  // Its end cannot be judged: whoever ignores what is missing lets it end.
  return definition.no_data === "ignore" ? found(held, true) : end;
}

/** Shared by all that hold and say no more: one is made at each of ten thousand readings a second. */
const holding: Finding = { held: true, cleared: false };
const between: Finding = { held: false, cleared: false };
const over: Finding = { held: false, cleared: true };

function found({ held, values }: Held, cleared: boolean): Finding {
  if (values !== undefined) return { held, cleared, values };
  if (held) return holding;
  return cleared ? over : between;
}

type Missing = Exclude<Finding, { held: boolean } | { mutedUntil: number }>;

function notKnown({ variables }: Expression, world: World, at: number): Missing | undefined {
  for (const name of variables) {
    const known = world.signal(name);
    if (known === undefined) return { noData: `there is no signal "${name}"` };
    const { latest: sample, staleAt, awaitedUntil } = known;
    if (at < awaitedUntil) {
      const stale = variables.some((one) => at >= (world.signal(one)?.staleAt ?? at));
      return { awaited: `"${name}" has not been read again since the watch began or was held up`, stale };
    }
    if (sample === undefined) {
      const fact = `"${name}" has not been measured`;
      return at < staleAt ? { notYet: `${fact} yet` } : { noData: fact };
    }
    if (at >= staleAt) return { noData: `"${name}" was last measured ${at - sample.at} ms ago` };
    if (sample.error !== undefined) return { noData: `"${name}" could not be measured: ${sample.error}` };
    if (!Number.isFinite(sample.value)) return { noData: `"${name}" has no value` };
  }
  return undefined;
}

function tooFew({ definition, when }: Conditions, world: World): Missing | undefined {
  const { min_samples: samples, min_requests: requests } = definition;
  for (const signal of samples === undefined ? [] : when.variables) {
    const { count, within } = samples ?? { count: 0, within: 0 };
    const found = numberOf({ function: "samples", signal, window: within, text: "" }, world);
    if (found < count) {
      const fact = `"${signal}" was measured ${found} times within ${durationText(within)}`;
      return { tooFew: `${fact}, ${count} are needed` };
    }
  }
  if (requests === undefined) return undefined;
  const { of, count, within } = requests;
  const found = numberOf({ function: "increase", signal: of, window: within, text: "" }, world);
  if (found >= count) return undefined;
  return { tooFew: `"${of}" grew by ${found} within ${durationText(within)}, ${count} are needed` };
}

const yes: Held = { held: true };
const no: Held = { held: false };

function holds({ inputs, evaluate }: Expression, world: World): Held | Missing {
  const measured: number[] = [];
  for (const input of inputs) {
    const value = measure(input, world);
    if (typeof value !== "number") return value;
    measured.push(value);
  }
  try {
    const held = evaluate(world.values, measured);
    if (inputs.length === 0) return held ? yes : no;
    return {
      held,
      values: Object.fromEntries(inputs.map(({ text }, index) => [text, measured[index] ?? 0])),
    };
  } catch (error) {
    return {
      noData: `the condition has no answer: ${error instanceof Error ? error.message : String(error)}`,
    };
  }
}

interface Held {
  readonly held: boolean;
  readonly values?: Values;
}

const measure = (input: ConditionInput, { signal, baselines }: World): Measured =>
  measureInput(input, (name) => signal(name)?.past, baselines);

function numberOf(input: ConditionInput, world: World): number {
  const found = measure(input, world);
  return typeof found === "number" ? found : 0;
}
