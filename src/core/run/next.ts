import type { Plan } from "../plan/plan.js";
import { durationText } from "../report/measures.js";
import { approvalEnds, approversText, awaitsApproval } from "./approval.js";
import type { AbortWhy, RunOutcome } from "./fact.js";
import type { RunState, StepState } from "./run-state.js";

/** What the engine has to do now. It records what came of it as facts, and asks again. */
export type RunCommand =
  | { readonly do: "start"; readonly step: string; readonly attempt: number }
  | { readonly do: "settle"; readonly step: string; readonly attempt: number }
  | { readonly do: "abort"; readonly step: string; readonly why: AbortWhy }
  /** Say the plan's escalation of this index. */
  | { readonly do: "fire"; readonly timer: number; readonly due: number }
  | { readonly do: "stop"; readonly step?: string; readonly message: string }
  | { readonly do: "finish"; readonly outcome: RunOutcome; readonly message?: string }
  /** Nothing to do before a step ends or, where given, before this time (milliseconds since the epoch). */
  | { readonly do: "wait"; readonly until?: number };

export interface Limits {
  readonly total: number;
  readonly perTarget: number;
  readonly perDriver: number;
}

/** As many as the plan says. */
export const limitsOf = ({ limits }: Plan): Limits => ({
  total: limits?.steps ?? 16,
  perTarget: limits?.perTarget ?? 4,
  perDriver: limits?.perDriver ?? 16,
});

/**
 * All decisions about a run: pure, so that every engine behaves alike. Takes the projection of the facts rather than
 * the facts, since folding them again for each step would make a long run quadratic (docs/adr/0002).
 */
export function next(state: RunState, now: number, limits: Limits = limitsOf(state.plan)): RunCommand[] {
  if (state.status !== "running") return [];
  const fires = due(state, now);
  const standing =
    state.cancelled !== undefined || state.firstFailure !== undefined || pastDeadline(state, now);
  const asking = awaitsApproval(state);
  const held = standing || asking || state.paused !== undefined;
  const work = [...overdue(state, now), ...settles(state), ...(held ? [] : starts(state, now, limits))];
  const waiting = (): RunCommand[] => [...fires, ...work, wait(wakeUp(state, now, held, work))];
  if (state.running.size > 0 || state.unsettled.size > 0 || work.length > 0) return waiting();
  if (asking && !standing) return now < approvalEnds(state) ? waiting() : [...fires, expired(state)];
  const open = state.firstFailure !== undefined || state.cancelled !== undefined || state.ready.size > 0;
  if (!open) return [...fires, finish(state)];
  return standing ? [...fires, standStill(state)] : waiting();
}

/** Escalations whose time has come, once each. */
function due(state: RunState, now: number): RunCommand[] {
  return (state.plan.escalate ?? []).flatMap((_, timer): RunCommand[] => {
    const time = dueAt(state, timer);
    return state.fired.has(timer) || time === undefined || now < time
      ? []
      : [{ do: "fire", timer, due: time }];
  });
}

function dueAt({ plan, startedAt }: RunState, timer: number): number | undefined {
  const after = plan.escalate?.[timer]?.afterMs;
  return after === undefined || startedAt === undefined ? undefined : startedAt + after;
}

function expired({ plan: { approval } }: RunState): RunCommand {
  const message =
    approval === undefined
      ? ""
      : `nobody has approved it within ${durationText(approval.expiresMs)}; ${approversText(approval)} could have`;
  return { do: "finish", outcome: "failed", message };
}

function settles(state: RunState): RunCommand[] {
  return [...state.unsettled].map((id) => ({
    do: "settle",
    step: id,
    attempt: state.steps.get(id)?.attempt ?? 1,
  }));
}

function starts(state: RunState, now: number, limits: Limits): RunCommand[] {
  if (state.ready.size === 0) return [];
  const load = new Load(state);
  const commands: RunCommand[] = [];
  for (const [target, ready] of state.readyOf) {
    for (const id of ready) {
      if (load.total >= limits.total) return commands;
      if (load.of("target", target) >= limits.perTarget) break;
      const step = state.steps.get(id) as StepState;
      if (step.retryAt !== undefined && step.retryAt > now) continue;
      if (load.of("driver", step.step.driver) >= limits.perDriver) break;
      load.add(step);
      commands.push({ do: "start", step: id, attempt: step.attempt + 1 });
    }
  }
  return commands;
}

