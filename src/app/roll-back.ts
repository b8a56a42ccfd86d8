import { BackoutError } from "../core/errors.js";
import type { JsonObject } from "../core/json.js";
import type { Plan } from "../core/plan/plan.js";
import { sameAim } from "../core/plan/same-aim.js";
import type { Fact, FactBody } from "../core/run/fact.js";
import { project } from "../core/run/project.js";
import type { Lease, RunRecord } from "../core/run/run-journal.js";
import { executeRun, type RunListener } from "../engine/execute-run.js";
import { stepPerformer } from "../engine/perform-step.js";
import { type FoundRun, lastRun, loadRun, unfinishedRun } from "./find-run.js";
import { askQueued, followQueued, isQueued, submitRun } from "./queued-run.js";
import { cameFirst, inProgress, placeOf, runningRun, type TakenLease, takeLease } from "./run-lease.js";
import type { Services } from "./services.js";
import { stepWorld } from "./step-world.js";

export interface RunEvents extends RunListener {
  /** No further step starts; the run stays resumable. */
  readonly interrupt?: AbortSignal;
  /** Running steps are ended as well. */
  readonly kill?: AbortSignal;
}

export interface RollbackRequest extends RunEvents {
  readonly reason: string;
  /** What made a trigger fire. */
  readonly trigger?: JsonObject;
  /** The caller's own name for this request. */
  readonly request?: string;
  /** The newest run there was when the plan was made. Where there is a newer one, that is joined. */
  readonly seen?: { readonly run: string | undefined };
  readonly onRun?: (run: RunRecord) => void;
}

type Decision = FactBody & { readonly actor: string };

/** Executes a plan as a new run. Refuses while another run of this environment is not finished. */
export async function rollBack(services: Services, plan: Plan, request: RollbackRequest): Promise<FoundRun> {
  const { journal, playbook, clock, ids, actor } = services;
  const run: RunRecord = {
    id: ids.next("run"),
    system: playbook.system,
    environment: playbook.environment,
    plan,
  };
  const requested: Fact = {
    seq: 1,
    at: clock.now(),
    actor,
    type: "run.requested",
    planDigest: plan.digest,
    scenario: plan.scenario,
    reason: request.reason,
    ...(request.request === undefined ? {} : { request: request.request }),
    ...(request.trigger === undefined ? {} : { trigger: request.trigger }),
  };
  const newest = async (): Promise<string | undefined> => (await lastRun(services))?.run.id;
  const seen = request.seen ?? { run: await newest() };
  if (isQueued(services)) {
    if (seen.run === (await newest())) {
      const stood = await refuseUnfinished(services, plan);
      if (stood !== undefined) {
        const reason = fallbackReason(plan, run.id);
        await askQueued(services, stood, [{ type: "cancel", actor, reason }], {});
      }
    }
    return submitRun(services, run, requested, { ...request, seen: seen.run });
  }
  return withLease(services, run.id, async ({ lease }) => {
    const came = await newest();
    if (came !== undefined && came !== seen.run) return joinNewer(services, plan, came, request);
    const stood = await refuseUnfinished(services, plan);
    if (stood !== undefined) await endStopped(services, stood, lease, fallbackReason(plan, run.id));
    await journal.createRun(run, [requested]);
    request.onRun?.(run);
    return execute(services, run, { lease }, [], request);
  });
}

const fallbackReason = ({ scenario }: Plan, run: string): string =>
  `"${scenario}" goes on instead, as run ${run}`;

/** Whoever stands still has nothing at work: it can be ended without being executed. */
async function endStopped(
  { journal, clock, actor }: Services,
  { run, state }: FoundRun,
  lease: Lease,
  reason: string,
): Promise<void> {
  const envelope = (after: number) => ({ seq: state.lastSeq + after, at: clock.now(), actor });
  const facts: Fact[] = [
    { ...envelope(1), type: "run.cancel-requested", reason },
    { ...envelope(2), type: "run.finished", outcome: "cancelled", message: reason },
  ];
  await journal.append(run.id, facts, lease);
}

