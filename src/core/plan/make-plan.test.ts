import fc from "fast-check";
import { expect, test } from "vitest";
import {
  captured,
  playbookOf,
  requestFor,
  requests,
  scripted,
  seen,
  spec,
  type TargetSketch,
} from "../../../test/support/plan-requests.js";
import { contentDigest } from "../content-digest.js";
import type { StepSpec, TargetDriver } from "../driver.js";
import type { Problem } from "../errors.js";
import type { ScenarioDefinition } from "../playbook/playbook.js";
import { makePlan, type PlanRequest } from "./make-plan.js";
import type { Plan, PlanStep } from "./plan.js";
import { reachable, usesOf } from "./uses.js";

function planOf(request: PlanRequest): Plan {
  const result = makePlan(request);
  if ("problems" in result) throw new Error(JSON.stringify(result.problems));
  return result.plan;
}

function problemsOf(request: PlanRequest): readonly Problem[] {
  const result = makePlan(request);
  if ("plan" in result) throw new Error("a plan was made");
  return result.problems;
}

/** Every step that has ended before another may begin. */
function before(plan: Plan): Map<string, ReadonlySet<string>> {
  const inPhase = (phase: string): string[] => plan.steps.filter((s) => s.phase === phase).map((s) => s.id);
  const all = new Map<string, Set<string>>();
  for (const step of plan.steps) {
    const direct = [...step.needs, ...step.awaits.flatMap(inPhase)];
    all.set(step.id, new Set(direct.flatMap((id) => [id, ...(all.get(id) ?? missing(step, id))])));
  }
  return all;
}

const missing = (step: PlanStep, id: string): never => {
  throw new Error(`${step.id} waits for ${id}, which does not come before it`);
};

function restoreOf(request: PlanRequest, target: string): StepSpec[] {
  const options = request.playbook.targets[target]?.with as unknown as { restore?: StepSpec[] } | undefined;
  return options?.restore ?? [];
}

function exclusiveIds(request: PlanRequest, plan: Plan): Set<string> {
  const isExclusive = ({ subject, operation }: PlanStep): boolean => {
    return restoreOf(request, subject).some((one) => one.operation === operation && one.exclusive);
  };
  return new Set(plan.steps.filter((step) => step.kind === "apply" && isExclusive(step)).map(({ id }) => id));
}

/** Steps beside the live system: an exclusive one needs them, and nothing that they need waits for the quiesce. */
function stagingIds(request: PlanRequest, plan: Plan): Set<string> {
  const exclusive = exclusiveIds(request, plan);
  const restores = plan.steps.filter((step) => step.phase === "restore");
  const needs = (step: PlanStep): PlanStep[] => {
    const own = restoreOf(request, step.subject).find((one) => one.operation === step.operation)?.needs ?? [];
    return plan.steps.flatMap((other) =>
      other.subject === step.subject && own.includes(other.operation) ? [other, ...needs(other)] : [],
    );
  };
  const early = (step: PlanStep): boolean =>
    ["fence", "preserve", "restore"].includes(step.phase) && !exclusive.has(step.id);
  const needed = restores.filter((step) => exclusive.has(step.id)).flatMap(needs);
  return new Set(
    needed
      .filter((step) => step.phase === "restore" && early(step) && needs(step).every(early))
      .map(({ id }) => id),
  );
}

test("a plan has no cycle and respects every `uses`, whatever the graph and the drivers' steps", () => {
  fc.assert(
    fc.property(requests, (request) => {
      const plan = planOf(request);
      const ended = before(plan);
      const exclusive = exclusiveIds(request, plan);
      const staging = stagingIds(request, plan);
      const uses = usesOf(request.playbook);
      const must = (first: PlanStep, then: PlanStep): void => {
        if (!ended.get(then.id)?.has(first.id)) throw new Error(`${then.id} does not wait for ${first.id}`);
      };
      for (const then of plan.steps) {
        for (const first of plan.steps) {
          if (first.phase === "fence" && then.phase !== "fence") must(first, then);
          if (then.phase === "check" && !["check", "unfence"].includes(first.phase)) must(first, then);
          if (then.phase === "unfence" && first.phase !== "unfence") must(first, then);
          const staged = then.subject === first.subject && staging.has(first.id);
          if (then.phase === "quiesce" && staged) must(first, then);
          if (!reachable([then.subject], uses).has(first.subject) || then.kind !== "apply") continue;
          if (then.phase === "resume" && ["restore", "resume"].includes(first.phase)) must(first, then);
          if (then.phase !== "quiesce") continue;
          if (exclusive.has(first.id)) must(then, first);
          if (staging.has(first.id)) must(first, then);
          if (first.phase === "quiesce") must(then, first);
        }
      }
    }),
    { numRuns: 150 },
  );
});

