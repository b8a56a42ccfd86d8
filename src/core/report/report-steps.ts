import type { Fact, FactOf } from "../run/fact.js";
import type { RunState, StepState } from "../run/run-state.js";
import type { ReportCheck, ReportStep } from "./report-types.js";

/** Each step with all of its attempts, in the plan's order. */
export function reportSteps(state: RunState, facts: readonly Fact[]): ReportStep[] {
  const histories = new Map<string, StepHistory>();
  for (const fact of facts) {
    if (!("step" in fact) || fact.step === undefined) continue;
    const history = histories.get(fact.step) ?? { log: [], settled: [] };
    histories.set(fact.step, history);
    if (fact.type === "step.started") history.startedAt ??= fact.at;
    if (fact.type === "step.succeeded" || fact.type === "step.failed") history.log.push(...(fact.log ?? []));
    if (fact.type === "step.settled") history.settled.push(fact);
  }
  return [...state.steps.values()].map((step) => reportStep(step, histories.get(step.step.id)));
}

interface StepHistory {
  startedAt?: number;
  readonly log: string[];
  readonly settled: FactOf<"step.settled">[];
}

function reportStep(state: StepState, history: StepHistory | undefined): ReportStep {
  const { id, title, phase, kind, expectedMs } = state.step;
  const { status, attempt, endedAt, summary, failure } = state;
  const startedAt = history?.startedAt;
  const ended = status === "succeeded" || status === "failed" || status === "skipped" ? endedAt : undefined;
  const final = status === "succeeded" || status === "skipped" ? undefined : failure;
  return {
    id,
    title,
    phase,
    kind,
    status,
    attempts: attempt,
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(ended === undefined ? {} : { endedAt: ended }),
    ...(startedAt === undefined || ended === undefined ? {} : { durationMs: ended - startedAt }),
    expectedMs,
    ...(summary === undefined ? {} : { summary }),
    ...(final === undefined ? {} : { failure: { ...final } }),
    settled: (history?.settled ?? []).map(({ at, attempt: which, state: found, summary: said }) => ({
      at,
      attempt: which,
      state: found,
      summary: said,
    })),
    log: history?.log ?? [],
  };
}

/** Every single result of the verifying steps. A step without any says itself what became of it. */
export function reportChecks(state: RunState): ReportCheck[] {
  return [...state.steps.values()]
    .filter(({ step }) => step.kind !== "apply")
    .flatMap(({ step, status, checks, failure, summary }): ReportCheck[] => {
      if (checks.length > 0) return checks.map((check) => ({ ...check, step: step.id }));
      const measured = status === "succeeded" || status === "failed";
      const message = failure?.message ?? summary;
      return [
        {
          step: step.id,
          name: step.title,
          result: measured ? "error" : "not-run",
          ...(message === undefined ? {} : { message }),
        },
      ];
    });
}
