import type { DataLoss } from "../driver.js";
import type { Plan } from "../plan/plan.js";
import type { Fact, FactOf } from "../run/fact.js";
import { project } from "../run/project.js";
import type { RunState, StepState } from "../run/run-state.js";
import { lossText } from "./data-lost.js";
import { exitStatus } from "./exit-status.js";
import { factText } from "./fact-text.js";
import { measureRpo, measureRto } from "./report-objectives.js";
import { reportChecks, reportSteps } from "./report-steps.js";
import type { PlanSummary, Report, ReportLoss, ReportTarget } from "./report-types.js";

export type { Report } from "./report-types.js";

export interface ReportInput {
  readonly run: { readonly id: string; readonly plan: Plan };
  readonly facts: readonly Fact[];
}

/** Pure: the same facts give the same report, whenever and wherever it is asked for. */
export function makeReport({ run, facts }: ReportInput): Report {
  const { plan } = run;
  const state = project(plan, facts);
  const requested = facts.find(
    (fact): fact is FactOf<"run.requested"> & Fact => fact.type === "run.requested",
  );
  const { lost, planned } = dataLost(state, facts);
  const exit = exitStatus(state);
  return {
    version: 1,
    run: run.id,
    system: plan.system,
    environment: plan.environment,
    scenario: plan.scenario,
    strategy: plan.strategy,
    ...(plan.undoes === undefined ? {} : { undoes: plan.undoes }),
    ...(plan.change === undefined ? {} : { change: plan.change }),
    ...(plan.fallback === undefined ? {} : { fallback: plan.fallback }),
    plan: planSummary(plan),
    ...(requested === undefined
      ? {}
      : { requested: { at: requested.at, by: requested.actor, reason: requested.reason } }),
    ...times(state, facts),
    ...(requested?.trigger === undefined ? {} : { trigger: requested.trigger }),
    status: state.status,
    ...(state.outcome === undefined ? {} : { outcome: state.outcome }),
    ...message(facts),
    ...(exit === undefined ? {} : { exitStatus: exit }),
    changed: state.changed,
    ...firstFailure(state, facts),
    targets: Object.entries(plan.targets).map(
      ([name, target]): ReportTarget => ({
        name,
        driver: target.driver,
        restored: target.restore,
        before: target.from.summary,
        ...(target.to === undefined ? {} : { after: target.to.summary }),
      }),
    ),
    steps: reportSteps(state, facts),
    checks: reportChecks(state),
    changes: happened(state).flatMap(({ step, certain }) =>
      (step.impact.changes ?? []).map((change) => ({ ...change, step: step.id, certain })),
    ),
    dataLost: lost,
    ...(planned === undefined ? {} : { dataLostPlanned: planned }),
    irreversible: irreversible(state),
    rto: measureRto(state, requested?.trigger),
    rpo: measureRpo(state, lost),
    timeline: facts.map((fact) => ({ at: fact.at, actor: fact.actor, ...factText(fact) })),
  };
}

function planSummary({ digest, checkpoint, steps, estimate, warnings }: Plan): PlanSummary {
  return {
    digest,
    ...(checkpoint === undefined ? {} : { checkpoint }),
    steps: steps.length,
    expectedMs: estimate.durationMs,
    downtimeMs: estimate.downtimeMs,
    ...(estimate.promisedMs === undefined ? {} : { promisedMs: estimate.promisedMs }),
    warnings: warnings.map(({ path, message: text }) => `${path}: ${text}`),
  };
}

function times({ startedAt, endedAt }: RunState, facts: readonly Fact[]): Partial<Report> {
  const last = endedAt ?? facts.at(-1)?.at;
  return {
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(endedAt === undefined ? {} : { endedAt }),
    ...(startedAt === undefined || last === undefined ? {} : { durationMs: last - startedAt }),
  };
}

function message(facts: readonly Fact[]): { message?: string } {
  const last = facts.findLast((fact) => fact.type === "run.finished" || fact.type === "run.stopped");
  return last?.message === undefined ? {} : { message: last.message };
}

function firstFailure(state: RunState, facts: readonly Fact[]): Pick<Report, "firstFailure"> {
  const id = state.firstFailure?.step ?? firstFinal(state);
  const failure =
    state.firstFailure?.failure ?? (id === undefined ? undefined : state.steps.get(id)?.failure);
  if (id === undefined || failure === undefined) return {};
  const step = state.steps.get(id);
  const told = facts.findLast(
    (fact): fact is FactOf<"step.failed"> & Fact => fact.type === "step.failed" && fact.step === id,
  );
  const undecided = step?.status === "undecided" ? step.summary : undefined;
  const { code, message: text, hint } = told ?? failure;
  return {
    firstFailure: {
      step: id,
      code,
      message: text,
      ...(hint === undefined ? {} : { hint }),
      ...(undecided === undefined || undecided === text ? {} : { undecided }),
    },
  };
}

const firstFinal = (state: RunState): string | undefined =>
  [...state.steps.values()]
    .filter(({ status, failure }) => status === "failed" && failure !== undefined)
    .toSorted((a, b) => (a.endedAt ?? 0) - (b.endedAt ?? 0))[0]?.step.id;

interface Happened {
  readonly step: StepState["step"];
  readonly certain: boolean;
}

/** Steps that have changed the world, or may have: a step that is known not to have happened is not among them. */
function happened(state: RunState): Happened[] {
  return [...state.steps.values()].flatMap(({ step, status, attempt, settled }): Happened[] => {
    if (step.kind !== "apply" || attempt === 0) return [];
    if (status === "succeeded") return [{ step, certain: true }];
    const open = status === "running" || status === "unsettled" || status === "undecided";
    const left = settled === "partial" || settled === "unknown";
    return open || left ? [{ step, certain: false }] : [];
  });
}

/** What a step itself has counted goes before what its plan had: that one is as old as the plan. */
function dataLost(
  state: RunState,
  facts: readonly Fact[],
): { readonly lost: readonly ReportLoss[]; readonly planned: readonly ReportLoss[] | undefined } {
  const counted = new Map<string, readonly DataLoss[]>();
  for (const fact of facts) {
    if (fact.type === "step.succeeded" && fact.loses !== undefined) counted.set(fact.step, fact.loses);
  }
  const losses = (pick: (step: StepState["step"]) => readonly DataLoss[]): ReportLoss[] =>
    happened(state).flatMap(({ step, certain }) =>
      pick(step).map((loss) => ({ ...loss, step: step.id, target: step.subject, certain })),
    );
  const planned = losses(({ impact }) => impact.loses ?? []);
  const lost = losses(({ id, impact }) => counted.get(id) ?? impact.loses ?? []);
  return { lost, planned: lossText(lost) === lossText(planned) ? undefined : planned };
}

function irreversible(state: RunState): Report["irreversible"] {
  const touched = new Map(happened(state).map(({ step, certain }) => [step.id, certain]));
  return state.plan.steps.flatMap(({ id, impact }) =>
    impact.irreversible === undefined ? [] : [{ step: id, why: impact.irreversible, done: touched.has(id) }],
  );
}
