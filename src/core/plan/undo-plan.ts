import { contentDigest } from "../content-digest.js";
import type { Observation, StepSpec, TargetDriver, UndoObservation } from "../driver.js";
import { BackoutError, type Problem, problem } from "../errors.js";
import { project } from "../run/project.js";
import { doneWork, type JournaledRun, type TargetWork } from "./done-work.js";
import { estimate } from "./estimate.js";
import type { PlanResult } from "./make-plan.js";
import { orderSteps } from "./order-steps.js";
import type { Plan, PlannedTarget, PlanStep } from "./plan.js";
import { checkSteps, targetSteps, verifyStep } from "./plan-steps.js";
import { specsWithQuiesced } from "./quiesced-specs.js";
import { reverse, usesOf } from "./uses.js";

export interface UndoRequest {
  readonly run: JournaledRun;
  /** Later runs of the same system and environment that changed something: which targets. */
  readonly later: readonly { readonly run: string; readonly targets: readonly string[] }[];
  readonly drivers: ReadonlyMap<string, TargetDriver>;
  /** Of every target of the run: what its driver's `undo` saw, or for those that were only restarted its `observe`. */
  readonly observations: Readonly<Record<string, Observation | UndoObservation>>;
  /** Why some could not be looked at. */
  readonly unseen: readonly Problem[];
  /** The checkpoint of the run, where it is still there. */
  readonly checkpoint: Plan["checkpoint"] | undefined;
  /** Ask the checks that the run had. */
  readonly checks: boolean;
}

/** Why the run cannot be taken back, as far as the journal alone tells. Empty: look at the world, then plan. */
function undoRefusals({ run, later, drivers }: Pick<UndoRequest, "run" | "later" | "drivers">): Problem[] {
  const { id, plan, facts } = run;
  const state = project(plan, facts);
  if (state.status !== "finished") {
    return [problem(id, "the run is not finished", "backout resume, or backout cancel; then again")];
  }
  const work = doneWork(run);
  const worked = [...work].filter(([, one]) => hasWork(one));
  if (worked.length === 0 && ![...work.values()].some(({ leftStopped }) => leftStopped)) {
    const fact = state.changed ? "the run only restarted things" : "the run changed nothing";
    return [problem(id, `${fact}, so there is nothing to take back`, "backout history shows the other runs")];
  }
  return worked.flatMap(([name, { work: done, unclear }]): Problem[] => {
    const { driver: driverId } = plan.targets[name] as PlannedTarget;
    const blocking = later.find(({ targets }) => targets.includes(name));
    return [
      ...plan.steps
        .filter(({ subject, operation, impact }) =>
          subject === name && impact.irreversible !== undefined
            ? done.steps.some((step) => step.operation === operation)
            : false,
        )
        .map(({ id: step, impact }) =>
          problem(step, `cannot be taken back: ${impact.irreversible}`, "bring the new version out again"),
        ),
      ...unclear.map((step) =>
        problem(step, "nobody knows whether it has happened", `backout report ${id}, then look yourself`),
      ),
      ...(blocking === undefined
        ? []
        : [
            problem(
              name,
              `run "${blocking.run}" has changed it since`,
              `backout rollback --undo ${blocking.run} takes that one back`,
            ),
          ]),
      ...(drivers.get(driverId)?.undo === undefined
        ? [
            problem(
              name,
              `the driver ${driverId} cannot take back what it did`,
              "bring the new version out again",
            ),
          ]
        : []),
    ];
  });
}

const hasWork = ({ work, unclear }: TargetWork): boolean => work.steps.length + unclear.length > 0;

/**
 * Pure: the plan that takes a run back, from the run's own plan and facts, and from what its steps kept. Problems are all
 * that stands against it.
 */
