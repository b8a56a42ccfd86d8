import type { CompiledTrigger } from "../signal/compile-triggers.js";
import { type ConditionValues, conditionValues, constantOf } from "../signal/condition-values.js";
import {
  allValues,
  both,
  isSame,
  isWithin,
  type ValueSet,
  valuesText,
  valuesThat,
} from "../signal/value-set.js";
import { durationMs } from "./duration.js";
import type { Playbook } from "./playbook.js";
import type { Path, ProblemList } from "./where.js";

type Signals = Playbook["signals"];

/** Conditions that can never or always hold, and ends that never come. Whether the trigger itself is such a one. */
export function warnOfConstants(
  { name, when, clear }: CompiledTrigger,
  { signals }: { readonly signals: Signals },
  list: ProblemList,
): boolean {
  const possible = (part: ConditionValues): ValueSet => possibleValues(part, signals);
  const warn = (path: Path, fact: string, rest: string): void =>
    list.warn(path, fact, `correct the comparison, or remove ${rest}`);
  const path = ["triggers", name, "when"];
  const constant = constantOf(when, possible);
  if (constant !== undefined) {
    const { part, holds } = constant;
    warn(
      path,
      `this ${holds ? "always holds" : "can never hold"}${beyond(part, possible(part))}`,
      "the trigger",
    );
  }
  const end = clear === undefined ? undefined : constantOf(clear, possible);
  const endPath = ["triggers", name, "clear", "when"];
  if (end !== undefined) {
    const { part, holds } = end;
    const fact = holds ? "this always holds" : "this can never hold, so that what has fired never ends";
    warn(endPath, `${fact}${beyond(part, possible(part))}`, "`clear`");
  } else if (clear !== undefined && constant === undefined) {
    const [begins, ends] = [conditionValues(when), conditionValues(clear)];
    const same = begins !== undefined && ends?.quantity === begins.quantity;
    if (same && isWithin(ends.values, begins.values))
      warn(endPath, "this holds only where the trigger itself does: what has fired never ends", "`clear`");
  }
  return constant !== undefined;
}

const beyond = ({ quantity }: ConditionValues, possible: ValueSet): string =>
  isSame(possible, allValues) ? "" : `: ${quantity} is always ${valuesText(possible)}`;

/** What a quantity can be: within its signal's bounds, a count or a growth never below zero. */
function possibleValues({ signal, over }: ConditionValues, signals: Signals): ValueSet {
  if (signal !== undefined) return bounds(signals[signal]);
  if (over === undefined) return allValues;
  const of = signals[over.signal];
  if (["avg", "min", "max", "baseline"].includes(over.function)) return bounds(of);
  const counts = valuesThat(">=", 0) ?? allValues;
  if (over.function !== "samples" || of === undefined) return counts;
  const most = Math.floor((durationMs(over.window) ?? 0) / of.every) + 1;
  return both(counts, valuesThat("<=", most) ?? allValues);
}

function bounds(signal: Signals[string] | undefined): ValueSet {
  const from = signal?.min === undefined ? allValues : (valuesThat(">=", signal.min) ?? allValues);
  const to = signal?.max === undefined ? allValues : (valuesThat("<=", signal.max) ?? allValues);
  return both(from, to);
}
