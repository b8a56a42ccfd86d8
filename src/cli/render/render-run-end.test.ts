import { describe, expect, it } from "vitest";
import {
  finished,
  owned,
  requested,
  requestedAt,
  sampleFacts,
  samplePlan,
  started,
  verifiedRun,
} from "../../../test/support/sample-run.js";
import type { Plan } from "../../core/plan/plan.js";
import { makeReport } from "../../core/report/report.js";
import type { FactBody } from "../../core/run/fact.js";
import { renderRunEnd } from "./render-run-end.js";

type Told = readonly (readonly [number, FactBody, string?])[];

const endOf = (told: Told, more: Partial<Plan> = {}, width = 80): string =>
  renderRunEnd(makeReport({ run: { id: "run-1", plan: samplePlan(more) }, facts: sampleFacts(told) }), {
    now: requestedAt,
    width,
    colour: false,
  });

const failure = (step: string, attempt: number, effect: "none" | "unknown"): FactBody => ({
  type: "step.failed",
  step,
  attempt,
  code: "CONFLICT",
  message: `${step}: changed since the plan was made`,
  hint: "backout plan",
  effect,
  ms: 300,
});

const stopped: Told = [
  ...verifiedRun.slice(0, 11),
  [3200, failure("db.swap", 1, "unknown")],
  [
    3300,
    { type: "step.settled", step: "db.swap", attempt: 1, state: "unknown", summary: "neither old nor new" },
  ],
  [3310, { type: "run.stopped", step: "db.swap", message: "neither old nor new" }],
];

describe("the last words after a run", () => {
  it("verified: measured times, what was lost, the report", () => {
    expect(endOf(verifiedRun)).toBe(`\
✓ rolled back and verified, after 6.9 s
  RTO   6.9 s from the request; objective 5 min: met
  RPO   12 min; objective 15 min: met
  lost  3,404 inserted, 104 updated and 3 deleted in orders and items

next
  backout report run-1  the whole story, to send on`);
  });

  it("stopped: the failure first, then every way on", () => {
    expect(endOf(stopped)).toBe(`\
✗ db.swap: db.swap: changed since the plan was made
  looked: neither old nor new
  hint: backout plan

■ stopped half-way after 3.3 s, 4 of 8 steps done; what is done stays done
  lost  3,404 inserted, 104 updated and 3 deleted in orders and items, or part
        of it: not known

next
  backout retry db.swap              let it try again
  backout skip db.swap --reason '…'  go on without it
  backout resume                     try again whatever failed, then go on
  backout cancel                     end the run as it is now
  backout report run-1               the whole story, to send on`);
  });

  const bad: FactBody = {
    type: "step.failed",
    step: "check.health",
    attempt: 1,
    code: "CHECK_FAILED",
    message: "GET /health: expected 200, found 503",
    effect: "none",
    ms: 30_000,
    checks: [{ name: "GET /health", result: "failed", expected: "200", actual: "503" }],
  };
  const failed: Told = [
    [0, requested],
    [10, owned],
    ...[1, 2, 3].flatMap(
      (attempt): Told => [
        [20 * attempt, started("db.stage", attempt)],
        [20 * attempt + 10, failure("db.stage", attempt, "none")],
      ],
    ),
    [100, finished("failed")],
  ];

  it.each<[string, Told, Partial<Plan>, string[]]>([
    [
      "unverified",
      [...verifiedRun.slice(0, -2), [36_000, bad], [36_010, finished("unverified")]],
      {},
      [
        "✗ check.health: GET /health: expected 200, found 503",
        "! rolled back, but not verified, after 36 s",
        "in time, but not verified",
        "backout verify",
      ],
    ],
    [
      "interrupted",
      verifiedRun.slice(0, 8),
      {},
      ["■ interrupted after 2.1 s, 3 of 8 steps done", "backout resume"],
    ],
    [
      "failed",
      failed,
      { fallback: "code" },
      [
        "✗ db.stage: db.stage: changed since",
        "✗ failed; nothing was changed",
        "backout rollback code",
        "backout plan bad-release",
      ],
    ],
    [
      "cancelled",
      [...verifiedRun.slice(0, 8), [2500, finished("cancelled")]],
      {},
      ["✗ cancelled half-way, after 2.5 s", "backout plan bad-release"],
    ],
  ])("%s", (_, told, plan, words) => {
    const text = endOf(told, plan);
    const places = words.map((word) => text.indexOf(word));
    expect(places, text).toEqual(places.toSorted((a, b) => a - b));
    expect(places, text).not.toContain(-1);
  });

  it("keeps commands whole in a narrow terminal", () => {
    expect(endOf(stopped, {}, 40).split("\n")).toContain("  backout skip db.swap --reason '…'");
  });
});
