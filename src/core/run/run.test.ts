import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { requests } from "../../../test/support/plan-requests.js";
import { simulate, type World } from "../../../test/support/simulate-run.js";
import { makePlan } from "../plan/make-plan.js";
import type { Plan } from "../plan/plan.js";
import type { Fact } from "./fact.js";
import { advance, project } from "./project.js";
import type { RunState, StepState } from "./run-state.js";

const approval = { by: [{ role: "dba", people: ["ann"] }], expiresMs: 50_000 };
const escalate = [
  { afterMs: 0, say: "it has begun" },
  { afterMs: 45_000, say: "it takes long" },
];

const plans: fc.Arbitrary<Plan> = fc
  .tuple(
    requests,
    fc.constantFrom(undefined, undefined, 1, 90_000),
    fc.constantFrom(
      {},
      {},
      { approval },
      { escalate },
      { onFailure: "cancel" as const },
      { approval, escalate },
    ),
    fc.constantFrom(undefined, undefined, "retry" as const, "fail" as const),
  )
  .map(([request, timeoutMs, rules, onIndeterminate]) => {
    const result = makePlan(request);
    if ("problems" in result) throw new Error(JSON.stringify(result.problems));
    const steps = result.plan.steps.map((step) => (onIndeterminate ? { ...step, onIndeterminate } : step));
    return { ...result.plan, ...rules, steps, ...(timeoutMs === undefined ? {} : { timeoutMs }) };
  });

/** Each number decides one thing; when they are used up, all goes well. */
const luck = fc.array(fc.nat(10_000), { maxLength: 400 });

function worldOf(numbers: readonly number[], more: Partial<World> = {}): World {
  let index = 0;
  return {
    draw: (n) => (n < 1 ? 0 : (numbers[index++] ?? 0) % n),
    patience: 3,
    crashes: true,
    cancels: true,
    limits: { total: 3, perTarget: 2, perDriver: 3 },
    watch: () => {},
    ...more,
  };
}

const ended = ({ status, step }: StepState): boolean =>
  status === "succeeded" ||
  status === "skipped" ||
  (status === "failed" && step.onFailure === "continue" && step.kind === "apply");

/** What holds of every state of every run. */
function invariants(state: RunState): void {
  const all = [...state.steps.values()];
  const having = (status: string): string[] =>
    all
      .filter((one) => one.status === status)
      .map(({ step }) => step.id)
      .sort();
  for (const status of ["ready", "running", "unsettled", "undecided", "failed"] as const) {
    expect([...state[status]].sort()).toEqual(having(status));
  }
  const over = ["succeeded", "failed", "skipped"];
  expect(state.remaining).toBe(all.filter(({ status }) => !over.includes(status)).length);
  for (const one of all) {
    const phases = one.step.awaits.filter((phase) => all.some(({ step }) => step.phase === phase));
    expect(one.open).toBeGreaterThanOrEqual(0);
    expect(one.status === "waiting").toBe(one.open > 0);
    const needs = one.step.needs.filter((id) => !state.steps.get(id)?.released).length;
    const open = phases.filter((phase) => all.some((other) => other.step.phase === phase && !other.released));
    expect(one.open).toBe(needs + open.length);
    if (ended(one)) expect(one.released).toBe(true);
    if (one.status === "running") expect(one.startedAt).toBeDefined();
  }
  const stopping = all.filter(
    ({ status, step }) => status === "undecided" || (status === "failed" && step.onFailure === "stop"),
  );
  expect(state.firstFailure !== undefined).toBe(stopping.length > 0);
  if (state.firstFailure) expect(stopping.map(({ step }) => step.id)).toContain(state.firstFailure.step);
}

