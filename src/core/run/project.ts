import { BackoutError } from "../errors.js";
import type { Plan } from "../plan/plan.js";
import type { ProcessIdentity } from "../ports.js";
import { approvalEnds, approverRole, awaitsApproval } from "./approval.js";
import type { Fact, FactOf } from "./fact.js";
import {
  initialState,
  type RunState,
  type StepFailure,
  type StepState,
  type StepStatus,
} from "./run-state.js";

/** The state of a run after these facts: the same for any reader, at any time. */
export function project(plan: Plan, facts: readonly Fact[]): RunState {
  const state = initialState(plan);
  for (const fact of facts) advance(state, fact);
  return state;
}

/** Backs off 1, 2, 4 … s, at most 30 s. */
const backoffMs = (failures: number): number => Math.min(30_000, 1000 * 2 ** (failures - 1));

/**
 * Moves a state on by the next fact, in place. Throws STATE_CORRUPT where the fact cannot follow. What a person
 * decided about a step that has gone on meanwhile (see `canDecide`) changes nothing.
 */
export function advance(state: RunState, fact: Fact): void {
  if (fact.seq !== state.lastSeq + 1)
    throw corrupt(`fact ${fact.seq} of the run follows fact ${state.lastSeq}`);
  if (state.status === "finished") throw corrupt(`fact ${fact.seq} of the run follows its end`);
  state.lastSeq = fact.seq;
  switch (fact.type) {
    case "run.requested":
      state.requestedAt = fact.at;
      state.reason = fact.reason;
      return;
    case "run.owned":
      takeOver(state, fact.at);
      state.owner = fact.owner;
      state.fence = fact.fence;
      return;
    case "run.approved":
      approve(state, fact);
      return;
    case "run.paused":
      state.paused ??= { at: fact.at, by: fact.actor, reason: fact.reason };
      return;
    case "run.continued":
      if (state.paused !== undefined && state.timeFrom !== undefined)
        state.timeFrom += fact.at - state.paused.at;
      state.paused = undefined;
      return;
    case "timer.fired":
      if (state.fired.has(fact.timer))
        throw corrupt(`fact ${fact.seq} of the run fires its timer ${fact.timer} again`);
      state.fired.set(fact.timer, fact);
      return;
    case "run.cancel-requested":
      state.cancelled ??= fact.reason;
      return;
    case "run.stopped":
      state.status = "stopped";
      return;
    case "run.finished":
      state.status = "finished";
      state.outcome = fact.outcome;
      state.endedAt = fact.at;
      return;
    default:
      advanceStep(state, stepOf(state, fact.step), fact);
  }
}

/** Whether a person's decision about the step can still have a meaning. */
export function canDecide(step: StepState | undefined, decision: "retry" | "skip"): boolean {
  if (step === undefined) return false;
  const { status } = step;
  if (status === "unsettled") return step.askedAgain;
  return status === "failed" || status === "undecided" || (status === "ready" && decision === "skip");
}

/** What was said too late, by somebody else, or of another plan changes nothing. */
function approve(
  state: RunState,
  { planDigest, approvedAt, actor, at }: Fact & FactOf<"run.approved">,
): void {
  const { approval, digest } = state.plan;
  if (approval === undefined || !awaitsApproval(state)) return;
  const role = approverRole(approval, actor);
  if (role === undefined || planDigest !== digest || approvedAt >= approvalEnds(state)) return;
  state.approved = { at: approvedAt, by: actor, role };
  state.timeFrom = at;
}

type StepFact = Extract<Fact, { step: string; type: `step.${string}` }>;

