import type { Check, Phase, Settlement } from "../driver.js";
import type { ErrorCode } from "../errors.js";
import type { Plan, PlanStep } from "../plan/plan.js";
import type { StepProcess } from "../ports.js";
import type { AbortWhy, Fact, FactOf, Owner, RunOutcome } from "./fact.js";

export type StepStatus =
  /** Waits for others. */
  | "waiting"
  /** May start. */
  | "ready"
  | "running"
  /** Its end is not known: `settle` has to be asked. */
  | "unsettled"
  | "succeeded"
  /** For good; before that it is `ready` again with a time to wait for. */
  | "failed"
  /** Not even the world could say: a person decides. */
  | "undecided"
  | "skipped";

export interface StepState {
  readonly step: PlanStep;
  status: StepStatus;
  attempt: number;
  /** Failures that count against the step's retries; a crash does not. */
  failures: number;
  startedAt: number | undefined;
  endedAt: number | undefined;
  /** Not before this time, milliseconds since the epoch. */
  retryAt: number | undefined;
  aborted: AbortWhy | undefined;
  summary: string | undefined;
  failure: StepFailure | undefined;
  settled: Settlement["state"] | undefined;
  /** Asked again since a new owner came, after nobody could say: a person may decide instead of waiting for the answer. */
  askedAgain: boolean;
  /** Programs that were started for the latest attempt, or for looking what became of it. */
  readonly processes: StepProcess[];
  checks: readonly Check[];
  /** Needs and phases that have not ended yet. */
  open: number;
  /** Those who waited for it have been let go. */
  released: boolean;
}

export interface StepFailure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
}

export type RunStatus = "requested" | "running" | "stopped" | "finished";

/** What the facts of a run say. Made by `project`, moved on by `advance`; read-only for everybody else. */
export interface RunState {
  readonly plan: Plan;
  status: RunStatus;
  outcome: RunOutcome | undefined;
  reason: string;
  requestedAt: number | undefined;
  startedAt: number | undefined;
  /** The plan's time for the whole run counts from here: its start or, after it had stopped, its resumption. */
  timeFrom: number | undefined;
  endedAt: number | undefined;
  owner: Owner | undefined;
  fence: number;
  cancelled: string | undefined;
  /** Until somebody continues, no step starts. */
  paused: { readonly at: number; readonly by: string; readonly reason: string } | undefined;
  approved: { readonly at: number; readonly by: string; readonly role: string } | undefined;
  /** The plan's escalations that have been said, by index. */
  readonly fired: Map<number, FactOf<"timer.fired"> & Fact>;
  /** The first failure that stopped the line: the message that is shown. */
  firstFailure: { readonly step: string; readonly failure: StepFailure } | undefined;
  /**
   * Whether anything in the world is, or may be, other than before the run. Of a step whose end has not been asked yet
   * (`running`, `unsettled`) nothing is known.
   */
  changed: boolean;
  lastSeq: number;
  readonly steps: ReadonlyMap<string, StepState>;
  /** Kept up to date so that deciding what is next does not look at every step. */
  readonly ready: Set<string>;
  /** The ready ones by target: of thousands that wait for a place of the same target, one look is enough. */
  readonly readyOf: Map<string, Set<string>>;
  /** Those ready ones that have failed before and pause (`retryAt`). */
  readonly resting: Set<string>;
  readonly running: Set<string>;
  readonly unsettled: Set<string>;
  readonly undecided: Set<string>;
  readonly failed: Set<string>;
  readonly openInPhase: Map<Phase, number>;
  readonly dependants: ReadonlyMap<string, readonly string[]>;
  readonly phaseDependants: ReadonlyMap<Phase, readonly string[]>;
  /** Steps that have not ended, well or badly. */
  remaining: number;
}

export function initialState(plan: Plan): RunState {
  const dependants = new Map<string, string[]>();
  const phaseDependants = new Map<Phase, string[]>();
  const openInPhase = new Map<Phase, number>();
  for (const step of plan.steps) openInPhase.set(step.phase, (openInPhase.get(step.phase) ?? 0) + 1);
  const steps = new Map<string, StepState>();
  const ready = new Set<string>();
  const readyOf = new Map<string, Set<string>>();
  for (const step of plan.steps) {
    const phases = step.awaits.filter((phase) => openInPhase.has(phase));
    for (const need of step.needs) append(dependants, need, step.id);
    for (const phase of phases) append(phaseDependants, phase, step.id);
    const open = step.needs.length + phases.length;
    if (open === 0) {
      ready.add(step.id);
      readyOf.set(step.subject, (readyOf.get(step.subject) ?? new Set()).add(step.id));
    }
    steps.set(step.id, newStep(step, open));
  }
  return {
    plan,
    status: "requested",
    outcome: undefined,
    reason: "",
    requestedAt: undefined,
    startedAt: undefined,
    timeFrom: undefined,
    endedAt: undefined,
    owner: undefined,
    fence: 0,
    cancelled: undefined,
    paused: undefined,
    approved: undefined,
    fired: new Map(),
    firstFailure: undefined,
    changed: false,
    lastSeq: 0,
    steps,
    ready,
    readyOf,
    resting: new Set(),
    running: new Set(),
    unsettled: new Set(),
    undecided: new Set(),
    failed: new Set(),
    openInPhase,
    dependants,
    phaseDependants,
    remaining: plan.steps.length,
  };
}

function newStep(step: PlanStep, open: number): StepState {
  return {
    step,
    status: open === 0 ? "ready" : "waiting",
    attempt: 0,
    failures: 0,
    startedAt: undefined,
    endedAt: undefined,
    retryAt: undefined,
    aborted: undefined,
    summary: undefined,
    failure: undefined,
    settled: undefined,
    askedAgain: false,
    processes: [],
    checks: [],
    open,
    released: false,
  };
}

function append<Key>(map: Map<Key, string[]>, key: Key, value: string): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