/** What must hold of each fact at the time when it is recorded, judged by the facts alone. */
function watcher(limits: World["limits"]): World["watch"] {
  const unclear = new Set<string>();
  const finished = new Set<string>();
  const attempts = new Map<string, number>();
  let crashes = 0;
  let ended = 0;
  const fired = new Set<number>();
  return (state, _, fact) => {
    switch (fact.type) {
      case "run.owned":
        crashes++;
        break;
      case "step.started": {
        const step = state.steps.get(fact.step) as StepState;
        expect(finished).not.toContain(fact.step);
        expect(unclear).not.toContain(fact.step);
        expect(state.firstFailure).toBeUndefined();
        expect(state.cancelled).toBeUndefined();
        expect(state.paused).toBeUndefined();
        if (state.plan.approval) expect(state.approved).toMatchObject({ by: "ann@h", role: "dba" });
        expect(state.running.size).toBeLessThan(limits.total);
        expect(fact.attempt).toBe(step.attempt + 1);
        for (const id of step.step.needs) expect(state.steps.get(id)?.released).toBe(true);
        for (const other of state.steps.values()) {
          if (step.step.awaits.includes(other.step.phase)) expect(other.released).toBe(true);
        }
        attempts.set(fact.step, (attempts.get(fact.step) ?? 0) + 1);
        expect(attempts.get(fact.step)).toBeLessThanOrEqual(1 + step.step.retries + crashes + ended);
        if (step.step.kind === "apply") unclear.add(fact.step);
        break;
      }
      case "step.aborted":
        if (fact.why === "line-stopped") ended++;
        break;
      case "timer.fired":
        expect(fired).not.toContain(fact.timer);
        expect(fact.at).toBeGreaterThanOrEqual(fact.due);
        expect(fact.due - (state.startedAt ?? 0)).toBe(state.plan.escalate?.[fact.timer]?.afterMs);
        fired.add(fact.timer);
        break;
      case "step.succeeded":
        finished.add(fact.step);
        unclear.delete(fact.step);
        break;
      case "step.failed":
        if (fact.effect === "none") unclear.delete(fact.step);
        break;
      case "step.settled":
        if (fact.state !== "unknown" || state.steps.get(fact.step)?.step.onIndeterminate === "retry")
          unclear.delete(fact.step);
        if (fact.state === "applied") finished.add(fact.step);
        break;
      case "step.retried":
        attempts.set(fact.step, 0);
        unclear.delete(fact.step);
        break;
      case "step.skipped":
        finished.add(fact.step);
    }
  };
}

describe("whatever the plan, the world, crashes and people do", () => {
  test("a run ends; no step starts twice without its end being known, none again after its end, none out of turn", () => {
    fc.assert(
      fc.property(plans, luck, (plan, numbers) => {
        const world = worldOf(numbers);
        const { state, facts, effects } = simulate(plan, { ...world, watch: watcher(world.limits) });
        expect(["finished", "stopped"]).toContain(state.status);
        expect([...effects.values()].every((count) => count === 1)).toBe(true);
        expect(project(plan, facts)).toEqual(state);
        expectTruth(state, facts, effects);
      }),
      { numRuns: 200 },
    );
  });

  test("any prefix of a run's facts projects to a valid state, also through JSON", () => {
    fc.assert(
      fc.property(plans, luck, (plan, numbers) => {
        const { facts } = simulate(plan, worldOf(numbers));
        const state = project(plan, []);
        invariants(state);
        for (const fact of JSON.parse(JSON.stringify(facts)) as Fact[]) {
          advance(state, fact);
          invariants(state);
        }
      }),
      { numRuns: 80 },
    );
  });

  test("without failures every step runs once, and the checks decide the end", () => {
    fc.assert(
      fc.property(plans, (plan) => {
        const free = { ...plan };
        delete (free as { timeoutMs?: number }).timeoutMs;
        const { state, facts } = simulate(free, worldOf([], { crashes: false, cancels: false }));
        expect(facts.filter((fact) => fact.type === "step.started")).toHaveLength(plan.steps.length);
        const checked = plan.steps.some((step) => step.kind !== "apply");
        expect(state.outcome).toBe(checked ? "verified" : "unverified");
        expect(state.remaining).toBe(0);
      }),
      { numRuns: 100 },
    );
  });
});

/** The end that a run claims is the one that the world shows. */
function expectTruth(state: RunState, facts: readonly Fact[], effects: ReadonlyMap<string, number>): void {
  const all = [...state.steps.values()];
  const checks = all.filter(({ step }) => step.kind !== "apply");
  const passed = checks.length > 0 && checks.every(({ status }) => status === "succeeded");
  const touched = all.some(({ step }) => step.kind === "apply" && effects.has(step.id));
  const skipped = facts.some((fact) => fact.type === "step.skipped");
  if (state.outcome === "verified") {
    expect(passed).toBe(true);
    for (const one of all) expect(ended(one)).toBe(true);
  }
  if (state.outcome === "unverified") expect(passed).toBe(false);
  if (state.outcome === "failed") expect(touched).toBe(false);
  if (state.outcome === "cancelled") expect(state.cancelled).toBe("enough");
  if (state.status === "stopped") expect(state.changed).toBe(true);
  if (touched && state.outcome !== "cancelled" && !skipped) expect(state.changed).toBe(true);
  const failedCheck = checks.some(({ status }) => status === "failed");
  const unfenced = all.some(({ step, attempt }) => step.phase === "unfence" && attempt > 0);
  if (failedCheck) expect(unfenced).toBe(false);
}
