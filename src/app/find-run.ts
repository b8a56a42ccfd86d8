import { BackoutError } from "../core/errors.js";
import type { RunRecord } from "../core/run/run-journal.js";
import type { RunState } from "../core/run/run-state.js";
import { recordedState } from "../engine/recorded-state.js";
import type { Services } from "./services.js";

export interface FoundRun {
  readonly run: RunRecord;
  readonly state: RunState;
}

type Journaled = Pick<Services, "journal" | "playbook">;

export async function loadRun({ journal }: Journaled, id: string): Promise<FoundRun> {
  const run = await journal.run(id);
  return { run, state: await recordedState(journal, run) };
}

/** The newest run, whatever became of it. */
export async function lastRun(services: Journaled): Promise<FoundRun | undefined> {
  const { system, environment } = services.playbook;
  const id = (await services.journal.runIds(system, environment)).at(-1);
  return id === undefined ? undefined : await loadRun(services, id);
}

/** The run that is not finished: being executed, stopped or left by a dead process. There is at most one. */
export async function unfinishedRun(services: Journaled): Promise<FoundRun | undefined> {
  const last = await lastRun(services);
  return last === undefined || last.state.status === "finished" ? undefined : last;
}

/** What unfinished runs go back to, those of other environments that share the state folder included. */
export async function checkpointsInUse(
  services: Pick<Services, "journal" | "checkpoints">,
): Promise<Set<string>> {
  const { journal, checkpoints } = services;
  const used = new Set<string>();
  const scopes = new Map<string, { readonly system: string; readonly environment: string }>();
  for (const one of (await checkpoints.list()).checkpoints)
    scopes.set(`${one.system}/${one.environment}`, one);
  for (const { system, environment } of scopes.values()) {
    const id = (await journal.runIds(system, environment)).at(-1);
    if (id === undefined) continue;
    const run = await journal.run(id);
    const { status } = await recordedState(journal, run);
    const { checkpoint } = run.plan;
    if (status !== "finished" && checkpoint !== undefined) used.add(checkpoint.id);
  }
  return used;
}

/** By id, by a unique beginning of it, or the newest. Throws NOT_FOUND. */
export async function findRun(services: Journaled, id: string | undefined): Promise<FoundRun> {
  if (id === undefined || id === "latest") {
    const last = await lastRun(services);
    if (last !== undefined) return last;
    throw new BackoutError("NOT_FOUND", "there has been no run yet", {
      effect: "none",
      hint: "backout rollback",
    });
  }
  const { system, environment } = services.playbook;
  const matching = (await services.journal.runIds(system, environment)).filter((one) => one.startsWith(id));
  const [only] = matching;
  if (only !== undefined && (matching.length === 1 || only === id)) return await loadRun(services, only);
  const fact = matching.length === 0 ? "there is no such run" : `${matching.length} runs begin like this`;
  throw new BackoutError("NOT_FOUND", `run "${id}": ${fact}`, { effect: "none", hint: "backout history" });
}