/** A run that came after the plan had been made did what was asked for, or made the plan stale. */
async function joinNewer(services: Services, plan: Plan, id: string, events: RunEvents): Promise<FoundRun> {
  const run = await services.journal.run(id);
  if (!sameAim(run.plan, plan)) throw cameFirst(run);
  return followRun(services, id, events);
}

/** Goes on with the run that is not finished. What failed is tried again; what is of unknown end is asked first. */
export async function resumeRun(
  services: Services,
  events: RunEvents & { readonly reason: string; readonly takeOver?: boolean },
): Promise<FoundRun> {
  const open = await openRun(services);
  const { run, state } = open;
  const retried = [...state.steps.values()]
    .filter((step) => step.status === "failed" && step.step.onFailure === "stop")
    .map(
      (step): Decision => ({
        type: "step.retried",
        step: step.step.id,
        reason: events.reason,
        actor: services.actor,
      }),
    );
  if (isQueued(services)) {
    const { reason } = events;
    const { actor } = services;
    const requests = retried.flatMap((fact) =>
      "step" in fact ? [{ type: "retry", step: fact.step ?? "", actor, reason } as const] : [],
    );
    return askQueued(services, open, requests, events);
  }
  const work = async (taken: TakenLease): Promise<FoundRun> => {
    if (taken.from?.why === "told") await services.clock.sleep(letGoMs);
    return execute(services, run, taken, retried, events);
  };
  return withLease(services, run.id, work, events.takeOver);
}

/** Tries one step again, or goes on without it; then with the rest of the run. */
export async function decideStep(
  services: Services,
  decision: { readonly type: "retry" | "skip"; readonly step: string; readonly reason: string },
  events: RunEvents,
): Promise<FoundRun> {
  const found = await openRun(services);
  const { run, state } = found;
  const step = state.steps.get(decision.step);
  const open = [...state.steps.values()].filter(
    ({ status }) => status === "failed" || status === "undecided",
  );
  if (step === undefined || !open.includes(step)) {
    const fact =
      step === undefined ? "the run has no such step" : `it is ${step.status}, there is nothing to decide`;
    throw new BackoutError("REFUSED", `${decision.step}: ${fact}`, {
      effect: "none",
      hint: `waiting for a decision: ${open.map((one) => one.step.id).join(", ") || "none; backout resume"}`,
    });
  }
  if (isQueued(services)) {
    return askQueued(services, found, [{ ...decision, actor: services.actor }], events);
  }
  const type = decision.type === "retry" ? "step.retried" : "step.skipped";
  const fact: Decision = { type, step: decision.step, reason: decision.reason, actor: services.actor };
  return withLease(services, run.id, (taken) => execute(services, run, taken, [fact], events));
}

/** Ends the unfinished run: through the process that executes it where there is one, else here. */
export async function cancelRun(
  services: Services,
  events: RunEvents & { readonly reason: string },
): Promise<FoundRun> {
  const open = await openRun(services);
  const { run } = open;
  const { reason } = events;
  if (isQueued(services)) {
    return askQueued(services, open, [{ type: "cancel", actor: services.actor, reason }], events);
  }
  if ((await runningRun(services)) === run.id) {
    await services.journal.request(run.id, { type: "cancel", actor: services.actor, reason });
    return followRun(services, run.id, events);
  }
  const fact: Decision = { type: "run.cancel-requested", reason, actor: services.actor };
  return withLease(services, run.id, (taken) => execute(services, run, taken, [fact], events));
}

