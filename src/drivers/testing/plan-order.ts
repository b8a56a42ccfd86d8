import { phases, type StepSpec } from "../../core/driver.js";

/** The steps of one target in an order that the engine could run them in: by phase, within it by needs. */
export function planOrder(steps: readonly StepSpec[]): StepSpec[] {
  const done = new Set<string>();
  const ordered: StepSpec[] = [];
  for (const phase of phases) {
    let left = steps.filter((step) => step.phase === phase);
    while (left.length > 0) {
      const next = left.find((step) => (step.needs ?? []).every((need) => done.has(need)));
      if (next === undefined) {
        throw new Error(`${left.map((step) => step.operation).join(", ")}: needs that no earlier step meets`);
      }
      done.add(next.operation);
      ordered.push(next);
      left = left.filter((step) => step !== next);
    }
  }
  return ordered;
}