function advanceStep(state: RunState, step: StepState, fact: StepFact): void {
  switch (fact.type) {
    case "step.started":
      expect(fact, step, "ready");
      step.attempt = fact.attempt;
      step.startedAt = fact.at;
      step.endedAt = undefined;
      step.retryAt = undefined;
      step.aborted = undefined;
      step.failure = undefined;
      step.askedAgain = false;
      step.processes.length = 0;
      setStatus(state, step, "running");
      return;
    case "step.aborted":
      expect(fact, step, "running");
      step.aborted = fact.why;
      return;
    case "step.succeeded":
      expect(fact, step, "running");
      step.summary = fact.summary;
      step.checks = fact.checks ?? [];
      if (fact.changed) state.changed = true;
      end(state, step, "succeeded", fact.at);
      return;
    case "step.failed":
      expect(fact, step, "running");
      step.failure = {
        code: fact.code,
        message: fact.message,
        ...(fact.hint === undefined ? {} : { hint: fact.hint }),
      };
      step.checks = fact.checks ?? [];
      if (fact.effect !== "none" && step.step.kind === "apply") {
        if (fact.effect === "applied") state.changed = true;
        step.endedAt = fact.at;
        setStatus(state, step, "unsettled");
      } else failedOnce(state, step, fact.at);
      return;
    case "step.process":
      step.processes.push({ process: fact.process, mark: fact.mark });
      return;
    case "step.reaped":
      step.processes.length = 0;
      if (fact.left.length > 0 && step.status === "unsettled") {
        state.changed = true;
        step.summary = leftText(fact.left);
        unclear(state, step, step.summary, fact.at);
      }
      return;
    case "step.settled":
      expect(fact, step, "unsettled");
      settled(state, step, fact.state, fact.summary, fact.at);
      return;
    case "step.retried":
      if (canDecide(step, "retry")) reopen(state, step);
      return;
    case "step.skipped":
      if (!canDecide(step, "skip")) return;
      step.summary = `skipped: ${fact.reason}`;
      step.retryAt = undefined;
      end(state, step, "skipped", fact.at);
      clearFailure(state, step.step.id);
  }
}

function settled(
  state: RunState,
  step: StepState,
  found: StepState["settled"],
  summary: string,
  at: number,
): void {
  step.settled = found;
  step.summary = summary;
  step.askedAgain = false;
  if (found !== "not-applied") state.changed = true;
  if (found === "applied") end(state, step, "succeeded", at);
  else if (found === "unknown") unclear(state, step, summary, at);
  else if (step.failure === undefined) setStatus(state, step, "ready");
  else failedOnce(state, step, at);
}

/** Not even the world could say. The step says what to do then; a person is asked where it says nothing. */
function unclear(state: RunState, step: StepState, summary: string, at: number): void {
  const { onIndeterminate = "ask" } = step.step;
  if (onIndeterminate === "ask") {
    undecided(state, step, summary, at);
    return;
  }
  if (onIndeterminate === "retry" && step.failure === undefined) {
    setStatus(state, step, "ready");
    return;
  }
  if (onIndeterminate === "retry") {
    failedOnce(state, step, at);
    return;
  }
  step.failure ??= { code: "RUN_STOPPED", message: summary };
  end(state, step, "failed", at);
  noteFailure(state, step);
}

const leftText = (left: readonly ProcessIdentity[]): string =>
  `${left.map(({ pid, host }) => `process ${pid} on ${host}`).join(", ")} may still be at work`;

/** Puts it to a person; but what may fail without stopping the line does not stop it by being unclear either (H64). */
function undecided(state: RunState, step: StepState, summary: string, at: number): void {
  if (step.step.onFailure === "stop") {
    setStatus(state, step, "undecided");
    noteFailure(state, step);
  } else {
    step.failure ??= { code: "RUN_STOPPED", message: summary };
    end(state, step, "failed", at);
  }
}

/** A failure without effect, or one whose effect is known to be missing: again after a pause, or for good. */
function failedOnce(state: RunState, step: StepState, at: number): void {
  if (step.aborted === "line-stopped") {
    setStatus(state, step, "ready");
    return;
  }
  step.failures++;
  const final =
    step.aborted === "cancelled" || step.aborted === "deadline" || step.failures > step.step.retries;
  if (!final) {
    step.retryAt = at + backoffMs(step.failures);
    setStatus(state, step, "ready");
    return;
  }
  end(state, step, "failed", at);
  noteFailure(state, step);
}

function noteFailure(state: RunState, step: StepState): void {
  const failure = stopping(step);
  if (failure !== undefined) state.firstFailure ??= { step: step.step.id, failure };
}

