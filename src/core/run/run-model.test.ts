import fc from "fast-check";
import { expect, test } from "vitest";
import { planOf, step } from "../../../test/support/made-runs.js";
import type { PlanStep } from "../plan/plan.js";
import type { Fact, FactBody } from "./fact.js";
import { next, type RunCommand } from "./next.js";
import { advance, project } from "./project.js";
import type { RunState } from "./run-state.js";

/**
 * Any order of what can happen to a run, beside a model that knows no projection: for each step only whether it may
 * start, is at work, is unclear, asks a person, or has ended. The numbers are those of docs/run-protocol.md.
 */
const optional = { onFailure: "continue" } as const;
const check = { kind: "check", phase: "check", awaits: ["quiesce", "restore"], ...optional } as const;
const plan = planOf([
  step("proxy.close", { phase: "fence", retries: 1 }),
  step("app.stop", { phase: "quiesce", awaits: ["fence"] }),
  step("db.stage", { awaits: ["fence"], retries: 1 }),
  step("db.swap", { needs: ["db.stage", "app.stop"], awaits: ["fence"] }),
  step("cache.clear", { awaits: ["fence"], ...optional }),
  step("files.copy", { needs: ["cache.clear"], awaits: ["fence"], retries: 2 }),
  step("check.health", check),
  step("check.rows", check),
  step("proxy.open", { phase: "unfence", awaits: ["check"] }),
]);
const limits = { total: 3, perTarget: 1, perDriver: 3 };

interface ModelStep {
  readonly plan: PlanStep;
  at: "open" | "working" | "unclear" | "asking" | "done" | "skipped" | "failed";
  failures: number;
  /** Its latest end was a failure, not a crash. */
  failing: boolean;
  toldToEnd: boolean;
  askedAgain: boolean;
  /** Whoever waits for it may go, once and for all. */
  letGo: boolean;
}

interface Model {
  readonly steps: readonly ModelStep[];
  status: "running" | "stopped" | "finished";
  paused: boolean;
  cancelled: boolean;
}

class Real {
  readonly facts: Fact[] = [];
  readonly state: RunState = project(plan, []);
  now = 1_000_000;

  record(...bodies: FactBody[]): void {
    for (const body of bodies) {
      const fact: Fact = { seq: this.facts.length + 1, at: this.now, actor: "ann", ...body };
      this.facts.push(fact);
      advance(this.state, fact);
    }
  }
}

const own: FactBody = { type: "run.owned", owner: { pid: 1, started: "", host: "h" }, fence: 1 };
const having = (model: Model, ...at: ModelStep["at"][]): ModelStep[] =>
  model.steps.filter((one) => at.includes(one.at));
const isMayGo = ({ letGo }: ModelStep): boolean => letGo;
const isFree = (model: Model, { plan: { needs, awaits } }: ModelStep): boolean =>
  model.steps.filter((one) => needs.includes(one.plan.id) || awaits.includes(one.plan.phase)).every(isMayGo);
const stopping = (model: Model): ModelStep[] =>
  having(model, "failed", "asking").filter((one) => one.plan.onFailure === "stop");

function end(one: ModelStep, at: "done" | "skipped" | "failed"): void {
  one.at = at;
  const holds = at === "failed" && (one.plan.onFailure === "stop" || one.plan.kind === "check");
  if (!holds) one.letGo = true;
}

function failOnce(one: ModelStep): void {
  one.failures++;
  if (one.toldToEnd || one.failures > one.plan.retries) end(one, "failed");
  else one.at = "open";
}

/** Decides, and records what was decided, as every engine does. */
function turn(model: Model, real: Real): void {
  const commands = next(real.state, real.now, limits);
  expect(commands).toEqual(next(project(plan, real.facts), real.now, limits)); // I1
  for (const command of commands) obey(model, real, command);
  const moved = commands.some((command) => command.do !== "wait");
  const waits = commands.find((command) => command.do === "wait");
  const later = waits?.do === "wait" && (waits.until ?? 0) > real.now;
  if (model.status === "running" && !model.paused) {
    expect(moved || later || having(model, "working", "unclear").length > 0).toBe(true); // I10
  }
}

