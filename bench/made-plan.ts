import { contentDigest } from "../src/core/content-digest.js";
import type { Plan, PlanStep } from "../src/core/plan/plan.js";

/** One step without an effect; `more` gives it another place. */
export const madeStep = (subject: string, operation: string, more: Partial<PlanStep> = {}): PlanStep => ({
  id: `${subject}.${operation}`,
  kind: "apply",
  subject,
  driver: "none",
  operation,
  title: "do nothing",
  phase: "restore",
  needs: [],
  awaits: [],
  input: {},
  impact: {},
  expectedMs: 0,
  timeoutMs: 60_000,
  retries: 0,
  onFailure: "stop",
  ...more,
});

/** One step after the other. */
export const chained = (count: number): PlanStep[] =>
  Array.from({ length: count }, (_, index) =>
    madeStep("t", `s${index}`, { needs: index === 0 ? [] : [`t.s${index - 1}`] }),
  );

/** All of one target, none waiting for another. */
export const together = (count: number): PlanStep[] =>
  Array.from({ length: count }, (_, index) => madeStep("t", `s${index}`));

export function madePlan(
  steps: readonly PlanStep[],
  targets: Plan["targets"] = {},
  environment = "default",
): Plan {
  const body: Omit<Plan, "digest"> = {
    version: 1,
    system: "bench",
    environment,
    scenario: "all",
    strategy: "restore",
    targets,
    checks: {},
    steps,
    estimate: { durationMs: 0, criticalPath: [], downtimeMs: 0 },
    warnings: [],
    objectives: {},
  };
  return { digest: contentDigest(body), ...body };
}
