import { contentDigest } from "../content-digest.js";
import type { Playbook, TriggerDefinition } from "../playbook/playbook.js";
import { compileExpression, type Expression } from "./expression.js";
import type { Conditions } from "./finding.js";
import { staleAfter } from "./sample.js";
import type { ConditionInput } from "./window-functions.js";

/** What is to be judged: a playbook is one. Keep the object: its expressions are compiled once. */
export type TriggerDefinitions = Pick<Playbook, "signals" | "triggers">;

export interface CompiledTrigger extends Conditions {
  readonly name: string;
  /** Signals that a change of which can change what it finds. */
  readonly signals: readonly string[];
  /** Whose readings `times` counts: of its signals the one that is read least often. */
  readonly counted: string | undefined;
  /** Of everything that what it remembers depends on. */
  readonly digest: string;
}

export interface CompiledTriggers {
  readonly triggers: readonly CompiledTrigger[];
  /** Signal → how far back a condition looks at it, milliseconds; absent where only its last reading counts. */
  readonly windows: ReadonlyMap<string, number>;
  /** Signals that are compared with how they were before. */
  readonly baselines: ReadonlySet<string>;
  /** Signal → digest of what it measures: its source, what that is asked, and what can be. */
  readonly measures: Readonly<Record<string, string>>;
}

const compiled = new WeakMap<TriggerDefinitions["triggers"], CompiledTriggers>();

/** What conditions over these signals are compiled with. */
export type SignalVariables = Readonly<Record<string, "double">>;
export const signalVariables = (names: readonly string[]): SignalVariables =>
  Object.fromEntries(names.map((name) => [name, "double"]));

/**
 * Throws TypeError where a condition is none: a playbook has been checked before. With the variables that it was checked
 * with, nothing is compiled twice.
 */
export function compileTriggers(
  { signals, triggers }: TriggerDefinitions,
  variables = signalVariables(Object.keys(signals)),
): CompiledTriggers {
  const known = compiled.get(triggers);
  if (known !== undefined) return known;
  const condition = (text: string, path: string): Expression => {
    const result = compileExpression(text, variables, "signals");
    if ("expression" in result) return result.expression;
    throw new TypeError(`triggers.${path}: ${result.problems[0]?.message}`);
  };
  const measures = once(() =>
    Object.fromEntries(
      Object.entries(signals).map(([name, { driver, with: options, min, max }]) => [
        name,
        digestOf([driver, options, min, max]),
      ]),
    ),
  );
  const all = Object.entries(triggers).map(([name, definition]) => {
    const when = condition(definition.when, `${name}.when`);
    const end = definition.clear?.when;
    const clear = end === undefined ? undefined : condition(end, `${name}.clear.when`);
    const used = new Set([...when.variables, ...(clear?.variables ?? [])]);
    if (definition.min_requests !== undefined) used.add(definition.min_requests.of);
    const every = (signal: string): number => signals[signal]?.every ?? 0;
    const counted = when.variables.toSorted((a, b) => every(b) - every(a))[0];
    const stale = [...used].map((signal) => signals[signal] && staleAfter(signals[signal]));
    const digest = once(() => digestOf([definition, stale, [...used].map((signal) => measures()[signal])]));
    return {
      ...{ name, definition, when, clear, signals: [...used], counted },
      get digest() {
        return digest();
      },
    };
  });
  const result: CompiledTriggers = {
    triggers: all,
    ...pastOf(all),
    get measures() {
      return measures();
    },
  };
  compiled.set(triggers, result);
  return result;
}

/** Only a watch asks for digests; everything that reads a playbook compiles its triggers. */
function once<Value>(make: () => Value): () => Value {
  let made: Value | undefined;
  return () => (made ??= make());
}

const digestOf = (value: unknown): string => contentDigest(JSON.parse(JSON.stringify(value))).slice(7, 23);

function pastOf(triggers: readonly CompiledTrigger[]): Pick<CompiledTriggers, "windows" | "baselines"> {
  const windows = new Map<string, number>();
  const baselines = new Set<string>();
  const look = (signal: string, window: number): void => {
    windows.set(signal, Math.max(window, windows.get(signal) ?? 0));
  };
  const lookAt = (input: ConditionInput): void => {
    if (input.function === "baseline") baselines.add(input.signal);
    else for (const signal of [input.signal, input.of]) if (signal !== undefined) look(signal, input.window);
  };
  for (const { definition, when, clear } of triggers) {
    for (const input of [...when.inputs, ...(clear?.inputs ?? [])]) lookAt(input);
    const { min_samples: samples, min_requests: requests } = definition;
    if (samples !== undefined) for (const signal of when.variables) look(signal, samples.within);
    if (requests !== undefined) look(requests.of, requests.within);
  }
  return { windows, baselines };
}

/** The definition alone: what `TriggerDefinition` says of how it moves. */
export type Movement = Pick<TriggerDefinition, "for" | "times" | "clear" | "no_data">;
