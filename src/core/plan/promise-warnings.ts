import { type Problem, warning } from "../errors.js";
import type { Estimate, PlanStep } from "./plan.js";

/** Promises that the plan cannot keep (H75). */
export function promiseWarnings(
  scenario: string,
  { durationMs, promisedMs }: Estimate,
  steps: readonly PlanStep[],
  rto: number | undefined,
): Problem[] {
  const path = `scenarios.${scenario}`;
  const warnings: Problem[] = [];
  if (promisedMs !== undefined && durationMs > promisedMs) {
    warnings.push(
      warning(path, `expected to take ${durationMs} ms, longer than the ${promisedMs} ms promised`),
    );
  }
  if (rto !== undefined && durationMs > rto) {
    warnings.push(warning(path, `expected to take ${durationMs} ms, longer than the objective of ${rto} ms`));
  }
  for (const step of steps) {
    if (promisedMs === undefined || step.kind !== "apply" || step.timeoutMs <= promisedMs) continue;
    warnings.push(
      warning(step.id, `may take up to ${step.timeoutMs} ms before it times out, longer than promised`),
    );
  }
  return warnings;
}
