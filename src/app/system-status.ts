import type { Checkpoint } from "../core/checkpoint/manifest.js";
import { proofStanding } from "../core/checkpoint/proof-record.js";
import type { ProofLevel } from "../core/driver.js";
import { exitStatus } from "../core/report/exit-status.js";
import { type RunNotice, runNotices } from "../core/report/run-notices.js";
import type { Owner } from "../core/run/fact.js";
import type { RunState } from "../core/run/run-state.js";
import { lastRun } from "./find-run.js";
import { placeOf } from "./run-lease.js";
import type { Services } from "./services.js";

export interface SystemStatus {
  readonly system: string;
  readonly environment: string;
  /** The newest run, if there was one. */
  readonly run?: {
    readonly id: string;
    readonly scenario: string;
    /** `queued`: no controller has begun it, or gone on with it. `abandoned`: its process died; `backout resume` goes on. */
    readonly state: "queued" | "running" | "stopped" | "abandoned" | "finished";
    readonly outcome?: string;
    /** Exit status that the command had; absent while it goes on. */
    readonly exit: number | null;
    readonly at: number;
    readonly endedAt?: number;
    readonly steps: { readonly done: number; readonly all: number };
    readonly owner?: Owner;
    readonly failure?: { readonly step: string; readonly message: string; readonly hint?: string };
    /** That it waits for an approval, is paused, has escalated. */
    readonly notices?: readonly RunNotice[];
  };
  /** Checkpoints that cannot be read, of whatever system they are. */
  readonly damaged?: readonly string[];
  /** The newest checkpoint, and how well its parts are proven now. */
  readonly checkpoint?: {
    readonly id: string;
    readonly at: number;
    readonly change?: string;
    readonly parts: Readonly<Record<string, { level: ProofLevel; expired: boolean; failed: boolean }>>;
  };
}

export async function systemStatus(services: Services): Promise<SystemStatus> {
  const { system, environment } = services.playbook;
  const { checkpoints, damaged } = await services.checkpoints.list({ system, environment });
  const newest = checkpoints.at(-1);
  const run = await newestRun(services);
  return {
    system,
    environment,
    ...(run === undefined ? {} : { run }),
    ...(newest === undefined ? {} : { checkpoint: await checkpointStatus(services, newest) }),
    ...(damaged.length === 0 ? {} : { damaged: damaged.map(({ id }) => id) }),
  };
}

async function newestRun(services: Services): Promise<SystemStatus["run"]> {
  const last = await lastRun(services);
  if (last === undefined) return undefined;
  const { run, state } = last;
  const place = state.status === "finished" ? undefined : await placeOf(services, run.id);
  const owner = place === "running" ? state.owner : undefined;
  const { firstFailure, status, outcome, endedAt } = state;
  const notices = runNotices(state, services.clock.now());
  return {
    id: run.id,
    scenario: run.plan.scenario,
    state: status === "finished" ? "finished" : (place ?? (status === "stopped" ? "stopped" : "abandoned")),
    exit: exitStatus(state) ?? null,
    at: state.requestedAt ?? 0,
    steps: { done: doneSteps(state), all: run.plan.steps.length },
    ...(outcome === undefined ? {} : { outcome }),
    ...(endedAt === undefined ? {} : { endedAt }),
    ...(owner === undefined ? {} : { owner }),
    ...(notices.length === 0 ? {} : { notices }),
    ...(firstFailure === undefined ? {} : { failure: { step: firstFailure.step, ...firstFailure.failure } }),
  };
}

/** As the report counts them: what failed is over, but not done. */
const doneSteps = ({ steps }: RunState): number =>
  [...steps.values()].filter(({ status }) => status === "succeeded" || status === "skipped").length;

async function checkpointStatus(
  services: Services,
  checkpoint: Checkpoint,
): Promise<NonNullable<SystemStatus["checkpoint"]>> {
  const proofs = await services.checkpoints.proofs(checkpoint.id);
  const more = { now: services.clock.now(), expireMs: services.playbook.proofs.expire };
  const parts = Object.keys(checkpoint.parts).map((name) => {
    const { level, expired, failed } = proofStanding(proofs[name] ?? [], more);
    return [name, { level, expired, failed }] as const;
  });
  const { id, at, change } = checkpoint;
  return { id, at, ...(change === undefined ? {} : { change }), parts: Object.fromEntries(parts) };
}
