import { contentDigest } from "../content-digest.js";
import type { CapturedPart, Intent, Observation, StepSpec, TargetDriver } from "../driver.js";
import { BackoutError, type Problem, problem, warning } from "../errors.js";
import type {
  ChangeDefinition,
  Playbook,
  ScenarioDefinition,
  TargetDefinition,
} from "../playbook/playbook.js";
import { estimate } from "./estimate.js";
import { barriers, linkSteps, stepId, type TargetSteps } from "./link-steps.js";
import { orderSteps } from "./order-steps.js";
import type { Plan, PlannedTarget, PlanStep } from "./plan.js";

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

/** Targets that a plan of this scenario has to look at: those it names, and all who use one that is restored. */
export function involvedTargets(playbook: Playbook, scenario: ScenarioDefinition): string[] {
  const named = new Set([...scenario.restore, ...scenario.restart]);
  for (const name of Object.keys(playbook.targets)) {
    const used = usesAll(playbook.targets, name);
    if (scenario.restore.some((restored) => used.has(restored))) named.add(name);
  }
  return Object.keys(playbook.targets).filter((name) => named.has(name));
}

/** Pure: the same request gives the same plan, to the byte. Problems say why there is no way back like this. */
export function makePlan(request: PlanRequest): PlanResult {
  const scenario = request.playbook.scenarios[request.scenario];
  if (scenario === undefined) {
    const known = Object.keys(request.playbook.scenarios).join(", ");
    return {
      problems: [problem("scenarios", `there is no scenario "${request.scenario}"`, `known: ${known}`)],
    };
  }
  const change = request.change === undefined ? undefined : request.playbook.changes[request.change];
  const planner = new Planner(request, scenario, change);
  return planner.make();
}

class Planner {
  private readonly problems: Problem[] = [];
  private readonly warnings: Problem[] = [];
  private readonly request: PlanRequest;
  private readonly scenario: ScenarioDefinition;
  private readonly change: ChangeDefinition | undefined;

  constructor(request: PlanRequest, scenario: ScenarioDefinition, change: ChangeDefinition | undefined) {
    this.request = request;
    this.scenario = scenario;
    this.change = change;
  }

  make(): PlanResult {
    const { playbook } = this.request;
    const involved = involvedTargets(playbook, this.scenario);
    this.refuseImpossible();
    const first = this.specs(involved, new Set());
    const alone = involved.filter((name) => first.get(name)?.some((spec) => spec.exclusive));
    const quiesced = new Set(
      involved.filter((name) => alone.some((other) => usesAll(playbook.targets, name).has(other))),
    );
    const specs = quiesced.size === 0 ? first : this.specs(involved, quiesced, first);
    if (this.problems.length > 0) return { problems: this.problems };
    const steps = orderSteps([
      ...this.targetSteps(specs),
      ...this.verifySteps(involved, specs),
      ...this.checkSteps(),
    ]);
    return { plan: this.assemble(involved, steps) };
  }