function obey(model: Model, real: Real, command: RunCommand): void {
  const one = "step" in command ? model.steps.find(({ plan: { id } }) => id === command.step) : undefined;
  const idle = having(model, "working", "unclear").length === 0;
  if (command.do === "start" && one !== undefined) {
    expect(one.at).toBe("open"); // I3, I4
    expect(isFree(model, one)).toBe(true); // I5
    expect([model.paused, model.cancelled, stopping(model).length]).toEqual([false, false, 0]); // I6
    expect(having(model, "working").length).toBeLessThan(limits.total); // I7
    const same = having(model, "working").filter((other) => other.plan.subject === one.plan.subject);
    expect(same.length).toBeLessThan(limits.perTarget);
    Object.assign(one, { at: "working", failing: false, toldToEnd: false, askedAgain: false });
    real.record({ type: "step.started", step: command.step, attempt: command.attempt });
  } else if (command.do === "settle") {
    expect(one?.at).toBe("unclear"); // I4
  } else if (command.do === "abort" && one !== undefined) {
    expect(one.at).toBe("working");
    one.toldToEnd = command.why === "cancelled";
    real.record({ type: "step.aborted", step: command.step, attempt: 1, why: command.why });
  } else if (command.do === "stop") {
    expect(idle && stopping(model).length > 0).toBe(true); // I8
    model.status = "stopped";
    real.record({ type: "run.stopped", message: command.message });
  } else if (command.do === "finish") {
    expect(idle).toBe(true);
    const checks = model.steps.filter((other) => other.plan.kind === "check");
    const verified = model.steps.every(isMayGo) && checks.every(({ at }) => at === "done");
    if (command.outcome === "verified") expect(verified).toBe(true); // I9
    if (command.outcome === "cancelled") expect(model.cancelled).toBe(true);
    if (command.outcome === "failed") expect(having(model, "done")).toEqual([]);
    model.status = "finished";
    real.record({ type: "run.finished", outcome: command.outcome });
  }
}

/** Something that can happen to one of the steps that are there. */
function happening(
  name: string,
  candidates: (model: Model) => readonly ModelStep[],
  happen: (one: ModelStep, real: Real, model: Model, draw: number) => void,
) {
  return fc.nat(59).map(
    (draw): fc.Command<Model, Real> => ({
      check: (model) => model.status === "running" && candidates(model).length > 0,
      run(model, real) {
        const among = candidates(model);
        happen(among[draw % among.length] as ModelStep, real, model, draw);
        agree(model, real);
      },
      toString: () => `${name}(${draw})`,
    }),
  );
}

function anyTime(name: string, may: (model: Model) => boolean, happen: (model: Model, real: Real) => void) {
  return fc.constant<fc.Command<Model, Real>>({
    check: may,
    run(model, real) {
      happen(model, real);
      agree(model, real);
    },
    toString: () => name,
  });
}

const words = {
  working: "running",
  unclear: "unsettled",
  asking: "undecided",
  done: "succeeded",
  skipped: "skipped",
  failed: "failed",
} as const;

/** Facts alone say where the run is, and they say what the model says. */
function agree(model: Model, real: Real): void {
  expect(real.state.status).toBe(model.status);
  for (const one of model.steps) {
    const status = one.at === "open" ? (isFree(model, one) ? "ready" : "waiting") : words[one.at];
    expect([one.plan.id, real.state.steps.get(one.plan.id)?.status]).toEqual([one.plan.id, status]);
  }
  const { ready, readyOf, resting, steps } = real.state;
  expect([...readyOf.values()].flatMap((ids) => [...ids]).sort()).toEqual([...ready].sort());
  expect([...resting].sort()).toEqual([...ready].filter((id) => steps.get(id)?.retryAt !== undefined).sort());
  expect(project(plan, real.facts)).toEqual(real.state); // I1
}

const running = ({ status }: Model): boolean => status === "running";
const decidable = (model: Model): ModelStep[] => [
  ...having(model, "failed", "asking"),
  ...having(model, "unclear").filter((one) => one.askedAgain),
];
const working = (model: Model): ModelStep[] => having(model, "working");

