import { type Phase, phases, type StepSpec } from "../driver.js";

/** A target's steps before they are linked with those of other targets. */
export interface TargetSteps {
  readonly target: string;
  /** Transitive: everything that it depends on, directly or not. */
  readonly usesAll: ReadonlySet<string>;
  readonly specs: readonly StepSpec[];
}

export interface StepLinks {
  readonly needs: readonly string[];
  readonly awaits: readonly Phase[];
}

export const stepId = (subject: string, operation: string): string => `${subject}.${operation}`;

const beforeCheck = phases.slice(0, phases.indexOf("check"));

/**
 * Who waits for whom. Within a target, phases follow each other. Between targets, only those linked by `uses`:
 * users stop before what they use is exclusively changed, and come back after it, dependencies first. Two barriers
 * hold for all: fences are up before anything else moves, and checks begin when everything has resumed.
 *
 * Staging (steps of `restore` that an exclusive step of the same target needs) runs while the system still serves: it
 * waits for nobody but its own fence and preserve, and everyone who must stop, stops after it.
 */
export function linkSteps(all: readonly TargetSteps[]): Map<string, StepLinks> {
  const byTarget = new Map(all.map((one) => [one.target, new PhaseIndex(one)]));
  const fenced = all.some((one) => one.specs.some((spec) => spec.phase === "fence"));
  const links = new Map<string, StepLinks>();
  for (const own of byTarget.values()) {
    const used = [...own.usesAll].flatMap((name) => byTarget.get(name) ?? []);
    const users = own.hasExclusive || own.in("quiesce").length > 0 ? usersOf(own.target, byTarget) : [];
    for (const spec of own.specs) {
      const needs = new Set([
        ...(spec.needs ?? []).map((operation) => stepId(own.target, operation)),
        ...own.before(spec),
        ...acrossTargets(spec, own, used, users),
      ]);
      links.set(stepId(own.target, spec.operation), {
        needs: [...needs],
        awaits: barriers(spec.phase, fenced),
      });
    }
  }
  return links;
}

/** Phases of the whole plan that a step of this phase waits for. */
export function barriers(phase: Phase, fenced: boolean): Phase[] {
  if (phase === "fence") return [];
  if (phase === "check") return [...beforeCheck];
  if (phase === "unfence") return [...beforeCheck, "check"];
  return fenced ? ["fence"] : [];
}

function acrossTargets(
  spec: StepSpec,
  own: PhaseIndex,
  used: readonly PhaseIndex[],
  users: readonly PhaseIndex[],
): string[] {
  if (own.isStaging(spec)) return [];
  if (spec.phase === "quiesce") {
    return [...used.flatMap((one) => one.staging), ...users.flatMap((one) => one.in("quiesce"))];
  }
  if (spec.phase !== "restore" && spec.phase !== "resume") return [];
  const needs = used.flatMap((one) => [...one.in("restore"), ...one.in("resume")]);
  if (spec.exclusive) needs.push(...users.flatMap((one) => one.in("quiesce")));
  return needs;
}

function usersOf(target: string, byTarget: ReadonlyMap<string, PhaseIndex>): PhaseIndex[] {
  return [...byTarget.values()].filter((one) => one.usesAll.has(target));
}

/** One target's steps by phase, and which of them are staging. */
class PhaseIndex {
  readonly target: string;
  readonly usesAll: ReadonlySet<string>;
  readonly specs: readonly StepSpec[];
  readonly hasExclusive: boolean;
  readonly staging: readonly string[];
  private readonly stagingOperations: ReadonlySet<string>;
  private readonly byPhase = new Map<Phase, string[]>();

  constructor({ target, usesAll, specs }: TargetSteps) {
    this.target = target;
    this.usesAll = usesAll;
    this.specs = specs;
    for (const spec of specs) {
      const ids = this.byPhase.get(spec.phase) ?? [];
      ids.push(stepId(target, spec.operation));
      this.byPhase.set(spec.phase, ids);
    }
    this.hasExclusive = specs.some((spec) => spec.exclusive);
    this.stagingOperations = stagingOperations(specs);
    this.staging = [...this.stagingOperations].map((operation) => stepId(target, operation));
  }

  in(phase: Phase): readonly string[] {
    return this.byPhase.get(phase) ?? [];
  }

  isStaging(spec: StepSpec): boolean {
    return this.stagingOperations.has(spec.operation);
  }

  /** Own steps of earlier phases. Check and unfence have their barriers instead. */
  before(spec: StepSpec): string[] {
    if (this.isStaging(spec)) return [...this.in("fence"), ...this.in("preserve")];
    if (spec.phase === "check" || spec.phase === "unfence") return [];
    const earlier = phases.slice(0, phases.indexOf(spec.phase)).flatMap((phase) => this.in(phase));
    return spec.phase === "quiesce" ? [...earlier, ...this.staging] : earlier;
  }
}

function stagingOperations(specs: readonly StepSpec[]): Set<string> {
  const restore = new Map(
    specs.filter((spec) => spec.phase === "restore").map((spec) => [spec.operation, spec]),
  );
  const staging = new Set<string>();
  const visit = (operation: string): void => {
    const spec = restore.get(operation);
    if (spec === undefined || spec.exclusive || staging.has(operation)) return;
    staging.add(operation);
    for (const need of spec.needs ?? []) visit(need);
  };
  for (const spec of restore.values()) if (spec.exclusive) for (const need of spec.needs ?? []) visit(need);
  return staging;
}
