import type { Phase } from "../driver.js";
import { BackoutError } from "../errors.js";
import type { PlanStep } from "./plan.js";

type Linked = Pick<PlanStep, "id" | "phase" | "needs" | "awaits">;

/**
 * Steps in an order in which they could run one after another (Kahn), first come first where several could.
 * Throws REFUSED with the steps of a cycle, INTERNAL for a need that no step answers.
 */
export function orderSteps<Step extends Linked>(steps: readonly Step[]): Step[] {
  const open = new Map<string, number>();
  const waiting = new Map<string, Step[]>();
  const byId = new Map(steps.map((step) => [step.id, step]));
  const openInPhase = new Map<Phase, number>();
  for (const step of steps) openInPhase.set(step.phase, (openInPhase.get(step.phase) ?? 0) + 1);
  const phaseWaiting = new Map<Phase, Step[]>();
  for (const step of steps) {
    let count = 0;
    for (const need of step.needs) {
      if (!byId.has(need))
        throw new BackoutError("INTERNAL", `${step.id} needs ${need}, which the plan does not have`);
      push(waiting, need, step);
      count++;
    }
    for (const phase of step.awaits) {
      if (!openInPhase.has(phase)) continue;
      push(phaseWaiting, phase, step);
      count++;
    }
    open.set(step.id, count);
  }
  const ordered: Step[] = steps.filter((step) => open.get(step.id) === 0);
  const release = (step: Step): void => {
    const left = (open.get(step.id) ?? 0) - 1;
    open.set(step.id, left);
    if (left === 0) ordered.push(step);
  };
  for (let index = 0; index < ordered.length; index++) {
    const step = ordered[index] as Step;
    for (const next of waiting.get(step.id) ?? []) release(next);
    const left = (openInPhase.get(step.phase) ?? 0) - 1;
    openInPhase.set(step.phase, left);
    if (left === 0) for (const next of phaseWaiting.get(step.phase) ?? []) release(next);
  }
  if (ordered.length < steps.length) {
    const stuck = circle(steps.filter((step) => (open.get(step.id) ?? 0) > 0)).map((step) => step.id);
    throw new BackoutError(
      "REFUSED",
      `the steps wait for each other in a circle: ${stuck.slice(0, 8).join(", ")}`,
      {
        effect: "none",
        hint: "look at `uses` and at what the drivers of these targets need",
      },
    );
  }
  return ordered;
}

/** Without those that merely wait for it. */
function circle<Step extends Linked>(stuck: readonly Step[]): readonly Step[] {
  const awaited = new Set<string>(stuck.flatMap((step) => [...step.needs, ...step.awaits]));
  const rest = stuck.filter((step) => awaited.has(step.id) || awaited.has(step.phase));
  return rest.length === stuck.length ? rest : circle(rest);
}

function push<Key, Value>(map: Map<Key, Value[]>, key: Key, value: Value): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
