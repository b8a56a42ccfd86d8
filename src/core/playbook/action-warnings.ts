import { durationText } from "../report/measures.js";
import { type CompiledTrigger, compileTriggers } from "../signal/compile-triggers.js";
import { conditionValues } from "../signal/condition-values.js";
import { isSame, reaches } from "../signal/value-set.js";
import type { Playbook } from "./playbook.js";
import type { ProblemList } from "./where.js";

interface Action {
  readonly scenario: string;
  readonly mode: string;
}

type Acting = Pick<Playbook, "signals" | "triggers" | "scenarios" | "objectives"> & {
  readonly decisions: readonly {
    readonly when?: string | undefined;
    readonly scenario?: unknown;
    readonly mode?: unknown;
  }[];
};

/** What triggers and the ways back that they lead to do to each other (H75, H76, H77). */
export function warnOfActions(playbook: Acting, list: ProblemList): void {
  const { triggers } = compileTriggers(playbook);
  const actions = new Map(triggers.map(({ name }) => [name, actionOf(name, playbook)]));
  for (const [index, trigger] of triggers.entries()) {
    const action = actions.get(trigger.name);
    warnOfTwin(trigger, triggers.slice(0, index), actions, list);
    if (action === undefined) continue;
    warnOfPromise(trigger, action, playbook, list);
    warnOfEcho(trigger, action, playbook, list);
  }
}

/** Of the first rule that names the trigger as a word of its condition. */
function actionOf(name: string, { decisions, triggers }: Acting): Action | undefined {
  for (const { when = "", scenario, mode } of decisions) {
    const words = new Set(when.match(/\w+/g));
    const named = words.has(name) || (words.has("verdict") && words.has(triggers[name]?.level ?? ""));
    if (named && typeof scenario === "string" && typeof mode === "string") return { scenario, mode };
  }
  return undefined;
}

function warnOfTwin(
  trigger: CompiledTrigger,
  others: readonly CompiledTrigger[],
  actions: ReadonlyMap<string, Action | undefined>,
  list: ProblemList,
): void {
  const [own, action] = [conditionValues(trigger.when), actions.get(trigger.name)];
  if (own === undefined || action === undefined) return;
  for (const other of others) {
    const [found, its] = [conditionValues(other.when), actions.get(other.name)];
    if (found === undefined || its === undefined || found.quantity !== own.quantity) continue;
    if (!isSame(found.values, own.values)) continue;
    if (its.scenario === action.scenario && its.mode === action.mode) continue;
    const fact = `this is the condition of "${other.name}", which leads to "${its.scenario}" (${its.mode}), and this one to "${action.scenario}" (${action.mode})`;
    list.warn(["triggers", trigger.name, "when"], fact, "decide which of both is right");
  }
}

/** The time until it fires, and the way back, within the objective (H75). */
function warnOfPromise(
  { name, definition }: CompiledTrigger,
  { scenario }: Action,
  playbook: Acting,
  list: ProblemList,
): void {
  const { rto } = playbook.objectives;
  const promised = playbook.scenarios[scenario]?.promised ?? 0;
  if (rto === undefined || definition.for + promised <= rto || definition.for === 0) return;
  const rest = promised === 0 ? "" : ` and "${scenario}" promises ${durationText(promised)}`;
  const fact = `it waits ${durationText(definition.for)} before it fires${rest}: more than the recovery time objective of ${durationText(rto)}`;
  list.warn(["triggers", name, "for"], fact, "wait less, or raise objectives.rto");
}

/** A rollback that trips it again: what counts up from nothing after a restart (hits, replicas, throughput) is low at first (H76). */
function warnOfEcho(
  { name, definition, when }: CompiledTrigger,
  { scenario, mode }: Action,
  { signals, scenarios }: Acting,
  list: ProblemList,
): void {
  const way = scenarios[scenario];
  if (definition.settle !== undefined || mode === "advise" || way === undefined) return;
  const touched = new Set([...way.restore, ...way.restart]);
  const disturbed = when.variables.find((signal) => touched.has(signals[signal]?.of ?? ""));
  const found = conditionValues(when);
  const low = found !== undefined && reaches(found.values, "down") && !reaches(found.values, "up");
  if (disturbed === undefined && !low) return;
  const reason =
    disturbed === undefined
      ? `${found?.quantity ?? when.text} starts low where things have just been restarted`
      : `"${disturbed}" measures "${signals[disturbed]?.of}", which that rollback brings back or restarts`;
  const fact = `it leads to "${scenario}", and may then be tripped by that very rollback: ${reason}`;
  list.warn(["triggers", name], fact, "settle: 5m keeps it quiet for so long after a rollback", {
    part: "key",
  });
}
