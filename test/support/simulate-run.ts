import type { Plan } from "../../src/core/plan/plan.js";
import type { Fact, FactBody } from "../../src/core/run/fact.js";
import { type Limits, next, type RunCommand } from "../../src/core/run/next.js";
import { advance, canDecide, project } from "../../src/core/run/project.js";
import type { RunState } from "../../src/core/run/run-state.js";

/** An engine without effects, for tests: the world is what `draw` says, 0 being the good case. */
export interface Simulation {
  readonly facts: readonly Fact[];
  readonly state: RunState;
  /** How often each step's effect was carried out in the world while it was not in place yet. */
  readonly effects: ReadonlyMap<string, number>;
  readonly crashes: number;
}

export interface World {
  /** A number below `n`. */
  draw(n: number): number;
  /** How often a person goes on after the run has stopped. */
  readonly patience: number;
  readonly crashes: boolean;
  readonly cancels: boolean;
  readonly limits: Limits;
  readonly watch: (state: RunState, facts: readonly Fact[], fact: Fact) => void;
}

const outcomes = ["good", "good", "none", "applied", "lost", "half", "hang", "hang and done"] as const;

class Simulator {
  readonly facts: Fact[] = [];
  readonly effects = new Map<string, number>();
  readonly done = new Set<string>();
  readonly plan: Plan;
  readonly world: World;
  state: RunState;
  now = 1_000_000;
  crashes = 0;
  inFlight: { step: string; attempt: number; what: "start" | "settle"; how: (typeof outcomes)[number] }[] =
    [];

  constructor(plan: Plan, world: World) {
    this.plan = plan;
    this.world = world;
    this.state = project(plan, []);
  }

  record(body: FactBody, actor = "engine"): void {
    const fact: Fact = { seq: this.state.lastSeq + 1, at: this.now, actor, ...body };
    this.world.watch(this.state, this.facts, fact);
    this.facts.push(fact);
    advance(this.state, fact);
  }

  own(): void {
    this.record({ type: "run.owned", owner: { pid: 1, started: "", host: "h" }, fence: this.crashes + 1 });
  }

  /** The process dies: whatever was in flight may have happened or not; another reads the facts and goes on. */
  crash(): void {
    this.crashes++;
    for (const { step, what } of this.inFlight)
      if (what === "start" && this.world.draw(2) === 1) this.effect(step);
    this.inFlight = [];
    this.now += this.world.draw(3) * 20_000;
    this.state = project(this.plan, this.facts);
    this.own();
  }

  effect(step: string): void {
    if (this.done.has(step)) return;
    this.done.add(step);
    this.effects.set(step, (this.effects.get(step) ?? 0) + 1);
  }

  announce(command: RunCommand): void {
    if (command.do === "start")
      this.record({ type: "step.started", step: command.step, attempt: command.attempt });
    else if (command.do === "stop") this.record({ type: "run.stopped", message: command.message });
    else if (command.do === "finish") this.record({ type: "run.finished", outcome: command.outcome });
    else if (command.do === "fire") {
      const { timer, due } = command;
      this.record({ type: "timer.fired", timer, say: "late", due, lateMs: this.now - due });
    } else if (command.do === "abort") {
      const attempt = this.state.steps.get(command.step)?.attempt ?? 0;
      this.record({ type: "step.aborted", step: command.step, attempt, why: command.why });
    }
  }

  launch(command: RunCommand): void {
    if (command.do !== "start" && command.do !== "settle") return;
    if (this.inFlight.some((one) => one.step === command.step)) return;
    const kind = this.plan.steps.find(({ id }) => id === command.step)?.kind;
    const how = outcomes[this.world.draw(kind === "apply" ? outcomes.length : 3)] ?? "good";
    this.inFlight.push({ step: command.step, attempt: command.attempt, what: command.do, how });
  }

