import { contentDigest } from "../content-digest.js";
import type { CapturedPart, Intent, Observation, StepSpec, TargetDriver } from "../driver.js";
import { BackoutError, type Problem, problem } from "../errors.js";
import type {
  ChangeDefinition,
  Playbook,
  ScenarioDefinition,
  TargetDefinition,
} from "../playbook/playbook.js";
import { estimate } from "./estimate.js";
import { givenWarnings } from "./given-warnings.js";
import { involvedTargets } from "./involved-targets.js";
import { stepId } from "./link-steps.js";
import { orderSteps } from "./order-steps.js";
import type { Plan, PlannedTarget, PlanStep } from "./plan.js";
import { checkSteps, targetSteps, verifySteps } from "./plan-steps.js";
import { promiseWarnings } from "./promise-warnings.js";
import { specsWithQuiesced } from "./quiesced-specs.js";
import { runRules } from "./run-rules.js";
import { reverse, type Uses, usesOf } from "./uses.js";

/** What the checkpoint says of one target. */
export interface PlanPart {
  readonly part: CapturedPart;
  /** Measured by the last good proof. */
  readonly restoreMs?: number;
}

export interface PlanRequest {
  readonly playbook: Playbook;
  readonly scenario: string;
  readonly change?: string;
  readonly checkpoint?: {
    readonly id: string;
    readonly at: number;
    readonly parts: Readonly<Record<string, PlanPart>>;
  };
  readonly drivers: ReadonlyMap<string, TargetDriver>;
  /** Of every target that `involvedTargets` names. */
  readonly observations: Readonly<Record<string, Observation>>;
  /** Identities that a verified rollback has left because they were bad. */
  readonly knownBad: readonly { readonly target: string; readonly identity: string }[];
}

export type PlanResult = { readonly plan: Plan } | { readonly problems: readonly Problem[] };

/** Pure: the same request gives the same plan, to the byte. Problems say why there is no way back like this. */
export function makePlan(request: PlanRequest): PlanResult {
  const { playbook, scenario: name, change: changeName } = request;
  const scenario = own(playbook.scenarios, name);
  const change = changeName === undefined ? undefined : own(playbook.changes, changeName);
  const problems: Problem[] = [];
  if (scenario === undefined) problems.push(unknown("scenario", name, playbook.scenarios));
  if (changeName !== undefined && change === undefined) {
    problems.push(unknown("change", changeName, playbook.changes));
  }
  if (scenario === undefined || problems.length > 0) return { problems };
  return new Planner(request, scenario, change).make();
}

const unknown = (kind: "scenario" | "change", name: string, known: object): Problem =>
  problem(`${kind}s`, `there is no ${kind} "${name}"`, `known: ${Object.keys(known).join(", ") || "none"}`);

/** A name comes from outside: `constructor` must not be found. */
function own<Value>(record: Readonly<Record<string, Value>>, name: string): Value | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

class Planner {
  private readonly problems: Problem[] = [];
  private readonly request: PlanRequest;
  private readonly scenario: ScenarioDefinition;
  private readonly change: ChangeDefinition | undefined;
  private readonly users: Uses;

  constructor(request: PlanRequest, scenario: ScenarioDefinition, change: ChangeDefinition | undefined) {
    this.request = request;
    this.scenario = scenario;
    this.change = change;
    this.users = reverse(usesOf(request.playbook));
  }

  make(): PlanResult {
    const { playbook, drivers } = this.request;
    const involved = involvedTargets(playbook, this.scenario, drivers);
    this.refuseImpossible();
    const specs = this.allSpecs(involved);
    this.refuseUnapproved(specs);
    if (this.problems.length > 0) return { problems: this.problems };
    const restored = new Set(this.scenario.restore);
    const steps = [
      ...targetSteps(playbook, specs),
      ...verifySteps(
        playbook,
        drivers,
        [...specs.keys()].filter((name) => restored.has(name) && specs.get(name)?.length),
      ),
      ...checkSteps(playbook, this.scenario.checks),
    ];
    this.refuseSameIds(steps);
    if (this.problems.length > 0) return { problems: this.problems };
    try {
      return { plan: this.assemble(involved, orderSteps(steps), specs) };
    } catch (error) {
      if (!(error instanceof BackoutError) || error.code !== "REFUSED") throw error;
      return { problems: [problem(`scenarios.${this.request.scenario}`, error.message, error.hint)] };
    }
  }

  private refuseImpossible(): void {
    const { checkpoint, knownBad } = this.request;
    for (const name of this.scenario.restore) {
      const part = checkpoint === undefined ? undefined : own(checkpoint.parts, name)?.part;
      if (part === undefined) {
        this.problems.push(
          checkpoint === undefined
            ? problem(name, "there is no checkpoint to restore it from", "backout checkpoint")
            : problem(
                name,
                `checkpoint "${checkpoint.id}" has no part for it`,
                "`backout checkpoints` lists them; choose one with --checkpoint ID",
              ),
        );
      } else if (knownBad.some((bad) => bad.target === name && bad.identity === part.identity)) {
        this.problems.push(
          problem(
            name,
            `${part.summary} is known to be bad: an earlier rollback left it`,
            "choose another checkpoint with --checkpoint ID, or insist with --accept-known-bad",
          ),
        );
      }
    }
  }

  private refuseUnapproved(specs: ReadonlyMap<string, readonly StepSpec[]>): void {
    if (this.scenario.approval !== undefined) return;
    for (const [name, all] of specs) {
      for (const { title, impact } of all) {
        if (impact?.needsApproval !== true) continue;
        const fact = `takes protection away (${impact.security ?? title}), and nobody has to agree to it`;
        this.refuse(name, fact, `scenarios.${this.request.scenario}.approval: say who does`);
      }
    }
  }

