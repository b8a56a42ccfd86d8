import { durationText } from "../report/measures.js";
import type { CompiledTrigger, CompiledTriggers } from "../signal/compile-triggers.js";
import { conditionValues } from "../signal/condition-values.js";
import { reaches, valuesText } from "../signal/value-set.js";
import type { Playbook } from "./playbook.js";
import { type Action, actionOf, actionText, type Named, namedActions } from "./trigger-actions.js";
import type { ProblemList } from "./where.js";

type Acting = Pick<Playbook, "signals" | "triggers" | "scenarios" | "objectives" | "classes" | "decisions">;

/** What triggers and the ways back that they lead to do to each other (H75, H76, H77). */
export function warnOfActions({ triggers }: CompiledTriggers, playbook: Acting, list: ProblemList): void {
  const actions = namedActions(playbook.decisions);
  const twins = new Map<string, { readonly name: string; readonly action: Action }>();
  for (const trigger of triggers) {
    const { name, definition } = trigger;
    const who = { name, level: definition.level };
    const certain = actionOf(who, actions, ({ alone, asked }) => alone && !asked);
    if (certain !== undefined) warnOfTwin(trigger, certain, twins, list);
    const leads = ({ action }: Named): boolean => action.scenarios.length > 0;
    const unasked = actionOf(who, actions, (one) => leads(one) && !one.asked);
    if (unasked !== undefined) warnOfPromise(trigger, unasked, playbook, list);
    const possible = actionOf(who, actions, leads);
    if (possible !== undefined) warnOfEcho(trigger, possible, playbook, list);
  }
}

/** Two triggers with one condition always fire together: what they lead to must be one and the same. */
function warnOfTwin(
  { name, definition, when }: CompiledTrigger,
  action: Action,
  twins: Map<string, { readonly name: string; readonly action: Action }>,
  list: ProblemList,
): void {
  const found = conditionValues(when);
  const condition =
    found === undefined
      ? definition.when.replaceAll(/\s+/g, "")
      : `${found.quantity} ${valuesText(found.values)}`;
  const other = twins.get(condition);
  if (other === undefined) {
    twins.set(condition, { name, action });
    return;
  }
  const [own, its] = [actionText(action), actionText(other.action)];
  if (own === its) return;
  const fact = `this is the condition of "${other.name}", which leads to ${its}, and this one to ${own}`;
  list.warn(["triggers", name, "when"], fact, "decide which of both is right");
}

/** The time until it fires, and the way back, within the objective: that of the decision's class where it has one (H75). */
function warnOfPromise(
  { name, definition }: CompiledTrigger,
  { scenarios: ways, class: named }: Action,
  { objectives: { rto = Number.POSITIVE_INFINITY }, classes, scenarios }: Acting,
  list: ProblemList,
): void {
  const [scenario = ""] = ways;
  const promised = scenarios[scenario]?.promised ?? 0;
  const ofClass = (named && classes?.[named]) ?? Number.POSITIVE_INFINITY;
  const limit = Math.min(rto, ofClass);
  // A promise that is too long by itself is told elsewhere, unless only the class makes it so.
  if (definition.for + promised <= limit || (definition.for === 0 && limit === rto)) return;
  const waits = definition.for === 0 ? [] : [`it waits ${durationText(definition.for)} before it fires`];
  const back = promised === 0 ? [] : [`"${scenario}" promises ${durationText(promised)}`];
  const [objective, key] =
    limit === rto
      ? [`recovery time objective of ${durationText(rto)}`, "rto"]
      : [`${durationText(limit)} that "${named}" allows`, `classes.${named}`];
  const fact = `${[...waits, ...back].join(" and ")}: more than the ${objective}`;
  list.warn(["triggers", name, "for"], fact, `wait less, or raise objectives.${key}`);
}

/** A rollback that trips it again: what counts up from nothing after a restart (hits, replicas, throughput) is low at first (H76). */
function warnOfEcho(
  { name, definition, when }: CompiledTrigger,
  { scenarios: ways, mode }: Action,
  { signals, scenarios }: Acting,
  list: ProblemList,
): void {
  const scenario = ways.find((way) => scenarios[way] !== undefined);
  if (definition.settle !== undefined || mode === "advise" || scenario === undefined) return;
  const touched = new Set(
    ways.flatMap((way) => [...(scenarios[way]?.restore ?? []), ...(scenarios[way]?.restart ?? [])]),
  );
  const disturbed = when.variables.find((signal) => touched.has(signals[signal]?.of ?? ""));
  const found = conditionValues(when);
  const low = found !== undefined && reaches(found.values, "down") && !reaches(found.values, "up");
  if (disturbed === undefined && !low) return;
  const reason =
    disturbed === undefined
      ? `${found?.quantity ?? when.text} starts low where things have just been restarted`
      : `"${disturbed}" measures "${signals[disturbed]?.of}", which that rollback brings back or restarts`;
  const led = ways.map((way) => JSON.stringify(way)).join(" or ");
  const fact = `it leads to ${led}, and may then be tripped by that very rollback: ${reason}`;
  list.warn(["triggers", name], fact, "settle: 5m keeps it quiet for so long after a rollback", {
    part: "key",
  });
}