function succeed(one: ModelStep, real: Real): void {
  const changed = one.plan.kind === "apply";
  real.record({ type: "step.succeeded", step: one.plan.id, attempt: 1, summary: "", changed, ms: 1 });
  end(one, "done");
}

const commands = [
  anyTime("turn", running, turn),
  happening("succeeds", working, succeed),
  happening("fails", working, (one, real, _, draw) => {
    const effect = (["none", "applied", "unknown"] as const)[draw % 3] ?? "none";
    const failure = { code: "COMMAND_FAILED", message: "it failed", effect, ms: 1 } as const;
    real.record({ type: "step.failed", step: one.plan.id, attempt: 1, ...failure });
    one.failing = true;
    if (effect !== "none" && one.plan.kind === "apply") one.at = "unclear";
    else failOnce(one);
  }),
  happening(
    "is settled",
    (model) => having(model, "unclear"),
    (one, real, _, draw) => {
      const state = (["applied", "not-applied", "partial", "unknown"] as const)[draw % 4] ?? "unknown";
      real.record({ type: "step.settled", step: one.plan.id, attempt: 1, state, summary: state });
      one.askedAgain = false;
      if (state === "applied") end(one, "done");
      else if (state === "unknown" && one.plan.onFailure === "stop") one.at = "asking";
      else if (state === "unknown") end(one, "failed");
      else if (one.failing) failOnce(one);
      else one.at = "open";
    },
  ),
  anyTime(
    "crash or resumption",
    ({ status }) => status !== "finished",
    (model, real) => {
      real.record(own);
      model.status = "running";
      for (const one of having(model, "asking")) Object.assign(one, { at: "unclear", askedAgain: true });
      for (const one of having(model, "working")) {
        Object.assign(one, { at: one.plan.kind === "apply" ? "unclear" : "open", failing: false });
      }
    },
  ),
  happening("retry", decidable, (one, real) => {
    real.record({ type: "step.retried", step: one.plan.id, reason: "again" });
    Object.assign(one, { at: "open", failures: 0, failing: false });
  }),
  happening(
    "skip",
    (model) => [...decidable(model), ...having(model, "open").filter((one) => isFree(model, one))],
    (one, real) => {
      real.record({ type: "step.skipped", step: one.plan.id, reason: "go on" });
      end(one, "skipped");
    },
  ),
  anyTime("pause", running, (model, real) => {
    real.record({ type: "run.paused", reason: "wait" });
    model.paused = true;
  }),
  anyTime("continue", running, (model, real) => {
    real.record({ type: "run.continued", reason: "go" });
    model.paused = false;
  }),
  anyTime("cancel", running, (model, real) => {
    real.record({ type: "run.cancel-requested", reason: "enough" });
    model.cancelled = true;
  }),
  anyTime(
    "time passes",
    () => true,
    (_, real) => {
      real.now += 20_000;
    },
  ),
];

/** So that runs get to their end, too. */
const goesWell = anyTime("goes well for a while", running, (model, real) => {
  for (let round = 0; round < 3 && running(model); round++) {
    turn(model, real);
    for (const one of working(model)) succeed(one, real);
  }
});

test("I1, I3–I10: whatever happens in whatever order, facts, projection and decisions agree with the model", () => {
  const setup = () => {
    const real = new Real();
    const { digest: planDigest, scenario } = plan;
    real.record({ type: "run.requested", planDigest, scenario, reason: "test" }, own);
    const steps = plan.steps.map(
      (one): ModelStep => ({
        ...{ plan: one, at: "open", failures: 0 },
        ...{ failing: false, toldToEnd: false, askedAgain: false, letGo: false },
      }),
    );
    const model: Model = { steps, status: "running", paused: false, cancelled: false };
    return { model, real };
  };
  fc.assert(
    fc.property(fc.commands([goesWell, ...commands], { maxCommands: 80, size: "max" }), (list) => {
      fc.modelRun(setup, list);
    }),
    { numRuns: 200 },
  );
});
