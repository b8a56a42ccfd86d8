import type { DoneStep, DoneWork, Phase } from "../driver.js";
import type { Fact } from "../run/fact.js";
import { project } from "../run/project.js";
import type { StepState } from "../run/run-state.js";
import type { Plan } from "./plan.js";

export interface JournaledRun {
  readonly id: string;
  readonly plan: Plan;
  readonly facts: readonly Fact[];
}

/** What a run did to one target. */
export interface TargetWork {
  /** To be taken back; no steps where it was only stopped, started or restarted. */
  readonly work: DoneWork;
  /** It was stopped, started or restarted, or may have been. */
  readonly restarted: boolean;
  readonly stopped: boolean;
  /** Stopped, and not known to have been started again. */
  readonly leftStopped: boolean;
  /** Steps of which nobody knows whether they have happened. */
  readonly unclear: readonly string[];
}

const letsGo: readonly Phase[] = ["quiesce", "resume"];

/** Of every target of the plan. */
export function doneWork({ id, plan, facts }: JournaledRun): Map<string, TargetWork> {
  const states = [...project(plan, facts).steps.values()].filter(({ step }) => step.kind === "apply");
  const data = new Map(
    facts.flatMap((fact) => (fact.type === "step.succeeded" && fact.data ? [[fact.step, fact.data]] : [])),
  );
  const idle = unchanged(facts);
  return new Map(
    Object.entries(plan.targets).map(([name, target]): [string, TargetWork] => {
      const own = states.filter(({ step }) => step.subject === name);
      const done = own.filter((state) => state.status === "succeeded" && !idle.has(state.step.id));
      const began = (phase: Phase): boolean =>
        own.some(({ step, attempt }) => attempt > 0 && step.phase === phase);
      const resumed = own.filter(({ step }) => step.phase === "resume");
      return [
        name,
        {
          work: { captured: target.captured, left: target.from, steps: done.flatMap(doneStep(id, data)) },
          restarted: began("quiesce") || began("resume"),
          stopped: began("quiesce"),
          leftStopped: began("quiesce") && resumed.some(({ status }) => status !== "succeeded"),
          unclear: own
            .filter((state) => isUnclear(state) && !letsGo.includes(state.step.phase))
            .map(({ step }) => step.id),
        },
      ];
    }),
  );
}

const doneStep =
  (run: string, data: ReadonlyMap<string, DoneStep["data"]>) =>
  ({ step, endedAt = 0 }: StepState): DoneStep[] => {
    if (letsGo.includes(step.phase)) return [];
    const told = data.get(step.id);
    return [
      {
        operation: step.operation,
        phase: step.phase,
        key: `${run}/${step.id}`,
        input: step.input,
        ...(told === undefined ? {} : { data: told }),
        endedAt,
      },
    ];
  };

/** Steps that at once found nothing to do. On a later attempt that may mean that an earlier one had done it. */
const unchanged = (facts: readonly Fact[]): Set<string> =>
  new Set(
    facts.flatMap((fact) =>
      fact.type === "step.succeeded" && !fact.changed && fact.attempt === 1 ? [fact.step] : [],
    ),
  );

/** Begun, ended otherwise than well, and not known to have left nothing. */
const isUnclear = ({ status, attempt, settled }: StepState): boolean =>
  attempt > 0 && status !== "succeeded" && (settled === "partial" || settled === "unknown");

/** Targets that the run changed other than by letting go of something, or may have. */
export const touched = (run: JournaledRun): string[] =>
  [...doneWork(run)].flatMap(([name, { work, unclear }]) =>
    work.steps.length + unclear.length > 0 ? [name] : [],
  );
