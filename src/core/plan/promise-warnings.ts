import { type Problem, warning } from "../errors.js";
import { durationText } from "../report/measures.js";
import type { Estimate, PlanStep } from "./plan.js";

/**
 * Promises that the plan cannot keep (H75). `limited`: the steps whose time-out somebody chose; the default ones are
 * far longer than what is expected on purpose.
 */
export function promiseWarnings(
  scenario: string,
  { durationMs, promisedMs }: Estimate,
  limited: readonly PlanStep[],
  rto: number | undefined,
): Problem[] {
  const path = `scenarios.${scenario}`;
  const expected = `expected to take ${durationText(durationMs)}`;
  const warnings: Problem[] = [];
  if (promisedMs !== undefined && durationMs > promisedMs) {
    warnings.push(warning(path, `${expected}, longer than the ${durationText(promisedMs)} promised`));
  }
  if (rto !== undefined && durationMs > rto) {
    warnings.push(warning(path, `${expected}, longer than the objective of ${durationText(rto)}`));
  }
  for (const { id, timeoutMs } of limited) {
    if (promisedMs === undefined || timeoutMs <= promisedMs) continue;
    const promise = `${durationText(promisedMs)} promised for all`;
    warnings.push(warning(id, `times out only after ${durationText(timeoutMs)}, longer than the ${promise}`));
  }
  return warnings;
}
