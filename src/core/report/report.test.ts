import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  capturedAt,
  finished,
  owned,
  requested,
  requestedAt,
  sampleFacts,
  samplePlan,
  started,
  succeeded,
  verifiedRun,
} from "../../../test/support/sample-run.js";
import type { Plan } from "../plan/plan.js";
import type { FactBody } from "../run/fact.js";
import { reportMarkdown } from "./markdown.js";
import { makeReport, type Report } from "./report.js";

type Told = readonly (readonly [number, FactBody, string?])[];

const reportOf = (told: Told, more: Partial<Plan> = {}): Report =>
  makeReport({ run: { id: "run-1", plan: samplePlan(more) }, facts: sampleFacts(told) });

const failed = (step: string, attempt: number, more: Partial<FactBody> = {}): FactBody =>
  ({
    type: "step.failed",
    step,
    attempt,
    code: "COMMAND_FAILED",
    message: `${step}: exited with 7`,
    hint: "look at its output",
    effect: "none",
    ms: 20,
    log: [`attempt ${attempt}`],
    ...more,
  }) as FactBody;

describe("data lost", () => {
  const swapped = (loses: readonly object[]): Told =>
    verifiedRun.map(([at, body, ...by]) =>
      body.type === "step.succeeded" && body.step === "db.swap"
        ? [at, { ...body, loses } as FactBody, ...by]
        : [at, body, ...by],
    );
  const orders = { what: "orders", inserted: 1107, updated: 104, deleted: 0, basis: "counted again" };

  it("is what the swap itself counted, with the plan's older figure beside it", () => {
    const report = reportOf(swapped([orders]));
    expect(report.dataLost).toEqual([{ ...orders, step: "db.swap", target: "db", certain: true }]);
    expect(report.dataLostPlanned?.map(({ what, inserted }) => [what, inserted])).toEqual([
      ["orders", 1100],
      ["items", 2304],
    ]);
    expect(reportMarkdown(report)).toContain(
      "1,107 inserted and 104 updated in orders (the plan, made earlier, had counted 3,404 inserted",
    );
  });

  it("counted to nothing in the end is nothing, though the plan had seen some", () => {
    const report = reportOf(swapped([]));
    expect(report.dataLost).toEqual([]);
    expect(reportMarkdown(report)).toContain("nothing (the plan, made earlier, had counted");
  });

  it("counted to the same is said once", () => {
    const planned = samplePlan().steps.find(({ id }) => id === "db.swap")?.impact.loses ?? [];
    expect(reportOf(swapped(planned)).dataLostPlanned).toBeUndefined();
  });
});

describe("the report of a run that ended well", () => {
  const report = reportOf(verifiedRun);

  it("says who asked, when, why and how it ended", () => {
    expect(report).toMatchObject({
      run: "run-1",
      system: "shop",
      environment: "production",
      scenario: "bad-release",
      change: "v2",
      requested: { at: requestedAt, by: "ada@node-1", reason: "40 % of requests fail since v2" },
      startedAt: requestedAt + 40,
      endedAt: requestedAt + 6900,
      durationMs: 6860,
      outcome: "verified",
      exitStatus: 0,
      changed: true,
    });
    expect(report.firstFailure).toBeUndefined();
  });

  it("has every step with its times and every check with what it found", () => {
    expect(report.steps.map(({ id }) => id)).toEqual(samplePlan().steps.map(({ id }) => id));
    expect(report.steps[2]).toEqual({
      id: "db.swap",
      title: "swap the database file in",
      phase: "restore",
      kind: "apply",
      status: "succeeded",
      attempts: 1,
      startedAt: requestedAt + 2970,
      endedAt: requestedAt + 3054,
      durationMs: 84,
      expectedMs: 84,
      summary: "data/shop.sqlite replaced",
      settled: [],
      log: ["kept as data/shop.sqlite.replaced"],
    });
    expect(report.checks.map(({ step, result, actual }) => [step, result, actual])).toEqual([
      ["db.verify", "passed", "12,000"],
      ["db.verify", "passed", "ok"],
      ["check.health", "passed", "200"],
    ]);
  });

  it("measures against the objectives", () => {
    expect(report.rto).toEqual({ verdict: "met", from: "request", measuredMs: 6900, objectiveMs: 300_000 });
    expect(report.rpo).toEqual({
      verdict: "met",
      measuredMs: requestedAt + 40 - capturedAt,
      objectiveMs: 900_000,
    });
    expect(report.dataLost.map(({ what, certain }) => [what, certain])).toEqual([
      ["orders", true],
      ["items", true],
    ]);
  });
});