/** Watches a run that another process executes until it has finished, stopped, or lost its process. */
export async function followRun(services: Services, id: string, events: RunEvents): Promise<FoundRun> {
  if (isQueued(services)) return followQueued(services, id, events);
  const { journal, clock } = services;
  const run = await journal.run(id);
  const facts: Fact[] = [];
  let state = project(run.plan, facts);
  for (;;) {
    const alive = (await runningRun(services)) === id;
    const fresh = await journal.facts(id, facts.length);
    facts.push(...fresh);
    if (fresh.length > 0) state = project(run.plan, facts);
    for (const fact of fresh) events.onFact?.(fact, state);
    if (state.status === "finished" || state.status === "stopped" || !alive || events.interrupt?.aborted)
      break;
    await clock.sleep(100);
  }
  return { run, state };
}

/** Whoever is alive notices within a quarter of a second that the run was taken from it, and ends what it does. */
const letGoMs = 1_000;

/** What to go on with must be as it was written: on a shortened journal, steps would be done twice. */
async function openRun(services: Services): Promise<FoundRun> {
  const open = await unfinishedRun(services);
  if (open !== undefined) {
    const broken = await services.journal.brokenAt(open.run.id);
    if (broken === undefined) return open;
    throw new BackoutError(
      "STATE_CORRUPT",
      `run "${open.run.id}": fact ${broken} is not as it was written, or missing`,
      {
        effect: "none",
        hint: "backout history --verify; look at what is really there before anything else is started",
      },
    );
  }
  throw new BackoutError("NOT_FOUND", "no run is waiting: the last one is finished, or there was none", {
    effect: "none",
    hint: "backout history",
  });
}

/** Refuses, unless what stands still names this plan's scenario as its fallback: then that run, which has to end. */
export async function refuseUnfinished(
  services: Services,
  plan: Pick<Plan, "scenario">,
): Promise<FoundRun | undefined> {
  const seen = await unfinishedRun(services);
  if (seen === undefined) return undefined;
  if ((await placeOf(services, seen.run.id)) !== undefined) throw inProgress(seen.run);
  // Nobody executes it now: it may have been finished since it was looked at.
  const open = await unfinishedRun(services);
  if (open === undefined) return undefined;
  const { run, state } = open;
  if (run.id !== seen.run.id) throw inProgress(run);
  if (state.status === "stopped" && run.plan.fallback === plan.scenario) return open;
  const fact =
    state.status === "stopped"
      ? `stopped at ${state.firstFailure?.step ?? "its deadline"}`
      : "was left unfinished";
  throw new BackoutError(
    "REFUSED",
    `run "${run.id}" (${run.plan.scenario}) ${fact}; a second one would get in its way`,
    {
      effect: "none",
      hint:
        run.plan.fallback === undefined || state.status !== "stopped"
          ? "backout resume, or backout cancel and then again"
          : `backout resume, backout rollback ${run.plan.fallback}, or backout cancel and then again`,
    },
  );
}

async function withLease<Result>(
  services: Services,
  run: string,
  work: (taken: TakenLease) => Promise<Result>,
  takeOver = false,
): Promise<Result> {
  const taken = await takeLease(services, run, takeOver);
  let failed = true;
  try {
    const result = await work(taken);
    failed = false;
    return result;
  } finally {
    const released = services.journal.release(taken.lease);
    // What went wrong first is told. A lease that cannot be given back ends with its process.
    await (failed ? released.catch(() => {}) : released);
  }
}

export async function execute(
  services: Services,
  run: RunRecord,
  { lease, from }: TakenLease,
  first: readonly Decision[],
  events: RunEvents,
): Promise<FoundRun> {
  const { journal, clock, checkpoints, orphans } = services;
  const { checkpoint } = run.plan;
  const loaded = checkpoint === undefined ? undefined : await checkpoints.load(checkpoint.id);
  const performer = stepPerformer(stepWorld(services, loaded));
  const taken = { lease, ...(from === undefined ? {} : { from }) };
  await executeRun({ ...events, ...taken, journal, clock, run, performer, first, orphans });
  return await loadRun(services, run.id);
}
