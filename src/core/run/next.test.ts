import { expect, test } from "vitest";
import { contentDigest } from "../content-digest.js";
import type { BackoutError } from "../errors.js";
import type { Plan, PlanStep } from "../plan/plan.js";
import type { Fact, FactBody } from "./fact.js";
import { next, type RunCommand } from "./next.js";
import { project } from "./project.js";
import type { RunState } from "./run-state.js";

const start = 1_000_000;

function step(id: string, more: Partial<PlanStep> = {}): PlanStep {
  const shared = {
    needs: [],
    awaits: [],
    input: {},
    impact: {},
    expectedMs: 1,
    timeoutMs: 5_000,
    retries: 0,
  };
  const kinds = {
    kind: "apply",
    subject: id,
    driver: "d",
    operation: "do",
    title: id,
    phase: "restore",
  } as const;
  return { id, ...kinds, ...shared, onFailure: "stop", ...more };
}

const check = step("check.ok", { kind: "check", phase: "check", awaits: ["restore"], onFailure: "continue" });
const unfence = step("open", { phase: "unfence", awaits: ["check"] });

function planOf(steps: readonly PlanStep[], more: Partial<Plan> = {}): Plan {
  const body: Omit<Plan, "digest"> = {
    ...{ version: 1, system: "s", environment: "e", scenario: "b", strategy: "restore" },
    ...{ targets: {}, checks: {}, steps, warnings: [], objectives: {}, ...more },
    estimate: { durationMs: 0, criticalPath: [], downtimeMs: 0 },
  };
  return { digest: contentDigest(body), ...body };
}

const owned: FactBody = { type: "run.owned", owner: { pid: 1, started: "", host: "h" }, fence: 1 };
const begun = (id: string, attempt = 1): FactBody => ({ type: "step.started", step: id, attempt });
const good = (id: string, changed = true): FactBody => ({
  ...{ type: "step.succeeded", step: id, attempt: 1, summary: "done" },
  ...{ changed, ms: 1 },
});
const bad = (id: string, effect: "none" | "applied" | "unknown" = "none"): FactBody => ({
  ...{ type: "step.failed", step: id, attempt: 1, code: "COMMAND_FAILED", message: `${id} failed` },
  ...{ effect, ms: 1 },
});
const asked = (id: string, state: "applied" | "not-applied" | "partial" | "unknown"): FactBody => ({
  ...{ type: "step.settled", step: id, attempt: 1, state, summary: `${id} is ${state}` },
});
const person = (type: "step.retried" | "step.skipped", id: string): FactBody => ({
  type,
  step: id,
  reason: "go on",
});
const cancel: FactBody = { type: "run.cancel-requested", reason: "enough" };

const pause: FactBody = { type: "run.paused", reason: "look first" };
const resumed: FactBody = { type: "run.continued", reason: "fine" };
const approval = {
  approval: {
    by: [
      { role: "dba", people: ["x", "y"] },
      { role: "carol", people: ["carol"] },
    ],
    expiresMs: 60_000,
  },
};
const approve = ({ digest }: Plan, approvedAt = start): FactBody => ({
  ...{ type: "run.approved", planDigest: digest, role: "dba", reason: "seen", approvedAt },
});
const fired = (timer: number): FactBody => ({ type: "timer.fired", timer, say: "x", due: start, lateMs: 0 });
const stoppedFor = (id: string): FactBody => ({
  ...{ type: "step.aborted", step: id, attempt: 1, why: "line-stopped" },
});
const left = (id: string): FactBody => ({
  ...{ type: "step.reaped", step: id, attempt: 1, ended: [] },
  left: [{ pid: 7, started: "", host: "there" }],
});

/** The state after these facts, one every 10 ms. */
function after(plan: Plan, ...bodies: FactBody[]): RunState {
  const facts = [owned, ...bodies].map(
    (body, index): Fact => ({ seq: index + 1, at: start + index * 10, actor: "x", ...body }),
  );
  return project(plan, facts);
}

const ab = [step("a"), step("b", { needs: ["a"] })];
const approved = planOf(ab, approval);
const say = (command: RunCommand): string =>
  ["do", "timer", "due", "step", "why", "outcome", "message", "until"]
    .flatMap((key) => (key in command ? [String((command as Record<string, unknown>)[key])] : []))
    .join(" ");

