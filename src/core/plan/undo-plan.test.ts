import { describe, expect, it } from "vitest";
import { planOf, step } from "../../../test/support/made-runs.js";
import { captured, scripted, seen, spec } from "../../../test/support/plan-requests.js";
import type { StepSpec, TargetDriver } from "../driver.js";
import type { Fact, FactBody } from "../run/fact.js";
import type { Plan, PlannedTarget } from "./plan.js";
import { makeUndoPlan, type UndoRequest } from "./undo-plan.js";

/** Takes back by the steps that its options name. */
const reversible: TargetDriver = {
  ...scripted,
  id: "reversible",
  undo: {
    observe: async () => ({ ...seen("now"), to: seen("before") }),
    plan: ({ options }) => (options as { restore: StepSpec[] }).restore,
    verify: async () => [],
  },
};

const target = (driver: string, more: Partial<PlannedTarget> = {}): PlannedTarget => ({
  driver,
  with: { restore: [spec("back", "restore", { exclusive: true })] } as never,
  uses: [],
  restore: true,
  keep: [],
  captured: captured("old"),
  from: { identity: "before", summary: "before" },
  to: { identity: "old", summary: "old" },
  ...more,
});

const app = target("scripted", {
  restore: false,
  uses: ["db"],
  with: {
    quiesce: [spec("stop", "quiesce"), spec("start", "resume")],
    restart: [spec("again", "resume")],
  } as never,
});

const plan = (more: Partial<Plan> = {}): Plan =>
  planOf(
    [
      step("app.stop", { phase: "quiesce" }),
      step("db.swap", { driver: "reversible", needs: ["app.stop"] }),
      step("app.start", { phase: "resume", needs: ["db.swap"] }),
      step("check.health", { kind: "check", subject: "health", phase: "check", awaits: ["resume"] }),
    ],
    {
      targets: { app, db: target("reversible") },
      checks: { health: { driver: "probe", with: {}, within: 1, stable: 0 } },
      ...more,
    },
  );

const facts = (...bodies: FactBody[]): Fact[] =>
  [
    { type: "run.requested", planDigest: "d", scenario: "back", reason: "test" } as const,
    { type: "run.owned", owner: { pid: 1, started: "", host: "here" }, fence: 1 } as const,
    ...bodies,
  ].map((body, index) => ({ seq: index + 1, at: 1000 + index, actor: "engine", ...body }));

const did = (id: string, changed = true): FactBody[] => [
  { type: "step.started", step: id, attempt: 1 },
  { type: "step.succeeded", step: id, attempt: 1, summary: "done", changed, ms: 1 },
];

const end: FactBody = { type: "run.finished", outcome: "verified" };
const whole = facts(
  ...did("app.stop"),
  ...did("db.swap"),
  ...did("app.start"),
  ...did("check.health", false),
  end,
);

const request = (more: Partial<UndoRequest> = {}, planned = plan(), told = whole): UndoRequest => ({
  run: { id: "run-1", plan: planned, facts: told },
  later: [],
  drivers: new Map([
    ["scripted", scripted],
    ["reversible", reversible],
  ]),
  observations: { app: seen("runs"), db: { ...seen("now"), to: seen("before") } },
  unseen: [],
  checkpoint: undefined,
  checks: true,
  ...more,
});

const refusals = (asked: UndoRequest): string[] => {
  const result = makeUndoPlan(asked);
  return "plan" in result ? [] : result.problems.map(({ path, message }) => `${path}: ${message}`);
};

describe("the plan of an undo", () => {
  it("stops users, takes back, starts them, compares, asks the same checks, and names the run", () => {
    const result = makeUndoPlan(request());
    if (!("plan" in result)) throw new Error(JSON.stringify(result.problems));
    expect(result.plan.undoes).toBe("run-1");
    expect(result.plan.steps.map(({ id }) => id)).toEqual([
      "app.stop",
      "db.back",
      "app.start",
      "db.verify",
      "check.health",
    ]);
    expect(result.plan.targets["db"]).toMatchObject({
      restore: true,
      since: 1005,
      from: { identity: "now" },
      to: { identity: "before" },
    });
    expect(makeUndoPlan(request())).toEqual(result);
  });

  it("without checks still compares with what was left", () => {
    const result = makeUndoPlan(request({ checks: false }));
    expect("plan" in result && result.plan.steps.map(({ id }) => id)).not.toContain("check.health");
  });

  const irreversible = plan({
    steps: plan().steps.map((one) =>
      one.id === "db.swap" ? { ...one, impact: { irreversible: "sent" } } : one,
    ),
  });

  it.each<[string, UndoRequest, string[]]>([
    ["that is not finished", request({}, plan(), whole.slice(0, -1)), ["run-1: the run is not finished"]],
    [
      "that changed nothing",
      request({}, plan(), facts({ type: "run.finished", outcome: "failed" })),
      ["run-1: the run changed nothing, so there is nothing to take back"],
    ],
    [
      "with every reason at once",
      request(
        {
          later: [{ run: "run-2", targets: ["db"] }],
          drivers: new Map([
            ["scripted", scripted],
            ["reversible", scripted],
          ]),
          unseen: [{ severity: "error", path: "db", message: "what was kept is gone" }],
        },
        irreversible,
      ),
      [
        "db.swap: cannot be taken back: sent",
        'db: run "run-2" has changed it since',
        "db: the driver reversible cannot take back what it did",
        "db: what was kept is gone",
      ],
    ],
    [
      "of which nobody knows what happened",
      request(
        {},
        plan(),
        facts(
          ...did("app.stop"),
          { type: "step.started", step: "db.swap", attempt: 1 },
          {
            type: "step.failed",
            step: "db.swap",
            attempt: 1,
            code: "TIMEOUT",
            message: "late",
            effect: "unknown",
            ms: 1,
          },
          { type: "step.settled", step: "db.swap", attempt: 1, state: "unknown", summary: "who knows" },
          { type: "step.skipped", step: "db.swap", reason: "go on" },
          ...did("app.start"),
          end,
        ),
      ),
      ["db.swap: nobody knows whether it has happened"],
    ],
  ])("is refused for a run %s", (_, asked, expected) => {
    expect(refusals(asked)).toEqual(expected);
  });

  it("a later run that changed other targets is in nobody's way", () => {
    expect(refusals(request({ later: [{ run: "run-2", targets: ["cache"] }] }))).toEqual([]);
  });
});