test("whoever must stop, stops only after staging beside the live system is done", () => {
  const plan = planOf(
    requestFor(
      playbookOf(
        {
          db: {
            restore: [
              spec("stage", "restore"),
              spec("compare", "restore", { needs: ["stage"] }),
              spec("swap", "restore", { exclusive: true, needs: ["compare"] }),
              spec("tidy", "restore", { needs: ["swap"] }),
            ],
          },
          app: { uses: ["db"], quiesce: [spec("stop", "quiesce"), spec("start", "resume")] },
          front: { uses: ["app"], quiesce: [spec("stop", "quiesce"), spec("start", "resume")] },
        },
        { restore: ["db"] },
      ),
    ),
  );
  expect(plan.steps.map((step) => step.id)).toEqual([
    "db.stage",
    "db.compare",
    "front.stop",
    "app.stop",
    "db.swap",
    "db.tidy",
    "app.start",
    "front.start",
    "db.verify",
  ]);
});

test("what an exclusive step needs is no staging where it needs an exclusive step itself", () => {
  const plan = planOf(
    requestFor(
      playbookOf(
        {
          db: {
            restore: [
              spec("swap", "restore", { exclusive: true }),
              spec("copy", "restore", { needs: ["swap"] }),
              spec("swap-back", "restore", { exclusive: true, needs: ["copy"] }),
            ],
          },
          app: { uses: ["db"], quiesce: [spec("stop", "quiesce")] },
        },
        { restore: ["db"] },
      ),
    ),
  );
  expect(plan.steps.map((step) => step.id).slice(0, 4)).toEqual([
    "app.stop",
    "db.swap",
    "db.copy",
    "db.swap-back",
  ]);
});

test("users are linked through targets that have no step of their own", () => {
  const plan = planOf(
    requestFor(
      playbookOf(
        {
          db: { restore: [spec("swap", "restore", { exclusive: true })] },
          queue: { uses: ["db"] },
          app: { uses: ["queue"], quiesce: [spec("stop", "quiesce"), spec("start", "resume")] },
        },
        { restore: ["db"] },
      ),
    ),
  );
  expect(plan.steps.map((step) => step.id)).toEqual(["app.stop", "db.swap", "app.start", "db.verify"]);
  expect(plan.steps.map((step) => step.needs)).toEqual([[], ["app.stop"], ["app.stop", "db.swap"], []]);
});

test("planning is deterministic, and the order in which maps happen to be written does not matter", () => {
  const turned = <Value>(record: Readonly<Record<string, Value>>): Record<string, Value> =>
    Object.fromEntries(Object.entries(record).reverse());
  fc.assert(
    fc.property(requests, (request) => {
      const { checkpoint, observations } = request;
      const other: PlanRequest = {
        ...turned(request as unknown as Record<string, unknown>),
        observations: turned(observations),
        ...(checkpoint === undefined
          ? {}
          : { checkpoint: { ...checkpoint, parts: turned(checkpoint.parts) } }),
        drivers: new Map<string, TargetDriver>([["another", scripted], ...request.drivers]),
      } as unknown as PlanRequest;
      expect(planOf(other).digest).toBe(planOf(request).digest);
    }),
    { numRuns: 100 },
  );
});

test("a plan survives a trip through JSON unchanged, its digest included", () => {
  fc.assert(
    fc.property(requests, (request) => {
      const plan = planOf(request);
      const { digest, ...body } = JSON.parse(JSON.stringify(plan)) as Plan;
      expect({ digest, ...body }).toEqual(plan);
      expect(contentDigest(body)).toBe(digest);
    }),
    { numRuns: 100 },
  );
});