/** Steps in progress, counted as the limits count them. */
class Load {
  total = 0;
  private readonly counts = new Map<string, number>();

  constructor(state: RunState) {
    for (const id of state.running) this.add(state.steps.get(id) as StepState);
  }

  add(step: StepState): void {
    this.total++;
    for (const key of [`target ${step.step.subject}`, `driver ${step.step.driver}`]) {
      this.counts.set(key, (this.counts.get(key) ?? 0) + 1);
    }
  }

  of(kind: "target" | "driver", name: string): number {
    return this.counts.get(`${kind} ${name}`) ?? 0;
  }
}

/** Running steps that must be told to end: cancelled, past the run's deadline, or past their own time-out. */
function overdue(state: RunState, now: number): RunCommand[] {
  const commands: RunCommand[] = [];
  const late = pastDeadline(state, now);
  for (const id of state.running) {
    const step = state.steps.get(id) as StepState;
    if (step.aborted !== undefined) continue;
    const why =
      state.cancelled !== undefined
        ? "cancelled"
        : late
          ? "deadline"
          : state.firstFailure !== undefined && state.plan.onFailure === "cancel"
            ? "line-stopped"
            : timedOut(step, now)
              ? "timeout"
              : undefined;
    if (why !== undefined) commands.push({ do: "abort", step: id, why });
  }
  return commands;
}

const timedOut = (step: StepState, now: number): boolean =>
  now >= (step.startedAt ?? now) + step.step.timeoutMs;

function deadline(state: RunState): number | undefined {
  const { timeoutMs } = state.plan;
  if (state.paused !== undefined || awaitsApproval(state)) return undefined;
  return timeoutMs === undefined || state.timeFrom === undefined ? undefined : state.timeFrom + timeoutMs;
}

function pastDeadline(state: RunState, now: number): boolean {
  const due = deadline(state);
  return due !== undefined && now >= due;
}

/** The next time at which there may be something to do though no step has ended. Never in the past. */
function wakeUp(
  state: RunState,
  now: number,
  held: boolean,
  commands: readonly RunCommand[],
): number | undefined {
  let first = Number.POSITIVE_INFINITY;
  const at = (time: number | undefined): void => {
    if (time !== undefined && time > now && time < first) first = time;
  };
  for (const id of state.running) {
    const { aborted, startedAt, step } = state.steps.get(id) as StepState;
    if (aborted === undefined && startedAt !== undefined) at(startedAt + step.timeoutMs);
  }
  if (!held) for (const id of state.resting) at(state.steps.get(id)?.retryAt);
  for (const command of commands) {
    if (command.do === "start") at(now + (state.steps.get(command.step)?.step.timeoutMs ?? 0));
  }
  at(deadline(state));
  if (awaitsApproval(state)) at(approvalEnds(state));
  for (const [timer] of (state.plan.escalate ?? []).entries()) {
    if (!state.fired.has(timer)) at(dueAt(state, timer));
  }
  return Number.isFinite(first) ? first : undefined;
}

const wait = (until: number | undefined): RunCommand =>
  until === undefined ? { do: "wait" } : { do: "wait", until };

/** Nothing runs any more and nothing more may start. */
function standStill(state: RunState): RunCommand {
  if (state.cancelled !== undefined) return { do: "finish", outcome: "cancelled", message: state.cancelled };
  const { firstFailure } = state;
  const message = firstFailure?.failure.message ?? "the time for the whole run is over";
  if (!state.changed) return { do: "finish", outcome: "failed", message };
  return { do: "stop", ...(firstFailure === undefined ? {} : { step: firstFailure.step }), message };
}

/** Everything that can end has ended. No check at all is not a verified end: nothing was measured. */
function finish(state: RunState): RunCommand {
  const checks = [...state.steps.values()].filter((step) => step.step.kind !== "apply");
  const bad = checks.filter((step) => step.status !== "succeeded");
  if (checks.length > 0 && bad.length === 0) return { do: "finish", outcome: "verified" };
  const message =
    bad[0]?.failure?.message ??
    (checks.length === 0 ? "the plan has no check" : `${bad[0]?.step.id} did not pass`);
  return { do: "finish", outcome: "unverified", message };
}