  /** A target called `check` or an operation called `verify` would share its id with a step of the planner's. */
  private refuseSameIds(steps: readonly PlanStep[]): void {
    const seen = new Set<string>();
    for (const { id, subject } of steps) {
      if (seen.has(id)) this.refuse(subject, `two steps of the plan are called "${id}"`, "rename the target");
      seen.add(id);
    }
  }

  private allSpecs(involved: readonly string[]): Map<string, readonly StepSpec[]> {
    return specsWithQuiesced(involved, this.users, (name, quiesce) => this.specsOf(name, quiesce));
  }

  private refuse(path: string, message: string, hint?: string): void {
    const known = this.problems.some((one) => one.path === path && one.message === message);
    if (!known) this.problems.push(problem(path, message, hint));
  }

  private specsOf(name: string, quiesce: boolean): readonly StepSpec[] {
    const { playbook, drivers, observations, checkpoint } = this.request;
    const intent = this.intent(name, quiesce);
    if (!intent.restore && !intent.quiesce && !intent.restart) return [];
    const target = playbook.targets[name] as TargetDefinition;
    const driver = drivers.get(target.driver);
    const observed = own(observations, name);
    if (driver === undefined || observed === undefined) {
      this.refuse(name, "it could not be observed, so nothing can be planned for it", "backout check");
      return [];
    }
    const part = checkpoint === undefined ? undefined : own(checkpoint.parts, name);
    if (intent.restore && part === undefined) return [];
    try {
      return driver.plan({
        captured: part?.part,
        restoreMs: part?.restoreMs,
        observed,
        options: driver.options.parse(target.with),
        intent,
      });
    } catch (error) {
      if (!(error instanceof BackoutError)) throw error;
      this.refuse(name, error.message, error.hint);
      return [];
    }
  }

  private intent(name: string, quiesce: boolean): Intent {
    return {
      restore: this.scenario.restore.includes(name),
      quiesce,
      restart: this.scenario.restart.includes(name),
      keep: this.keep(name),
    };
  }

  private assemble(
    involved: readonly string[],
    steps: readonly PlanStep[],
    specs: ReadonlyMap<string, readonly StepSpec[]>,
  ): Plan {
    const chosen = new Set<string>();
    for (const [target, all] of specs) {
      for (const spec of all) if (spec.timeoutMs !== undefined) chosen.add(stepId(target, spec.operation));
    }
    const limited = steps.filter(({ id }) => chosen.has(id));
    const { playbook, checkpoint, change } = this.request;
    const promisedMs = this.change?.promised ?? this.scenario.promised;
    const estimated = estimate(steps, promisedMs);
    const observed = involved.filter((name) => Object.hasOwn(this.request.observations, name));
    const body: Omit<Plan, "digest"> = {
      version: 1,
      system: playbook.system,
      environment: playbook.environment,
      scenario: this.request.scenario,
      strategy: this.scenario.strategy,
      ...(change === undefined ? {} : { change }),
      ...(checkpoint === undefined || this.scenario.restore.length === 0
        ? {}
        : { checkpoint: { id: checkpoint.id, at: checkpoint.at } }),
      targets: Object.fromEntries(observed.map((name) => [name, this.plannedTarget(name)])),
      checks: Object.fromEntries(
        this.scenario.checks.flatMap((name) => {
          const check = own(playbook.checks, name);
          return check === undefined
            ? []
            : [
                [
                  name,
                  { driver: check.driver, with: check.with, within: check.within, stable: check.stable },
                ],
              ];
        }),
      ),
      steps,
      estimate: estimated,
      warnings: [
        ...this.scenario.restore.flatMap((name) => {
          const part = checkpoint === undefined ? undefined : own(checkpoint.parts, name)?.part;
          return part === undefined || !specs.get(name)?.length ? [] : givenWarnings(name, part);
        }),
        ...promiseWarnings(this.request.scenario, estimated, limited, playbook.objectives.rto),
      ],
      objectives: {
        ...(playbook.objectives.rto === undefined ? {} : { rto: playbook.objectives.rto }),
        ...(playbook.objectives.rpo === undefined ? {} : { rpo: playbook.objectives.rpo }),
      },
      ...(this.scenario.timeout === undefined ? {} : { timeoutMs: this.scenario.timeout }),
      ...(this.scenario.fallback === undefined ? {} : { fallback: this.scenario.fallback }),
      ...runRules(playbook, this.scenario),
    };
    return { digest: contentDigest(body), ...body };
  }

  private keep(name: string): readonly string[] {
    return this.change === undefined ? [] : (own(this.change.keep, name) ?? []);
  }

  private plannedTarget(name: string): PlannedTarget {
    const { playbook, observations, checkpoint } = this.request;
    const target = playbook.targets[name] as TargetDefinition;
    const observed = observations[name] as Observation;
    const part = checkpoint === undefined ? undefined : own(checkpoint.parts, name)?.part;
    const restore = this.scenario.restore.includes(name);
    return {
      driver: target.driver,
      with: target.with,
      uses: target.uses,
      restore,
      keep: this.keep(name),
      ...(part === undefined ? {} : { captured: part }),
      from: { identity: observed.identity, summary: observed.summary },
      ...(restore && part !== undefined ? { to: { identity: part.identity, summary: part.summary } } : {}),
    };
  }
}
