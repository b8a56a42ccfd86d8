import { BackoutError } from "../core/errors.js";
import type { Lease, RunRecord } from "../core/run/run-journal.js";
import { leaseMs } from "../engine/keep-lease.js";
import { unfinishedRun } from "./find-run.js";
import { leaseScope, type Services } from "./services.js";

/** The right to roll this environment back, or a LOCKED error that says who has it. */
export async function takeLease(services: Services, run: string): Promise<Lease> {
  const { journal, playbook, owner, clock } = services;
  const scope = leaseScope(playbook);
  const want = { scope, run, owner, expires: clock.now() + leaseMs };
  const { taken, lease } = await journal.acquire(want, (holder) => isFree(services, holder));
  if (taken) return lease;
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
