import { type Phase, phases, type StepSpec } from "../driver.js";
import { reachable, reverse, type Uses } from "./uses.js";

/** A target's steps before they are linked with those of other targets. */
export interface TargetSteps {
  readonly target: string;
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
 *
 * Links reach only as far as the next target that has a step to wait for: what lies behind it follows from that
 * step's own links, so that a long chain of targets does not make a plan of quadratic size.
 */
export function linkSteps(all: readonly TargetSteps[], uses: Uses): Map<string, StepLinks> {
  const graph = new TargetGraph(all, uses);
  const fenced = all.some((one) => one.specs.some((spec) => spec.phase === "fence"));
  const links = new Map<string, StepLinks>();
  for (const own of graph.targets.values()) {
    for (const spec of own.specs) {
      const needs = new Set([
        ...(spec.needs ?? []).map((operation) => stepId(own.target, operation)),
        ...own.before(spec),
        ...acrossTargets(spec, own, graph),
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

function acrossTargets(spec: StepSpec, own: PhaseIndex, graph: TargetGraph): string[] {
  if (own.isStaging(spec)) return [];
  if (spec.phase === "quiesce") {
    const users = graph.usersStopped(own.target);
    return users.length > 0 ? users : graph.staging(own.target);
  }
  if (spec.phase !== "restore" && spec.phase !== "resume") return [];
  return [...graph.usedBack(own.target), ...(spec.exclusive ? graph.usersStopped(own.target) : [])];
}

/** What steps of one target may wait for in others. */
class TargetGraph {
  readonly targets: ReadonlyMap<string, PhaseIndex>;
  private readonly uses: Uses;
  private readonly users: Uses;
  private readonly backs = new Map<string, readonly string[]>();
  private readonly stops = new Map<string, readonly string[]>();

  constructor(all: readonly TargetSteps[], uses: Uses) {
    this.targets = new Map(all.map((one) => [one.target, new PhaseIndex(one)]));
    this.uses = uses;
    this.users = reverse(uses);
  }

  /** Steps after which everything that the target uses is back. */
  usedBack(target: string): string[] {
    return (this.uses[target] ?? []).flatMap((used) =>
      nearest(used, this.uses, this.backs, (name) => {
        const own = this.targets.get(name);
        const resume = own?.in("resume") ?? [];
        return resume.length > 0 ? resume : (own?.in("restore") ?? []);
      }),
    );
  }

  /** Steps after which everyone who uses the target has stopped. */
  usersStopped(target: string): string[] {
    return (this.users[target] ?? []).flatMap((user) =>
      nearest(user, this.users, this.stops, (name) => this.targets.get(name)?.in("quiesce") ?? []),
    );
  }

  /** Staging of all that the target uses. */
  staging(target: string): string[] {
    return [...reachable([target], this.uses)].flatMap((name) => this.targets.get(name)?.staging ?? []);
  }
}

/** A target's own steps of some sort or, where it has none, those of the next ones behind it. */
function nearest(
  name: string,
  graph: Uses,
  known: Map<string, readonly string[]>,
  own: (name: string) => readonly string[],
): readonly string[] {
  const before = known.get(name);
  if (before !== undefined) return before;
  known.set(name, []);
  const found = own(name);
  const steps =
    found.length > 0
      ? found
      : [...new Set((graph[name] ?? []).flatMap((next) => nearest(next, graph, known, own)))];
  known.set(name, steps);
  return steps;
}

/** One target's steps by phase, and which of them are staging. */
class PhaseIndex {
  readonly target: string;
  readonly specs: readonly StepSpec[];
  readonly staging: readonly string[];
  private readonly stagingOperations: ReadonlySet<string>;
  private readonly byPhase = new Map<Phase, string[]>();

  constructor({ target, specs }: TargetSteps) {
    this.target = target;
    this.specs = specs;
    for (const spec of specs) {
      const ids = this.byPhase.get(spec.phase) ?? [];
      ids.push(stepId(target, spec.operation));
      this.byPhase.set(spec.phase, ids);
    }
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

/** Those that an exclusive step needs, unless they themselves need something that happens only after the quiesce. */
function stagingOperations(specs: readonly StepSpec[]): Set<string> {
  const byOperation = new Map(specs.map((spec) => [spec.operation, spec]));
  const early = new Map<string, boolean>();
  const isEarly = (operation: string): boolean => {
    const known = early.get(operation);
    if (known !== undefined) return known;
    early.set(operation, false);
    const spec = byOperation.get(operation);
    const result =
      spec !== undefined &&
      !spec.exclusive &&
      (spec.phase === "fence" || spec.phase === "preserve" || spec.phase === "restore") &&
      (spec.needs ?? []).every(isEarly);
    early.set(operation, result);
    return result;
  };
  const staging = new Set<string>();
  const visited = new Set<string>();
  const visit = (operation: string): void => {
    if (visited.has(operation)) return;
    visited.add(operation);
    const spec = byOperation.get(operation);
    if (spec?.phase === "restore" && isEarly(operation)) staging.add(operation);
    for (const need of spec?.needs ?? []) visit(need);
  };
  for (const spec of specs) {
    if (spec.phase === "restore" && spec.exclusive) for (const need of spec.needs ?? []) visit(need);
  }
  return staging;
}
