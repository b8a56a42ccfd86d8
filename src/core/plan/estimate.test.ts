import { expect, test } from "vitest";
import { spec } from "../../../test/support/plan-requests.js";
import type { Phase } from "../driver.js";
import { estimate } from "./estimate.js";
import type { PlanStep } from "./plan.js";

function step(id: string, phase: Phase, expectedMs: number, more: Partial<PlanStep> = {}): PlanStep {
  const { operation, title, input } = spec(id, phase);
  return {
    ...{ id, kind: "apply", subject: id, driver: "x", operation, title, phase, input, expectedMs },
    ...{ needs: [], awaits: [], impact: {}, timeoutMs: 1000, retries: 0, onFailure: "stop" as const },
    ...more,
  };
}

const interrupts = { impact: { interrupts: true } };

test.each<[string, PlanStep[], { durationMs: number; criticalPath: string[]; downtimeMs: number }]>([
  ["nothing to do", [], { durationMs: 0, criticalPath: [], downtimeMs: 0 }],
  [
    "the longest chain counts, not the sum",
    [
      step("a", "restore", 10),
      step("b", "restore", 50),
      step("c", "restore", 5, { needs: ["a", "b"] }),
      step("d", "restore", 20),
    ],
    { durationMs: 55, criticalPath: ["b", "c"], downtimeMs: 0 },
  ],
  [
    "a barrier waits for the slowest step of its phase",
    [
      step("f1", "fence", 5),
      step("f2", "fence", 9),
      step("a", "restore", 10, { awaits: ["fence"] }),
      step("check", "check", 1, { awaits: ["fence", "preserve", "restore", "resume"] }),
    ],
    { durationMs: 20, criticalPath: ["f2", "a", "check"], downtimeMs: 0 },
  ],
  [
    "downtime is from the first interruption to the last resumption, not the staging before, nor the checks after",
    [
      step("stage", "restore", 1000),
      step("stop", "quiesce", 20, { needs: ["stage"], ...interrupts }),
      step("swap", "restore", 30, { needs: ["stop"], ...interrupts }),
      step("start", "resume", 40, { needs: ["swap"] }),
      step("check", "check", 500, { awaits: ["restore", "resume"] }),
    ],
    {
      durationMs: 1590,
      criticalPath: ["stage", "stop", "swap", "start", "check"],
      downtimeMs: 90,
    },
  ],
  [
    "an interruption that nothing has to resume lasts as long as its step",
    [step("restart", "restore", 70, interrupts), step("other", "restore", 500)],
    { durationMs: 500, criticalPath: ["other"], downtimeMs: 70 },
  ],
  [
    "steps that take no time still show in the path",
    [
      step("a", "restore", 0),
      step("b", "resume", 0, { needs: ["a"] }),
      step("c", "check", 3, { awaits: ["resume"] }),
    ],
    { durationMs: 3, criticalPath: ["a", "b", "c"], downtimeMs: 0 },
  ],
])("estimate: %s", (_, steps, expected) => {
  expect(estimate(steps, undefined)).toEqual(expected);
  expect(estimate(steps, 7)).toEqual({ ...expected, promisedMs: 7 });
});