test("all problems come at once, each with its target, and none twice", () => {
  const playbook = playbookOf(
    {
      db: { restore: [spec("swap", "restore", { exclusive: true })] },
      files: {},
      old: {},
      odd: { refuse: "its server is gone" },
      app: { uses: ["db"], refuse: "it cannot be stopped" },
      blind: { uses: ["db"] },
    },
    { restore: ["db", "files", "old", "odd"] },
  );
  const request = requestFor(playbook);
  const parts = { ...request.checkpoint?.parts };
  delete parts.files;
  const observations = { ...request.observations };
  delete observations.blind;
  const problems = problemsOf({
    ...request,
    observations,
    checkpoint: { id: "cp-1", at: 1, parts },
    knownBad: [
      { target: "old", identity: "old-old" },
      { target: "db", identity: "another" },
    ],
  });
  expect(problems.map((one) => `${one.path}: ${one.message}`)).toEqual([
    'files: checkpoint "cp-1" has no part for it',
    "old: state old-old is known to be bad: an earlier rollback left it",
    "odd: its server is gone",
    "app: it cannot be stopped",
    "blind: it could not be observed, so nothing can be planned for it",
  ]);
  expect(problems.every((one) => one.hint !== undefined)).toBe(true);
});

test("a target that cannot be observed does not matter where nothing is wanted of it", () => {
  const playbook = playbookOf(
    { db: { restore: [spec("put", "restore")] }, app: { uses: ["db"] } },
    { restore: ["db"] },
  );
  const plan = planOf(requestFor(playbook, { observations: { db: seen("x") } }));
  expect(Object.keys(plan.targets)).toEqual(["db"]);
});

test.each<[string, Partial<PlanRequest>, string[]]>([
  [
    "unknown scenario and change",
    { scenario: "bakc", change: "v2" },
    ['scenarios: there is no scenario "bakc"', 'changes: there is no change "v2"'],
  ],
  [
    "a name that every object has",
    { scenario: "constructor" },
    ['scenarios: there is no scenario "constructor"'],
  ],
  [
    "no checkpoint",
    { checkpoint: undefined } as unknown as Partial<PlanRequest>,
    ["db: there is no checkpoint to restore it from"],
  ],
  [
    "no such driver",
    { drivers: new Map() },
    ["db: it could not be observed, so nothing can be planned for it"],
  ],
])("refused: %s", (_, more, expected) => {
  const playbook = playbookOf({ db: { restore: [spec("put", "restore")] } });
  const problems = problemsOf(requestFor(playbook, more));
  expect(problems.map((one) => `${one.path}: ${one.message}`)).toEqual(expected);
});

test("M14 what takes protection away needs somebody who has to agree to it", () => {
  const impact = { security: "sessions never end", needsApproval: true } as const;
  const playbook = playbookOf({ flag: { restore: [spec("switch", "restore", { impact })] } });
  const request = requestFor(playbook);
  const problems = problemsOf(request);
  expect(problems.map(({ path, message }) => `${path}: ${message}`)).toEqual([
    "flag: takes protection away (sessions never end), and nobody has to agree to it",
  ]);
  const { scenario } = request;
  const approval = { by: ["lead"], expires: 60_000 };
  const definition = { ...(playbook.scenarios[scenario] as ScenarioDefinition), approval };
  const asked = { ...playbook, scenarios: { ...playbook.scenarios, [scenario]: definition } };
  expect(planOf(requestFor(asked)).approval?.by).toEqual([{ role: "lead", people: ["lead"] }]);
});

test("a driver's steps that wait for each other in a circle are a problem, not a crash", () => {
  const loop = [spec("a", "restore", { needs: ["b"] }), spec("b", "restore", { needs: ["a"] })];
  const problems = problemsOf(requestFor(playbookOf({ db: { restore: loop } })));
  expect(problems[0]?.message).toBe("the steps wait for each other in a circle: db.a, db.b");
});

test("two steps of one name are refused, since the run could not tell them apart", () => {
  const playbook = playbookOf(
    { check: { restore: [spec("health", "restore"), spec("verify", "restore")] } },
    { checks: ["health"] },
  );
  expect(problemsOf(requestFor(playbook)).map((one) => one.message)).toEqual([
    'two steps of the plan are called "check.verify"',
    'two steps of the plan are called "check.health"',
  ]);
});