/** Why the line stands at this step, if it does. */
function stopping(step: StepState): StepFailure | undefined {
  const { id, onFailure } = step.step;
  if (step.status === "failed" && onFailure === "stop") return step.failure;
  if (step.status !== "undecided") return undefined;
  const hint = `backout retry ${id} or backout skip ${id}`;
  return { code: "RUN_STOPPED", message: step.summary ?? "its end is not known", hint };
}

/** Whatever an earlier owner left running is of unknown end now, except where looking again is harmless. */
function takeOver(state: RunState, at: number): void {
  if (state.status !== "running") {
    state.timeFrom = at;
    if (state.paused !== undefined) state.paused = { ...state.paused, at };
  }
  state.status = "running";
  state.startedAt ??= at;
  for (const id of [...state.running]) {
    const step = stepOf(state, id);
    step.failure = undefined;
    setStatus(state, step, step.step.kind === "apply" ? "unsettled" : "ready");
  }
  for (const id of [...state.undecided]) {
    const step = stepOf(state, id);
    step.askedAgain = true;
    setStatus(state, step, "unsettled");
    clearFailure(state, id);
  }
}

function reopen(state: RunState, step: StepState): void {
  if (step.status === "failed") state.remaining++;
  step.failures = 0;
  step.retryAt = undefined;
  step.failure = undefined;
  setStatus(state, step, "ready");
  clearFailure(state, step.step.id);
}

/** The line may still stand because of another step. */
function clearFailure(state: RunState, id: string): void {
  if (state.firstFailure?.step !== id) return;
  state.firstFailure = undefined;
  for (const other of [...state.failed, ...state.undecided]) noteFailure(state, stepOf(state, other));
}

/**
 * Ends a step and lets those go that waited for it, once. A failed step that stops the line lets nobody go; neither
 * does a failed check, since what waits for checks (unfencing) must not happen unverified.
 */
function end(state: RunState, step: StepState, status: "succeeded" | "failed" | "skipped", at: number): void {
  if (step.status !== "failed") state.remaining--;
  step.endedAt = at;
  setStatus(state, step, status);
  const holds = status === "failed" && (step.step.onFailure === "stop" || step.step.kind !== "apply");
  if (holds || step.released) return;
  step.released = true;
  for (const id of state.dependants.get(step.step.id) ?? []) release(state, id);
  const left = (state.openInPhase.get(step.step.phase) ?? 0) - 1;
  state.openInPhase.set(step.step.phase, left);
  if (left === 0) for (const id of state.phaseDependants.get(step.step.phase) ?? []) release(state, id);
}

function release(state: RunState, id: string): void {
  const step = stepOf(state, id);
  step.open--;
  if (step.open === 0 && step.status === "waiting") setStatus(state, step, "ready");
}

const indexed = ["ready", "running", "unsettled", "undecided", "failed"] as const;

function setStatus(state: RunState, step: StepState, status: StepStatus): void {
  const { id } = step.step;
  for (const name of indexed) {
    if (name === step.status) state[name].delete(id);
    if (name === status) state[name].add(id);
  }
  if (step.status === "ready" || status === "ready") noteReady(state, step, status === "ready");
  step.status = status;
}

function noteReady({ readyOf, resting }: RunState, { step, retryAt }: StepState, isReady: boolean): void {
  const { id, subject } = step;
  const siblings = readyOf.get(subject) ?? new Set();
  if (isReady) readyOf.set(subject, siblings.add(id));
  else if (siblings.delete(id) && siblings.size === 0) readyOf.delete(subject);
  if (isReady && retryAt !== undefined) resting.add(id);
  else resting.delete(id);
}

function stepOf(state: RunState, id: string): StepState {
  const step = state.steps.get(id);
  if (step === undefined) throw corrupt(`the journal speaks of step "${id}", which the plan does not have`);
  return step;
}

function expect(fact: StepFact, step: StepState, status: StepStatus): void {
  if (step.status === status) return;
  throw corrupt(
    `fact ${fact.seq}, ${fact.type} of "${fact.step}", cannot follow: the step is ${step.status}`,
  );
}

const corrupt = (message: string): BackoutError =>
  new BackoutError("STATE_CORRUPT", message, { hint: "backout history --verify" });
