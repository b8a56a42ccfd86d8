import type { CompiledTriggers } from "./compile-triggers.js";
import type { TriggerState } from "./trigger-state.js";

/** What was remembered under a definition that is another one now. */
export interface Changed {
  readonly signals: readonly string[];
  readonly triggers: readonly string[];
}

/**
 * What an earlier judge remembered, without what it knew of signals that measure something else now: another source, query or
 * bounds under the same name. A trigger over one begins anew, and so does one that has itself been changed.
 */
export function changedDefinitions(
  { measures, triggers }: CompiledTriggers,
  from: TriggerState | undefined,
): { readonly state: TriggerState | undefined; readonly changed: Changed } {
  if (from === undefined) return { state: undefined, changed: { signals: [], triggers: [] } };
  const remembered = new Set([...Object.keys(from.latest), ...Object.keys(from.history ?? {})]);
  const signals = Object.keys(measures).filter(
    (name) => remembered.has(name) && ownOf(from.signals, name) !== measures[name],
  );
  const begun = triggers.flatMap(({ name, digest }) => {
    const known = ownOf(from.triggers, name);
    return known === undefined || known.of === undefined || known.of === digest ? [] : [name];
  });
  const without = <T>(record: Readonly<Record<string, T>>): Record<string, T> =>
    Object.fromEntries(Object.entries(record).filter(([name]) => !signals.includes(name)));
  const { history } = from;
  const state = {
    ...from,
    latest: without(from.latest),
    ...(history === undefined ? {} : { history: without(history) }),
  };
  return { state, changed: { signals, triggers: begun } };
}

const ownOf = <T>(record: Readonly<Record<string, T>> | undefined, name: string): T | undefined =>
  record !== undefined && Object.hasOwn(record, name) ? record[name] : undefined;
