import { BackoutError } from "../core/errors.js";
import type { TakenFrom } from "../core/run/fact.js";
import type { Lease, RunRecord } from "../core/run/run-journal.js";
import { leaseMs } from "../engine/keep-lease.js";
import { unfinishedRun } from "./find-run.js";
import { leaseScope, type Services } from "./services.js";

export interface TakenLease {
  readonly lease: Lease;
  /** Whose it had been, unless that one had given it back. */
  readonly from?: TakenFrom;
}

/**
 * The right to roll this environment back, or a LOCKED error that says who has it. `takeOver`: also from somebody who
 * is at work.
 */
export async function takeLease(services: Services, run: string, takeOver = false): Promise<TakenLease> {
  const { journal, playbook, owner, clock, processes, actor } = services;
  const scope = leaseScope(playbook);
  const want = { scope, run, owner, expires: clock.now() + leaseMs };
  let from: TakenFrom | undefined;
  const { taken, lease } = await journal.acquire(want, (holder) => {
    if (isFree(services, holder)) {
      from = { owner: holder.owner, why: processes.alive(holder.owner) === false ? "dead" : "expired" };
      return true;
    }
    from = { owner: holder.owner, why: "told", by: actor };
    return takeOver;
  });
  if (taken) return { lease, ...(from === undefined ? {} : { from }) };
  const { host, pid } = lease.owner;
  throw new BackoutError(
    "LOCKED",
    `${scope}: run "${lease.run}" is being executed by process ${pid} on ${host}`,
    {
      effect: "none",
      hint: "backout status; backout rollback joins it when it asks for the same scenario",
    },
  );
}

/** A run is recorded right after its lease was taken. Milliseconds. */
const recordedWithin = 10_000;

/** The run that is in progress, which one can follow. */
export async function runInProgress(services: Services): Promise<RunRecord | undefined> {
  const { journal, clock } = services;
  const began = clock.monotonic();
  for (;;) {
    const id = await runningRun(services);
    if (id === undefined) return undefined;
    try {
      return await journal.run(id);
    } catch (error) {
      const early = error instanceof BackoutError && error.code === "NOT_FOUND";
      if (!early || clock.monotonic() - began > recordedWithin) throw error;
      await clock.sleep(50);
    }
  }
}

/** Expired, or its process is known to be dead. */
export function isFree({ clock, processes }: Pick<Services, "clock" | "processes">, holder: Lease): boolean {
  return holder.expires <= clock.now() || processes.alive(holder.owner) === false;
}

/** Whether somebody is executing the run right now, or will as soon as there is a controller. */
export async function placeOf(services: Services, run: string): Promise<"queued" | "running" | undefined> {
  if (services.queue !== undefined) return services.queue.place(run);
  const lease = await services.journal.lease(leaseScope(services.playbook));
  return lease === undefined || isFree(services, lease) || lease.run !== run ? undefined : "running";
}

/** Id of the run that somebody is executing right now, or will as soon as there is a controller. */
export async function runningRun(services: Services): Promise<string | undefined> {
  if (services.queue !== undefined) {
    const open = await unfinishedRun(services);
    return open !== undefined && (await placeOf(services, open.run.id)) !== undefined
      ? open.run.id
      : undefined;
  }
  const lease = await services.journal.lease(leaseScope(services.playbook));
  return lease === undefined || isFree(services, lease) ? undefined : lease.run;
}

export const inProgress = ({ id, plan }: RunRecord): BackoutError =>
  new BackoutError("LOCKED", `run "${id}" (${plan.scenario}) is in progress`, {
    effect: "none",
    hint: "backout status; backout rollback joins it when it asks for the same scenario",
  });

export const cameFirst = ({ id, plan }: RunRecord): BackoutError =>
  new BackoutError("LOCKED", `run "${id}" (${plan.scenario}) came first`, {
    effect: "none",
    hint: "backout status; then plan again, since it has changed what is there",
  });
