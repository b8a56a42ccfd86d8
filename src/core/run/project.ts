import { BackoutError } from "../errors.js";
import type { Plan } from "../plan/plan.js";
import type { Fact } from "./fact.js";
import { initialState, type RunState, type StepState, type StepStatus } from "./run-state.js";

/** The state of a run after these facts: the same for any reader, at any time. */
export function project(plan: Plan, facts: readonly Fact[]): RunState {
  const state = initialState(plan);
  for (const fact of facts) advance(state, fact);
  return state;
}

/** Backs off 1, 2, 4 … s, at most 30 s. */
const backoffMs = (failures: number): number => Math.min(30_000, 1000 * 2 ** (failures - 1));

/** Moves a state on by the next fact, in place. Throws STATE_CORRUPT where the fact cannot follow. */
export function advance(state: RunState, fact: Fact): void {
  if (fact.seq !== state.lastSeq + 1) {
    throw new BackoutError("STATE_CORRUPT", `fact ${fact.seq} of the run follows fact ${state.lastSeq}`, {
      hint: "backout history --verify",
    });
  }
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

type StepFact = Extract<Fact, { step: string; type: `step.${string}` }>;

function advanceStep(state: RunState, step: StepState, fact: StepFact): void {
  switch (fact.type) {
    case "step.started":
      step.attempt = fact.attempt;
      step.startedAt = fact.at;
      step.endedAt = undefined;
      step.retryAt = undefined;
      step.aborted = undefined;
      setStatus(state, step, "running");
      return;
    case "step.aborted":
      step.aborted = fact.why;
      return;
    case "step.succeeded":
      step.summary = fact.summary;
      step.checks = fact.checks ?? [];
      if (fact.changed) state.changed = true;
      end(state, step, "succeeded", fact.at);
      return;
    case "step.failed":
      step.failure = {
        code: fact.code,
        message: fact.message,
        ...(fact.hint === undefined ? {} : { hint: fact.hint }),
      };
      step.checks = fact.checks ?? [];
      if (fact.effect !== "none" && step.step.kind === "apply") {
        state.changed = true;
        step.endedAt = fact.at;
        setStatus(state, step, "unsettled");
      } else failedOnce(state, step, fact.at);
      return;
    case "step.settled":
      settled(state, step, fact.state, fact.summary, fact.at);
      return;
    case "step.retried":
      step.failures = 0;
      step.retryAt = undefined;
      reopen(state, step);
      return;
    case "step.skipped":
      step.summary = `skipped: ${fact.reason}`;
      if (state.status === "stopped") state.status = "running";
      clearFailure(state, step.step.id);
      end(state, step, "skipped", fact.at);
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
  if (found === "applied") {
    state.changed = true;
    end(state, step, "succeeded", at);
  } else if (found === "unknown") {
    setStatus(state, step, "undecided");
    stopAt(state, step, {
      code: "RUN_STOPPED",
      message: summary,
      hint: `backout retry ${step.step.id} or backout skip ${step.step.id}`,
    });
  } else if (step.failure === undefined) {
    setStatus(state, step, "ready");
  } else failedOnce(state, step, at);
}

/** A failure without effect, or one whose effect is known to be missing: again after a pause, or for good. */
function failedOnce(state: RunState, step: StepState, at: number): void {
  step.failures++;
  const final =
    step.aborted === "cancelled" || step.aborted === "deadline" || step.failures > step.step.retries;
  if (!final) {
    step.retryAt = at + backoffMs(step.failures);
    setStatus(state, step, "ready");
    return;
  }
  end(state, step, "failed", at);
  if (step.step.onFailure === "stop" && step.failure !== undefined) stopAt(state, step, step.failure);
}

function stopAt(state: RunState, step: StepState, failure: NonNullable<StepState["failure"]>): void {
  state.firstFailure ??= { step: step.step.id, failure };
}

/** Whatever an earlier owner left running is of unknown end now, except where looking again is harmless. */
function takeOver(state: RunState, at: number): void {
  state.status = "running";
  state.startedAt ??= at;
  for (const id of [...state.running]) {
    const step = stepOf(state, id);
    step.failure = undefined;
    setStatus(state, step, step.step.kind === "apply" ? "unsettled" : "ready");
  }
  for (const id of [...state.undecided]) {
    clearFailure(state, id);
    setStatus(state, stepOf(state, id), "unsettled");
  }
}

function reopen(state: RunState, step: StepState): void {
  if (step.status !== "failed" && step.status !== "undecided") return;
  if (step.status === "failed") state.remaining++;
  clearFailure(state, step.step.id);
  if (state.status === "stopped") state.status = "running";
  step.failure = undefined;
  setStatus(state, step, "ready");
}

function clearFailure(state: RunState, id: string): void {
  if (state.firstFailure?.step === id) state.firstFailure = undefined;
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
  step.status = status;
}

function stepOf(state: RunState, id: string): StepState {
  const step = state.steps.get(id);
  if (step === undefined) {
    throw new BackoutError(
      "STATE_CORRUPT",
      `the journal speaks of step "${id}", which the plan does not have`,
    );
  }
  return step;
}
