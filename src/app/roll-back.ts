import { BackoutError } from "../core/errors.js";
import type { JsonObject } from "../core/json.js";
import type { Plan } from "../core/plan/plan.js";
import type { Fact, FactBody } from "../core/run/fact.js";
import { project } from "../core/run/project.js";
import type { Lease, RunRecord } from "../core/run/run-journal.js";
import { executeRun, type RunListener } from "../engine/execute-run.js";
import { stepPerformer } from "../engine/perform-step.js";
import { type FoundRun, lastRun, loadRun, unfinishedRun } from "./find-run.js";
import { askQueued, followQueued, isQueued, submitRun } from "./queued-run.js";
import { cameFirst, inProgress, placeOf, runningRun, takeLease } from "./run-lease.js";
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
    ...(request.trigger === undefined ? {} : { trigger: request.trigger }),
  };
  const newest = async (): Promise<string | undefined> => (await lastRun(services))?.run.id;
  const seen = request.seen ?? { run: await newest() };
  if (isQueued(services)) {
    if (seen.run === (await newest())) await refuseUnfinished(services);
    return submitRun(services, run, requested, { ...request, seen: seen.run });
  }
  return withLease(services, run.id, async (lease) => {
    const came = await newest();
    if (came !== undefined && came !== seen.run) return joinNewer(services, plan, came, request);
    await refuseUnfinished(services);
    await journal.createRun(run, [requested]);
    request.onRun?.(run);
    return execute(services, run, lease, [], request);
  });
}

/** A run that came after the plan had been made did what was asked for, or made the plan stale. */
async function joinNewer(services: Services, plan: Plan, id: string, events: RunEvents): Promise<FoundRun> {
  const run = await services.journal.run(id);
  if (run.plan.scenario !== plan.scenario) throw cameFirst(run);
  return followRun(services, id, events);
}

/** Goes on with the run that is not finished. What failed is tried again; what is of unknown end is asked first. */
export async function resumeRun(
  services: Services,
  events: RunEvents & { readonly reason: string },
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
  return withLease(services, run.id, (lease) => execute(services, run, lease, retried, events));
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
  return withLease(services, run.id, (lease) => execute(services, run, lease, [fact], events));
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
  return withLease(services, run.id, (lease) => execute(services, run, lease, [fact], events));
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

async function openRun(services: Services): Promise<FoundRun> {
  const open = await unfinishedRun(services);
  if (open !== undefined) return open;
  throw new BackoutError("NOT_FOUND", "no run is waiting: the last one is finished, or there was none", {
    effect: "none",
    hint: "backout history",
  });
}

async function refuseUnfinished(services: Services): Promise<void> {
  const open = await unfinishedRun(services);
  if (open === undefined) return;
  const { run, state } = open;
  if ((await placeOf(services, run.id)) !== undefined) throw inProgress(run);
  const fact =
    state.status === "stopped"
      ? `stopped at ${state.firstFailure?.step ?? "its deadline"}`
      : "was left unfinished";
  throw new BackoutError(
    "REFUSED",
    `run "${run.id}" (${run.plan.scenario}) ${fact}; a second one would get in its way`,
    {
      effect: "none",
      hint: "backout resume, or backout cancel and then again",
    },
  );
}

async function withLease<Result>(
  services: Services,
  run: string,
  work: (lease: Lease) => Promise<Result>,
): Promise<Result> {
  const lease = await takeLease(services, run);
  try {
    return await work(lease);
  } finally {
    await services.journal.release(lease);
  }
}

export async function execute(
  services: Services,
  run: RunRecord,
  lease: Lease,
  first: readonly Decision[],
  events: RunEvents,
): Promise<FoundRun> {
  const { journal, clock, checkpoints } = services;
  const { checkpoint } = run.plan;
  const loaded = checkpoint === undefined ? undefined : await checkpoints.load(checkpoint.id);
  const performer = stepPerformer(stepWorld(services, loaded));
  await executeRun({ ...events, journal, clock, run, lease, performer, first });
  return await loadRun(services, run.id);
}