  /** One of those in flight ends; hanging ones only when told to. False when none can. */
  endOne(): boolean {
    const aborted = (id: string): boolean => this.state.steps.get(id)?.aborted !== undefined;
    const able = this.inFlight.filter(
      ({ step, what, how }) => what === "settle" || !how.startsWith("hang") || aborted(step),
    );
    const one = able[this.world.draw(able.length)];
    if (one === undefined) return false;
    this.inFlight = this.inFlight.filter((other) => other !== one);
    this.now += this.world.draw(4) * 100;
    const { step, attempt, what, how } = one;
    if (what === "settle") {
      const answer = this.world.draw(12) === 11 ? "unknown" : this.done.has(step) ? "applied" : "not-applied";
      this.record({ type: "step.settled", step, attempt, state: answer, summary: answer });
      return true;
    }
    if (how === "good" || how === "lost" || how === "applied" || how === "hang and done") this.effect(step);
    if (how === "good") {
      this.record({ type: "step.succeeded", step, attempt, summary: "done", changed: true, ms: 1 });
    } else {
      const effect = how === "none" ? "none" : how === "applied" ? "applied" : "unknown";
      this.record({
        type: "step.failed",
        step,
        attempt,
        code: "COMMAND_FAILED",
        message: how,
        effect,
        ms: 1,
      });
    }
    return true;
  }

  /** What a person may do about a run that stands: try the failed steps again or go on without them. */
  decide(): void {
    this.now += 60_000;
    this.own();
    for (const { step } of [...this.state.steps.values()]) {
      const type = this.world.draw(4) === 3 ? "skip" : "retry";
      if (!canDecide(this.state.steps.get(step.id), type) || this.world.draw(5) === 4) continue;
      this.record(
        { type: type === "skip" ? "step.skipped" : "step.retried", step: step.id, reason: "go on" },
        "ann",
      );
    }
  }

  pauseOrContinue(): void {
    if (this.state.paused === undefined) this.record({ type: "run.paused", reason: "wait" }, "ann");
    else this.record({ type: "run.continued", reason: "go on" }, "ben");
  }

  /** What a run that can do nothing by itself may wait for; a person may also let it wait too long. */
  personActs(): boolean {
    const { plan, approved, paused } = this.state;
    if (plan.approval !== undefined && approved === undefined && this.world.draw(4) !== 3) {
      const { digest: planDigest } = plan;
      const actor = this.world.draw(3) === 2 ? "mallory@h" : "ann@h";
      this.record({ type: "run.approved", planDigest, role: "dba", reason: "", approvedAt: this.now }, actor);
      return true;
    }
    if (paused === undefined) return false;
    this.now += 1_000;
    this.pauseOrContinue();
    return true;
  }

  turn(): void {
    if (this.world.cancels && this.world.draw(60) === 59 && this.state.cancelled === undefined) {
      this.record({ type: "run.cancel-requested", reason: "enough" }, "ann");
    }
    if (this.world.cancels && this.world.draw(40) === 39) this.pauseOrContinue();
    const commands = next(this.state, this.now, this.world.limits);
    for (const command of commands) {
      this.announce(command);
      if (this.state.status === "running" && this.world.crashes && this.world.draw(25) === 24)
        return this.crash();
    }
    if (this.state.status !== "running") return;
    for (const command of commands) this.launch(command);
    if (this.world.crashes && this.world.draw(25) === 24) return this.crash();
    if (this.endOne()) return;
    if (this.personActs()) return;
    const wait = commands.find((command) => command.do === "wait");
    if (wait?.do !== "wait" || wait.until === undefined || wait.until <= this.now) {
      throw new Error(`nothing can go on: ${JSON.stringify(commands)}`);
    }
    this.now = wait.until;
  }
}

/** Runs until it has finished, or stands and the person has lost patience. Throws when it does not end. */
export function simulate(plan: Plan, world: World): Simulation {
  const one = new Simulator(plan, world);
  one.record(
    { type: "run.requested", planDigest: plan.digest, scenario: plan.scenario, reason: "test" },
    "ann",
  );
  one.own();
  let patience = world.patience;
  const bound = 200 + plan.steps.length * 60 * (1 + patience);
  for (let turns = 0; one.state.status !== "finished"; turns++) {
    if (turns > bound) throw new Error("the run does not end");
    if (one.state.status === "running") one.turn();
    else if (patience-- > 0) one.decide();
    else break;
  }
  return { facts: one.facts, state: one.state, effects: one.effects, crashes: one.crashes };
}
