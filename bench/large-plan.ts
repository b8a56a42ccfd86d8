import * as z from "zod";
import { defineTarget, type StepSpec } from "../src/core/driver.js";
import type { PlanRequest } from "../src/core/plan/make-plan.js";
import type { Playbook } from "../src/core/playbook/playbook.js";

/** Five steps a target: one of each kind that matters for who waits for whom. */
const steps: readonly StepSpec[] = [
  step("keep", "preserve"),
  step("stage", "restore"),
  { ...step("swap", "restore"), needs: ["stage"] },
  step("start", "resume"),
];

function step(operation: string, phase: StepSpec["phase"]): StepSpec {
  return { operation, title: operation, phase, input: { operation }, expectedMs: 100 };
}

const driver = defineTarget({
  id: "counted",
  title: "a target for measuring the planner",
  options: z.strictObject({ index: z.number() }),
  observe: async () => ({ identity: "bad", summary: "v2", data: {} }),
  plan: () => [...steps],
  apply: async () => ({ summary: "", changed: true }),
  settle: async () => ({ state: "applied" as const, summary: "" }),
  verify: async () => [],
});

/** Each target uses three others: a wide graph with chains in it. With its own verification, five steps each. */
export function largeRequest(count: number): PlanRequest {
  const names = Array.from({ length: count }, (_, index) => `t${index}`);
  const targets = Object.fromEntries(
    names.map((name, index) => {
      const uses = [index - 1, index - 10, index - 100].filter((other) => other >= 0 && index % 20 !== 0);
      return [name, { driver: "counted", with: { index }, uses: uses.map((other) => `t${other}`) }];
    }),
  );
  const part = { identity: "good", summary: "v1", data: {}, artifacts: [], at: 0 };
  const playbook: Playbook = {
    system: "large",
    environment: "default",
    environments: ["default"],
    state: ".backout",
    objectives: {},
    proofs: { expire: 1 },
    retention: { keep: 1 },
    targets,
    changes: {},
    scenarios: { all: { strategy: "restore", restore: names, restart: [], checks: [] } },
    checks: {},
    signals: {},
    triggers: {},
    decisions: [],
    watch: { cooldown: 0, mute: 0 },
  };
  return {
    playbook,
    scenario: "all",
    checkpoint: { id: "cp", at: 0, parts: Object.fromEntries(names.map((name) => [name, { part }])) },
    drivers: new Map([["counted", driver]]),
    observations: Object.fromEntries(
      names.map((name) => [name, { identity: "bad", summary: "v2", data: {} }]),
    ),
    knownBad: [],
  };
}