export function makeUndoPlan(request: UndoRequest): PlanResult {
  const problems = [...undoRefusals(request), ...request.unseen];
  if (problems.length > 0) return { problems };
  const { plan, id } = request.run;
  const work = doneWork(request.run);
  const names = Object.keys(plan.targets).filter((name) => Object.hasOwn(request.observations, name));
  const refused: Problem[] = [];
  const specs = specsWithQuiesced(names, reverse(usesOf(plan)), (name, quiesce) => {
    try {
      return specsOf(request, name, work.get(name) as TargetWork, quiesce);
    } catch (error) {
      if (!(error instanceof BackoutError)) throw error;
      if (!refused.some(({ path, message }) => path === name && message === error.message)) {
        refused.push(problem(name, error.message, error.hint));
      }
      return [];
    }
  });
  if (refused.length > 0) return { problems: refused };
  const taken = names.filter((name) => isTakenBack(work.get(name)) && (specs.get(name) ?? []).length > 0);
  if (taken.length === 0 && ![...work.values()].some(({ leftStopped }) => leftStopped)) {
    return {
      problems: [problem(id, "everything is as before the run already, there is nothing to take back")],
    };
  }
  const checks = request.checks
    ? plan.steps.filter(({ kind }) => kind === "check").map(({ subject }) => subject)
    : [];
  const steps = orderSteps([
    ...targetSteps(plan, specs),
    ...taken.map((name) =>
      verifyStep(name, plan.targets[name]?.driver ?? "", "compare with what was there before the run"),
    ),
    ...checkSteps(plan, checks),
  ]);
  return { plan: assemble(request, work, names, taken, steps, checks) };
}

const isTakenBack = (work: TargetWork | undefined): boolean => (work?.work.steps.length ?? 0) > 0;

function specsOf(
  { run: { plan }, drivers, observations }: UndoRequest,
  name: string,
  { work, restarted, stopped }: TargetWork,
  quiesce: boolean,
): readonly StepSpec[] {
  const target = plan.targets[name] as PlannedTarget;
  const driver = drivers.get(target.driver) as TargetDriver;
  const observed = observations[name] as UndoObservation;
  const options = driver.options.parse(target.with);
  // Who is stopped and started again needs no restart besides.
  const restart = restarted && !(quiesce && stopped);
  const intent = { restore: false, quiesce, restart, keep: [] };
  if (work.steps.length > 0 && driver.undo !== undefined) {
    return driver.undo.plan({ done: work, observed, options, intent: { ...intent, restore: true } });
  }
  if (!quiesce && !restarted) return [];
  return driver.plan({ captured: target.captured, restoreMs: undefined, observed, options, intent });
}

function assemble(
  { run, checkpoint, observations }: UndoRequest,
  work: ReadonlyMap<string, TargetWork>,
  names: readonly string[],
  taken: readonly string[],
  steps: readonly PlanStep[],
  checks: readonly string[],
): Plan {
  const { plan, id } = run;
  const { approval, escalate, onFailure, limits } = plan;
  const body: Omit<Plan, "digest"> = {
    version: 1,
    system: plan.system,
    environment: plan.environment,
    scenario: plan.scenario,
    undoes: id,
    strategy: plan.strategy,
    ...(plan.change === undefined ? {} : { change: plan.change }),
    ...(checkpoint === undefined ? {} : { checkpoint }),
    targets: Object.fromEntries(
      names.map((name): [string, PlannedTarget] => {
        const { driver, with: options, uses, captured } = plan.targets[name] as PlannedTarget;
        const { identity, summary, ...more } = observations[name] as UndoObservation;
        const since = Math.max(...(work.get(name)?.work.steps ?? []).map(({ endedAt }) => endedAt));
        const restore = taken.includes(name);
        return [
          name,
          {
            driver,
            with: options,
            uses,
            ...(captured === undefined ? {} : { captured }),
            ...(restore ? { since } : {}),
            restore,
            keep: [],
            from: { identity, summary },
            ...(restore ? { to: more.to } : {}),
          },
        ];
      }),
    ),
    checks: Object.fromEntries(
      checks.flatMap((name) => (plan.checks[name] === undefined ? [] : [[name, plan.checks[name]]])),
    ),
    steps,
    estimate: estimate(steps, undefined),
    warnings: [],
    objectives: {},
    ...(plan.timeoutMs === undefined ? {} : { timeoutMs: plan.timeoutMs }),
    ...(approval === undefined ? {} : { approval }),
    ...(escalate === undefined ? {} : { escalate }),
    ...(onFailure === undefined ? {} : { onFailure }),
    ...(limits === undefined ? {} : { limits }),
  };
  return { digest: contentDigest(body), ...body };
}