describe("recovery time and point", () => {
  const triggered = (since: number): Told => [
    [0, { ...requested, trigger: { since, samples: [] } } as FactBody],
    ...verifiedRun.slice(1),
  ];

  it("counts the time from the first bad sample, and says by how much it was missed", () => {
    const { rto } = reportOf(triggered(requestedAt - 300_000));
    expect(rto).toEqual({
      verdict: "missed",
      from: "first bad sample",
      measuredMs: 306_900,
      objectiveMs: 300_000,
      missedByMs: 6900,
    });
  });

  it("V09 is measured against the class that the decision named, before the playbook's objective", () => {
    const trigger = { since: requestedAt - 60_000, class: "critical", rtoMs: 120_000 };
    const { rto } = reportOf([[0, { ...requested, trigger } as FactBody], ...verifiedRun.slice(1)]);
    expect(rto).toMatchObject({
      verdict: "met",
      class: "critical",
      objectiveMs: 120_000,
      measuredMs: 66_900,
    });
  });

  it.each<[string, Told, Partial<Plan>, string, string]>([
    ["no objectives", verifiedRun, { objectives: {} }, "none", "none"],
    ["a tight point", verifiedRun, { objectives: { rpo: 60_000 } }, "none", "missed"],
    ["unverified", [...verifiedRun.slice(0, -1), [6900, finished("unverified")]], {}, "unverified", "met"],
    ["nothing restored yet", verifiedRun.slice(0, 4), {}, "not-recovered", "no-loss"],
  ])("%s", (_, told, plan, rto, rpo) => {
    const report = reportOf(told, plan);
    expect([report.rto.verdict, report.rpo.verdict]).toEqual([rto, rpo]);
  });
});

describe("the report of a run that did not end well", () => {
  it("counts all attempts of a step and keeps all of its output", () => {
    const told: Told = [
      [0, requested],
      [10, owned],
      [20, started("db.stage")],
      [40, failed("db.stage", 1)],
      [1040, started("db.stage", 2)],
      [1060, { ...succeeded("db.stage", 20, "staged"), attempt: 2 } as FactBody],
    ];
    const [stage] = reportOf(told).steps;
    expect(stage).toMatchObject({
      attempts: 2,
      startedAt: requestedAt + 20,
      durationMs: 1040,
      log: ["attempt 1"],
      summary: "staged",
    });
    expect(stage?.failure).toBeUndefined();
  });

  it("does not count data as lost that a step left alone, and doubts where nobody knows", () => {
    const before = verifiedRun.slice(0, 11);
    const lost = (...more: Told): (boolean | undefined)[] =>
      reportOf([...before, ...more]).dataLost.map(({ certain }) => certain);
    const looked = (state: string): Told[number] => [
      3300,
      { type: "step.settled", step: "db.swap", attempt: 1, state, summary: "looked" } as FactBody,
    ];
    const unclear: Told[number] = [3200, failed("db.swap", 1, { effect: "unknown" })];
    expect(lost([3200, failed("db.swap", 1)])).toEqual([]);
    expect(lost(unclear, looked("not-applied"))).toEqual([]);
    expect(lost(unclear)).toEqual([false, false]);
    expect(lost(unclear, looked("unknown"))).toEqual([false, false]);
    expect(lost(unclear, looked("applied"))).toEqual([true, true]);
  });

  it("tells the failure itself, and what was found when looking after it", () => {
    const report = reportOf([
      ...verifiedRun.slice(0, 11),
      [3200, failed("db.swap", 1, { effect: "unknown" })],
      [
        3300,
        {
          type: "step.settled",
          step: "db.swap",
          attempt: 1,
          state: "unknown",
          summary: "neither old nor new",
        },
      ],
      [3310, { type: "run.stopped", step: "db.swap", message: "neither old nor new" }],
    ]);
    expect(report).toMatchObject({
      status: "stopped",
      exitStatus: 4,
      firstFailure: {
        step: "db.swap",
        message: "db.swap: exited with 7",
        hint: "look at its output",
        undecided: "neither old nor new",
      },
    });
    expect(report.checks.map(({ result }) => result)).toEqual(["not-run", "not-run"]);
  });

  it.each<[string, Told, number | undefined]>([
    [
      "failed",
      [
        [0, requested],
        [10, owned],
        [20, finished("failed")],
      ],
      1,
    ],
    [
      "cancelled before anything",
      [
        [0, requested],
        [10, owned],
        [20, finished("cancelled")],
      ],
      1,
    ],
    ["cancelled half-way", [...verifiedRun.slice(0, 7), [2000, finished("cancelled")]], 4],
    ["going on", verifiedRun.slice(0, 7), undefined],
  ])("exit status: %s", (_, told, status) => expect(reportOf(told).exitStatus).toBe(status));
});

it("is plain data at any moment of a run", () => {
  fc.assert(
    fc.property(fc.nat(verifiedRun.length), (length) => {
      const report = reportOf(verifiedRun.slice(0, length));
      expect(JSON.parse(JSON.stringify(report))).toStrictEqual(report);
    }),
  );
});