test("what a change keeps reaches the driver, only for the target it names", () => {
  const asked: Record<string, readonly string[]> = {};
  const driver: TargetDriver = {
    ...scripted,
    plan: (input) => {
      asked[input.captured?.identity ?? ""] = input.intent.keep;
      return scripted.plan(input);
    },
  };
  const playbook = {
    ...playbookOf({ db: { restore: [spec("put", "restore")] }, files: {} }),
    changes: { v2: { targets: ["db"], keep: { db: ["orders"] } } },
  };
  const plan = planOf(requestFor(playbook, { change: "v2", drivers: new Map([["scripted", driver]]) }));
  expect(asked).toEqual({ "old-db": ["orders"], "old-files": [] });
  expect(plan.change).toBe("v2");
});

test("H75 steps that add up to more than was promised, or may take longer, are told with the plan", () => {
  const playbook = {
    ...playbookOf({ db: { restore: [{ ...spec("put", "restore"), timeoutMs: 30_000 }] }, files: {} }),
    changes: { v2: { targets: ["db"], keep: {}, promised: 50 } },
  };
  const plan = planOf(requestFor(playbook, { change: "v2" }));
  expect(plan.warnings.map((one) => one.message)).toEqual([
    "expected to take 600 ms, longer than the 50 ms promised",
    "times out only after 30 s, longer than the 50 ms promised for all",
  ]);
});

test("where a given file comes back, the plan says so, and what it cannot tell; where nothing is to do, nothing", () => {
  const given = { path: "/backups/shop.dump", notes: ["it has no counters"] };
  const warned = (sketch: TargetSketch): string[] => {
    const request = requestFor(playbookOf({ db: sketch, files: { restore: [spec("put", "restore")] } }));
    const { parts = {}, ...checkpoint } = request.checkpoint ?? { id: "cp", at: 0 };
    const db = { part: { ...captured("old-db"), given } };
    return planOf({ ...request, checkpoint: { ...checkpoint, parts: { ...parts, db } } }).warnings.map(
      ({ path, message }) => `${path}: ${message}`,
    );
  };
  expect(warned({ restore: [spec("put", "restore")] })).toEqual([
    'db: comes back out of a file that was given, "/backups/shop.dump": state old-db',
    "db: it has no counters",
  ]);
  expect(warned({})).toEqual([]);
});

test("a plan restores from what was captured and names both ends", () => {
  const plan = planOf(requestFor(playbookOf({ db: { restore: [spec("put", "restore")] } })));
  expect(plan.targets.db).toMatchObject({
    from: { identity: "new-db" },
    to: { identity: "old-db" },
    captured: captured("old-db"),
  });
  expect(plan.checkpoint).toEqual({ id: "cp-1", at: 1000 });
});

const steps = [
  spec("keep", "preserve"),
  spec("stage", "restore"),
  spec("swap", "restore", { exclusive: true, needs: ["stage"] }),
];
const stopStart = [spec("stop", "quiesce"), spec("start", "resume")];

test.each<[string, (index: number) => string[]]>([
  ["a chain in which each uses the one before", (index) => (index === 0 ? [] : [`t${index - 1}`])],
  ["a star around one", (index) => (index === 0 ? [] : ["t0"])],
  [
    "layers of ten",
    (index) =>
      index < 10 ? [] : Array.from({ length: 10 }, (_, i) => `t${Math.floor(index / 10) * 10 - 10 + i}`),
  ],
])("10,000 steps of 2,000 targets are planned in time: %s", (_, uses) => {
  const targets = Object.fromEntries(
    Array.from({ length: 2000 }, (_, index) => [
      `t${index}`,
      { uses: uses(index), restore: steps, quiesce: stopStart },
    ]),
  );
  const request = requestFor(playbookOf(targets));
  const started = performance.now();
  const plan = planOf(request);
  // Its figure is npm run bench plan; quadratic growth would take minutes.
  expect(performance.now() - started).toBeLessThan(15_000);
  expect(plan.steps.length).toBeGreaterThanOrEqual(10_000 - 2);
});