test.each<[string, Plan, FactBody[], number, string[]]>([
  ["starts what needs nothing", planOf(ab), [], 0, ["start a", `wait ${start + 5_000}`]],
  ["waits for what runs", planOf(ab), [begun("a")], 20, [`wait ${start + 5_010}`]],
  [
    "goes on once it has ended",
    planOf(ab),
    [begun("a"), good("a")],
    20,
    ["start b", `wait ${start + 5_020}`],
  ],
  ["ends what takes too long", planOf(ab), [begun("a")], 5_010, ["abort a timeout", "wait"]],
  [
    "no check is no verified end",
    planOf([step("a")]),
    [begun("a"), good("a")],
    20,
    ["finish unverified the plan has no check"],
  ],
  ["verified", planOf([check]), [begun("check.ok"), good("check.ok")], 20, ["finish verified"]],
  [
    "a failed check ends unverified, and nothing is unfenced",
    planOf([check, unfence]),
    [begun("check.ok"), bad("check.ok")],
    20,
    ["finish unverified check.ok failed"],
  ],
  ["fails where nothing has changed", planOf(ab), [begun("a"), bad("a")], 20, ["finish failed a failed"]],
  [
    "fails where the world says that nothing has changed",
    planOf(ab),
    [begun("a"), bad("a", "unknown"), asked("a", "not-applied")],
    30,
    ["finish failed a failed"],
  ],
  [
    "stops where something has changed",
    planOf(ab),
    [begun("a"), good("a"), begun("b"), bad("b")],
    40,
    ["stop b b failed"],
  ],
  [
    "stops where a crashed step's end cannot be known",
    planOf(ab),
    [begun("a"), owned, asked("a", "unknown")],
    40,
    ["stop a a is unknown"],
  ],
  [
    "asks about a failure of unknown effect",
    planOf(ab),
    [begun("a"), bad("a", "unknown")],
    20,
    ["settle a", "wait"],
  ],
  ["asks about what a crash left running", planOf(ab), [begun("a"), owned], 20, ["settle a", "wait"]],
  [
    "looks again where a crash left a check running",
    planOf([check]),
    [begun("check.ok"), owned],
    20,
    ["start check.ok", `wait ${start + 5_020}`],
  ],
  [
    "does a crashed step that did not happen",
    planOf(ab),
    [begun("a"), owned, asked("a", "not-applied")],
    30,
    ["start a", `wait ${start + 5_030}`],
  ],
  [
    "does a crashed step that half happened",
    planOf(ab),
    [begun("a"), owned, asked("a", "partial")],
    30,
    ["start a", `wait ${start + 5_030}`],
  ],
  [
    "pauses before another attempt",
    planOf([step("a", { retries: 1 })]),
    [begun("a"), bad("a")],
    20,
    [`wait ${start + 1_020}`],
  ],
  [
    "tries again after the pause",
    planOf([step("a", { retries: 1 })]),
    [begun("a"), bad("a")],
    1_020,
    ["start a", `wait ${start + 6_020}`],
  ],
  [
    "goes on without what may fail",
    planOf([step("a", { onFailure: "continue" }), step("b", { needs: ["a"] })]),
    [begun("a"), bad("a")],
    20,
    ["start b", `wait ${start + 5_020}`],
  ],
  [
    "cancelled, ends what runs",
    planOf(ab),
    [begun("a"), cancel],
    20,
    ["abort a cancelled", `wait ${start + 5_010}`],
  ],
  ["cancelled, starts nothing", planOf(ab), [begun("a"), cancel, good("a")], 30, ["finish cancelled enough"]],
  [
    "past its time, ends what runs",
    planOf(ab, { timeoutMs: 100 }),
    [begun("a")],
    100,
    ["abort a deadline", `wait ${start + 5_010}`],
  ],
  [
    "past its time with nothing changed, fails",
    planOf(ab, { timeoutMs: 100 }),
    [],
    100,
    ["finish failed the time for the whole run is over"],
  ],
  [
    "past its time with everything done, ends well",
    planOf([check], { timeoutMs: 30 }),
    [begun("check.ok"), good("check.ok")],
    100,
    ["finish verified"],
  ],
  [
    "does not start beside a failure that stops the line",
    planOf([step("a"), step("b"), step("c", { needs: ["b"] })]),
    [begun("a"), begun("b"), bad("a"), good("b")],
    40,
    ["stop a a failed"],
  ],
  ["waits for an approval", approved, [], 20, [`wait ${start + 60_000}`]],
  ["starts what was approved", approved, [approve(approved)], 20, ["start a", `wait ${start + 5_020}`]],
  ["heeds no approval of another plan", approved, [approve(planOf(ab))], 20, [`wait ${start + 60_000}`]],
  [
    "heeds no approval that came too late",
    approved,
    [approve(approved, start + 60_000)],
    20,
    [`wait ${start + 60_000}`],
  ],
  [
    "heeds an approval that was given in time and read later",
    approved,
    [approve(approved, start + 59_999)],
    70_000,
    ["start a", `wait ${start + 75_000}`],
  ],
  [
    "fails without an approval in time",
    approved,
    [],
    60_000,
    ["finish failed nobody has approved it within 1 min; dba (x, y) or carol could have"],
  ],
  ["cancelled, waits for no approval", approved, [cancel], 20, ["finish cancelled enough"]],
  [
    "the time for the whole run counts from the approval",
    planOf(ab, { ...approval, timeoutMs: 100 }),
    [owned, owned, approve(planOf(ab, { ...approval, timeoutMs: 100 }))],
    120,
    ["start a", `wait ${start + 130}`],
  ],
  ["paused, starts nothing", planOf(ab), [pause], 20, ["wait"]],
  ["paused, lets running steps end", planOf(ab), [begun("a"), pause], 20, [`wait ${start + 5_010}`]],
  ["paused, goes on after another owner came", planOf(ab), [pause, owned], 30, ["wait"]],
  ["continued, starts", planOf(ab), [pause, resumed], 30, ["start a", `wait ${start + 5_030}`]],
  [
    "a pause does not count against the time for the whole run",
    planOf(ab, { timeoutMs: 100 }),
    [pause, owned, owned, resumed],
    120,
    ["start a", `wait ${start + 130}`],
  ],
  ["cancelled while paused, ends", planOf(ab), [pause, cancel], 30, ["finish cancelled enough"]],
  [
    "wakes up for an escalation",
    planOf(ab, { escalate: [{ afterMs: 500, say: "long" }] }),
    [begun("a")],
    20,
    [`wait ${start + 500}`],
  ],
  [
    "fires an escalation, however late, beside what else there is to do",
    planOf(ab, {
      escalate: [
        { afterMs: 0, say: "x" },
        { afterMs: 500, say: "long" },
      ],
    }),
    [fired(0), owned],
    900,
    [`fire 1 ${start + 500}`, "start a", `wait ${start + 5_900}`],
  ],
  [
    "fires what is due before it finishes",
    planOf([check], { escalate: [{ afterMs: 5, say: "long" }] }),
    [begun("check.ok"), good("check.ok")],
    20,
    [`fire 0 ${start + 5}`, "finish verified"],
  ],
  [
    "ends the others when one fails for good, where the plan says so",
    planOf([step("a"), step("b")], { onFailure: "cancel" }),
    [begun("a"), begun("b"), bad("a")],
    30,
    ["abort b line-stopped", `wait ${start + 5_020}`],
  ],
  [
    "what was ended because of another failure is not itself a failure",
    planOf([step("a"), step("b")], { onFailure: "cancel" }),
    [begun("a"), begun("b"), bad("a", "none"), stoppedFor("b"), bad("b"), owned, person("step.retried", "a")],
    80,
    ["start b", "start a", `wait ${start + 5_080}`],
  ],
  [
    "does again what cannot be known, where the step says so",
    planOf([step("a", { onIndeterminate: "retry" })]),
    [begun("a"), owned, asked("a", "unknown")],
    40,
    ["start a", `wait ${start + 5_040}`],
  ],
  [
    "counts as failed what cannot be known, where the step says so",
    planOf([step("a", { onIndeterminate: "fail" })]),
    [begun("a"), owned, asked("a", "unknown")],
    40,
    ["stop a a is unknown"],
  ],
  [
    "asks a person where programs of a former owner may still be at work",
    planOf(ab),
    [begun("a"), owned, left("a")],
    40,
    ["stop a process 7 on there may still be at work"],
  ],
  [
    "lets a person try again what nobody could know, without asking the world once more",
    planOf(ab),
    [begun("a"), owned, asked("a", "unknown"), owned, person("step.retried", "a")],
    60,
    ["start a", `wait ${start + 5_060}`],
  ],
  [
    "runs as much at once as the plan says",
    planOf([step("a"), step("b"), step("c")], { limits: { steps: 2, perTarget: 1, perDriver: 9 } }),
    [],
    0,
    ["start a", "start b", `wait ${start + 5_000}`],
  ],
])("next: %s", (_, plan, facts, ms, expected) => {
  expect(next(after(plan, ...facts), start + ms).map(say)).toEqual(expected);
});

