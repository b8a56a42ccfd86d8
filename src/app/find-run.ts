import { BackoutError } from "../core/errors.js";
import { project } from "../core/run/project.js";
import type { RunRecord } from "../core/run/run-journal.js";
import type { RunState } from "../core/run/run-state.js";
import type { Services } from "./services.js";

export interface FoundRun {
  readonly run: RunRecord;
  readonly state: RunState;
}

type Journaled = Pick<Services, "journal" | "playbook">;

export function loadRun({ journal }: Journaled, id: string): FoundRun {
  const run = journal.run(id);
  return { run, state: project(run.plan, journal.facts(id)) };
}

/** The newest run, whatever became of it. */
export function lastRun(services: Journaled): FoundRun | undefined {
  const { system, environment } = services.playbook;
  const id = services.journal.runIds(system, environment).at(-1);
  return id === undefined ? undefined : loadRun(services, id);
}

/** The run that is not finished: being executed, stopped or left by a dead process. There is at most one. */
export function unfinishedRun(services: Journaled): FoundRun | undefined {
  const last = lastRun(services);
  return last === undefined || last.state.status === "finished" ? undefined : last;
}

/** By id, by a unique beginning of it, or the newest. Throws NOT_FOUND. */
export function findRun(services: Journaled, id: string | undefined): FoundRun {
  if (id === undefined || id === "latest") {
    const last = lastRun(services);
    if (last !== undefined) return last;
    throw new BackoutError("NOT_FOUND", "there has been no run yet", {
      effect: "none",
      hint: "backout rollback",
    });
  }
  const { system, environment } = services.playbook;
  const matching = services.journal.runIds(system, environment).filter((one) => one.startsWith(id));
  const [only] = matching;
  if (only !== undefined && (matching.length === 1 || only === id)) return loadRun(services, only);
  const fact = matching.length === 0 ? "there is no such run" : `${matching.length} runs begin like this`;
  throw new BackoutError("NOT_FOUND", `run "${id}": ${fact}`, { effect: "none", hint: "backout history" });
}
