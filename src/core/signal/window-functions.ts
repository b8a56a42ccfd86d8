import type { ASTNode, Environment } from "@marcbachmann/cel-js";
import { durationMs } from "../playbook/duration.js";

export const windowFunctions = [
  "avg",
  "min",
  "max",
  "increase",
  "rate",
  "ratio",
  "samples",
  "baseline",
] as const;
export type WindowFunction = (typeof windowFunctions)[number];

/** A number that a condition takes from a signal's past rather than from its last sample. */
export interface ConditionInput {
  readonly function: WindowFunction;
  readonly signal: string;
  /** Of `ratio`: the counter below the line. */
  readonly of?: string;
  /** Milliseconds; 0 for `baseline`. */
  readonly window: number;
  /** As people write it: `avg(errors, "5m")`. */
  readonly text: string;
}

/** An input while its condition is evaluated. */
export interface Slot {
  readonly input: ConditionInput;
  value: number;
}

const usage: Record<WindowFunction, string> = {
  avg: 'avg(latency, "5m")',
  min: 'min(latency, "5m")',
  max: 'max(latency, "5m")',
  increase: 'increase(requests, "5m")',
  rate: 'rate(requests, "5m")',
  ratio: 'ratio(errors, requests, "5m")',
  samples: 'samples(latency, "5m")',
  baseline: "baseline(latency)",
};

export const isWindowFunction = (name: string): name is WindowFunction =>
  (windowFunctions as readonly string[]).includes(name);

/** How the function is written, for hints. */
export const usageOf = (name: WindowFunction): string => usage[name];

interface MacroCall {
  readonly ast: ASTNode;
  readonly args: readonly ASTNode[];
}

/** The part of CEL's type checker that a macro is handed. */
interface Checker {
  check(node: ASTNode, context: unknown): unknown;
  getType(name: string): unknown;
  createError(code: string, message: string, node: ASTNode): Error;
}

/**
 * Lets expressions of this environment use the functions. Each call becomes a slot, handed to `found` while parsing;
 * its value must have been set before the expression is evaluated.
 */
export function registerWindowFunctions(environment: Environment, found: (slot: Slot) => void): void {
  const add = (name: WindowFunction, signals: number, window: boolean) =>
    environment.registerFunction(
      `${name}(${Array.from({ length: signals + (window ? 1 : 0) }, () => "ast").join(", ")}): double`,
      ({ args }: MacroCall) => macro(name, args, signals, found),
    );
  for (const name of ["avg", "min", "max", "increase", "rate", "samples"] as const) add(name, 1, true);
  add("ratio", 2, true);
  add("baseline", 1, false);
}

function macro(name: WindowFunction, args: readonly ASTNode[], signals: number, found: (slot: Slot) => void) {
  const named = args.slice(0, signals).map(({ op, args: text }) => (op === "id" ? text : ""));
  const last = args[signals];
  const length = last?.op === "value" && typeof last.args === "string" ? last.args : "";
  const window = last === undefined ? 0 : (durationMs(length) ?? 0);
  const [signal = "", of] = named;
  const written = [...named, ...(last === undefined ? [] : [JSON.stringify(length)])];
  const input = { function: name, signal, window, text: `${name}(${written.join(", ")})` };
  const slot: Slot = { input: of === undefined ? input : { ...input, of }, value: Number.NaN };
  found(slot);
  return {
    typeCheck(checker: Checker, _: unknown, context: unknown) {
      for (const [index, node] of args.slice(0, signals).entries()) {
        if (named[index] === "") throw misused(checker, name, `takes the name of a signal`, node);
        checker.check(node, context);
      }
      if (last !== undefined && window <= 0)
        throw misused(checker, name, "takes a length of time in quotes", last);
      return checker.getType("double");
    },
    evaluate: () => slot.value,
  };
}

const misused = (checker: Checker, name: WindowFunction, fact: string, node: ASTNode): Error =>
  checker.createError("invalid_macro_argument", `${name} ${fact} here: ${usage[name]}`, node);