test("a person lets a failed step try again, or goes on without it", () => {
  const plan = planOf(ab);
  const stopped: FactBody[] = [
    begun("a"),
    good("a"),
    begun("b"),
    bad("b"),
    { type: "run.stopped", message: "b" },
  ];
  expect(after(plan, ...stopped).status).toBe("stopped");
  const retried = after(plan, ...stopped, owned, person("step.retried", "b"));
  expect(next(retried, start + 80).map(say)[0]).toBe("start b");
  const skipped = after(plan, ...stopped, owned, person("step.skipped", "b"));
  expect(next(skipped, start + 80).map(say)).toEqual(["finish unverified the plan has no check"]);
});

test("the line still stands where only one of two failures was decided, also after the checks", () => {
  const other = step("open2", { phase: "unfence", awaits: ["check"] });
  const plan = planOf([step("a"), check, unfence, other]);
  const state = after(
    plan,
    ...[begun("a"), good("a"), begun("check.ok"), good("check.ok"), begun("open"), begun("open2")],
    ...[bad("open"), bad("open2"), owned, person("step.skipped", "open")],
  );
  expect(state.firstFailure?.step).toBe("open2");
  expect(next(state, start + 200).map(say)).toEqual(["stop open2 open2 failed"]);
});

test("a failure that was allowed, tried again, does not release twice who waited for it", () => {
  const plan = planOf([
    step("a", { onFailure: "continue" }),
    step("x"),
    step("b", { needs: ["a", "x"] }),
    check,
  ]);
  const failed = after(plan, begun("x"), begun("a"), bad("a"));
  expect([failed.steps.get("b")?.open, failed.openInPhase.get("restore")]).toEqual([1, 2]);
  const again = after(
    plan,
    begun("x"),
    begun("a"),
    bad("a"),
    person("step.retried", "a"),
    begun("a", 2),
    good("a"),
  );
  expect([again.steps.get("b")?.open, again.openInPhase.get("restore")]).toEqual([1, 2]);
  expect([...again.ready]).toEqual([]);
});