  private refuseImpossible(): void {
    const { checkpoint, knownBad } = this.request;
    for (const name of this.scenario.restore) {
      const part = checkpoint?.parts[name]?.part;
      if (part === undefined) {
        this.problems.push(
          checkpoint === undefined
            ? problem(name, "there is no checkpoint to restore it from", "backout checkpoint")
            : problem(
                name,
                `checkpoint "${checkpoint.id}" has no part for it`,
                "backout history, then --checkpoint ID",
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

  /** Asks each target's driver for its steps. Those that are not affected by quiescing keep what they said. */
  private specs(
    involved: readonly string[],
    quiesced: ReadonlySet<string>,
    before?: ReadonlyMap<string, readonly StepSpec[]>,
  ): Map<string, readonly StepSpec[]> {
    const all = new Map<string, readonly StepSpec[]>();
    for (const name of involved) {
      const known = quiesced.has(name) ? undefined : before?.get(name);
      all.set(name, known ?? this.specsOf(name, quiesced.has(name)));
    }
    return all;
  }

  private specsOf(name: string, quiesce: boolean): readonly StepSpec[] {
    const { playbook, drivers, observations, checkpoint } = this.request;
    const target = playbook.targets[name] as TargetDefinition;
    const driver = drivers.get(target.driver);
    const observed = observations[name];
    if (driver === undefined || observed === undefined) {
      this.problems.push(
        problem(name, "it could not be observed, so nothing can be planned for it", "backout check"),
      );
      return [];
    }
    const intent = this.intent(name, quiesce);
    if (!intent.restore && !intent.quiesce && !intent.restart) return [];
    const part = checkpoint?.parts[name];
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
      this.problems.push(problem(name, error.message, error.hint));
      return [];
    }
  }

  private intent(name: string, quiesce: boolean): Intent {
    return {
      restore: this.scenario.restore.includes(name),
      quiesce,
      restart: this.scenario.restart.includes(name),
      keep: this.change?.keep[name] ?? [],
    };
  }

  private targetSteps(specs: ReadonlyMap<string, readonly StepSpec[]>): PlanStep[] {
    const { targets } = this.request.playbook;
    const linked: TargetSteps[] = [...specs].map(([target, own]) => ({
      target,
      usesAll: usesAll(targets, target),
      specs: own,
    }));
    const links = linkSteps(linked);
    return linked.flatMap(({ target, specs: own }) =>
      own.map((spec): PlanStep => {
        const id = stepId(target, spec.operation);
        return {
          id,
          kind: "apply",
          subject: target,
          driver: (targets[target] as TargetDefinition).driver,
          operation: spec.operation,
          title: spec.title,
          phase: spec.phase,
          needs: links.get(id)?.needs ?? [],
          awaits: links.get(id)?.awaits ?? [],
          input: spec.input,
          impact: spec.impact ?? {},
          expectedMs: spec.expectedMs,
          timeoutMs: spec.timeoutMs ?? Math.max(30_000, spec.expectedMs * 10),
          retries: spec.retries ?? 2,
          onFailure: spec.onFailure ?? "stop",
        };
      }),
    );
  }

  private verifySteps(
    involved: readonly string[],
    specs: ReadonlyMap<string, readonly StepSpec[]>,
  ): PlanStep[] {
    return involved
      .filter((name) => this.scenario.restore.includes(name) && (specs.get(name)?.length ?? 0) > 0)
      .filter((name) => this.driverOf(name)?.verify !== undefined)
      .map((name) => {
        const driver = (this.request.playbook.targets[name] as TargetDefinition).driver;
        return checkStep(
          stepId(name, "verify"),
          "verify",
          name,
          driver,
          "compare with the checkpoint",
          500,
          60_000,
        );
      });
  }

  private checkSteps(): PlanStep[] {
    return this.scenario.checks.flatMap((name) => {
      const check = this.request.playbook.checks[name];
      if (check === undefined) return [];
      const limit = check.within + check.stable + 30_000;
      return [checkStep(stepId("check", name), "check", name, check.driver, name, 500 + check.stable, limit)];
    });
  }

  private driverOf(name: string): TargetDriver | undefined {
    return this.request.drivers.get(this.request.playbook.targets[name]?.driver ?? "");
  }

  private assemble(involved: readonly string[], steps: readonly PlanStep[]): Plan {
    const { playbook, checkpoint, change } = this.request;
    const promisedMs = this.change?.promised ?? this.scenario.promised;
    const estimated = estimate(steps, promisedMs);
    this.warnOfPromises(estimated.durationMs, promisedMs, steps);
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
      targets: Object.fromEntries(involved.map((name) => [name, this.plannedTarget(name)])),
      checks: Object.fromEntries(
        this.scenario.checks.flatMap((name) => {
          const check = playbook.checks[name];
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
      warnings: this.warnings,
      objectives: {
        ...(playbook.objectives.rto === undefined ? {} : { rto: playbook.objectives.rto }),
        ...(playbook.objectives.rpo === undefined ? {} : { rpo: playbook.objectives.rpo }),
      },
      ...(this.scenario.timeout === undefined ? {} : { timeoutMs: this.scenario.timeout }),
      ...(this.scenario.fallback === undefined ? {} : { fallback: this.scenario.fallback }),
    };
    return { digest: contentDigest(body), ...body };
  }

  private plannedTarget(name: string): PlannedTarget {
    const { playbook, observations, checkpoint } = this.request;
    const target = playbook.targets[name] as TargetDefinition;
    const observed = observations[name] as Observation;
    const part = checkpoint?.parts[name]?.part;
    const restore = this.scenario.restore.includes(name);
    return {
      driver: target.driver,
      with: target.with,
      uses: target.uses,
      restore,
      ...(part === undefined ? {} : { captured: part }),
      from: { identity: observed.identity, summary: observed.summary },
      ...(restore && part !== undefined ? { to: { identity: part.identity, summary: part.summary } } : {}),
    };
  }

  private warnOfPromises(
    durationMs: number,
    promisedMs: number | undefined,
    steps: readonly PlanStep[],
  ): void {
    const { rto } = this.request.playbook.objectives;
    const scenario = `scenarios.${this.request.scenario}`;
    if (promisedMs !== undefined && durationMs > promisedMs) {
      this.warnings.push(
        warning(scenario, `expected to take ${durationMs} ms, longer than the ${promisedMs} ms promised`),
      );
    }
    if (rto !== undefined && durationMs > rto) {
      this.warnings.push(
        warning(scenario, `expected to take ${durationMs} ms, longer than the objective of ${rto} ms`),
      );
    }
    for (const step of steps) {
      if (promisedMs === undefined || step.kind !== "apply" || step.timeoutMs <= promisedMs) continue;
      this.warnings.push(
        warning(step.id, `may take up to ${step.timeoutMs} ms before it times out, longer than promised`),
      );
    }
  }
}

function checkStep(
  id: string,
  kind: "verify" | "check",
  subject: string,
  driver: string,
  title: string,
  expectedMs: number,
  timeoutMs: number,
): PlanStep {
  const shared = { needs: [], awaits: barriers("check", false), input: {}, impact: {}, retries: 0 } as const;
  return {
    id,
    kind,
    subject,
    driver,
    operation: kind,
    title,
    phase: "check",
    expectedMs,
    timeoutMs,
    onFailure: "continue",
    ...shared,
  };
}

function usesAll(targets: Playbook["targets"], name: string): Set<string> {
  const all = new Set<string>();
  const visit = (one: string): void => {
    for (const used of targets[one]?.uses ?? []) {
      if (all.has(used)) continue;
      all.add(used);
      visit(used);
    }
  };
  visit(name);
  return all;
}