test("what a person decided about a step that goes on by itself changes nothing", () => {
  const plan = planOf(ab);
  const ignored = [person("step.skipped", "a"), person("step.retried", "a"), person("step.skipped", "b")];
  const state = after(plan, begun("a"), ...ignored, good("a"), person("step.skipped", "a"));
  expect([state.steps.get("a")?.status, state.steps.get("b")?.status, state.remaining]).toEqual([
    "succeeded",
    "ready",
    1,
  ]);
});

test("pauses between attempts grow, up to a limit", () => {
  const plan = planOf([step("a", { retries: 9 })]);
  const pauses = [1, 2, 3, 6, 9].map((failures) => {
    const facts = Array.from({ length: failures }, () => [begun("a"), bad("a")]).flat();
    return (after(plan, ...facts).steps.get("a")?.retryAt ?? 0) - (start + facts.length * 10);
  });
  expect(pauses).toEqual([1_000, 2_000, 4_000, 30_000, 30_000]);
});

test("the time for the whole run begins anew when a stopped run is resumed, not after a crash", () => {
  const plan = planOf(ab, { timeoutMs: 1_000 });
  const crashed = after(plan, begun("a"), owned);
  expect(next(crashed, start + 1_005).map(say)).toEqual(["settle a", "wait"]);
  expect(crashed.timeFrom).toBe(start);
  const stopped: FactBody[] = [
    begun("a"),
    good("a"),
    begun("b"),
    bad("b"),
    { type: "run.stopped", message: "b" },
  ];
  expect(after(plan, ...stopped, owned).timeFrom).toBe(start + 60);
});

test.each<[string, FactBody[], string]>([
  ["a step that the plan does not have", [begun("z")], 'the journal speaks of step "z"'],
  ["a start before its turn", [begun("b")], 'step.started of "b", cannot follow: the step is waiting'],
  ["a second start", [begun("a"), begun("a")], 'step.started of "a", cannot follow: the step is running'],
  ["an end without a start", [good("a")], 'step.succeeded of "a", cannot follow: the step is ready'],
  [
    "an answer that nobody asked for",
    [begun("a"), asked("a", "applied")],
    "cannot follow: the step is running",
  ],
  ["anything after the end", [{ type: "run.finished", outcome: "failed" }, owned], "follows its end"],
])("facts that cannot be are refused: %s", (_, facts, message) => {
  let thrown: unknown;
  try {
    after(planOf(ab), ...facts);
  } catch (error) {
    thrown = error;
  }
  expect((thrown as BackoutError).code).toBe("STATE_CORRUPT");
  expect((thrown as BackoutError).message).toContain(message);
});
