import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Plan } from "../src/core/plan/plan.js";
import type { Fact } from "../src/core/run/fact.js";
import type { RunState } from "../src/core/run/run-state.js";
import { executeRun, type RunListener } from "../src/engine/execute-run.js";
import type { StepCall, StepEnd, StepPerformer } from "../src/engine/perform-step.js";
import { localProcesses } from "../src/platform/process-identity.js";
import { systemClock as clock } from "../src/platform/system-clock.js";
import { openJournal } from "../src/storage/journal.js";

/** A folder for the time of the work. */
export async function inFolder<Result>(work: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), "backout-bench-"));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const id = "run-bench";

const done = async ({ step, attempt }: StepCall): Promise<StepEnd> => ({
  type: "step.succeeded",
  step: step.id,
  attempt,
  summary: "",
  changed: true,
  ms: 0,
});

/** Steps that do nothing: what is left is the engine's own cost. */
export const nothing: StepPerformer = { perform: done, settle: done };

export interface RunOptions extends RunListener {
  readonly performer?: StepPerformer;
  readonly interrupt?: AbortSignal;
}

/** Begins the run in the folder's journal, or goes on with the one that is there. Every fact is on disk. */
export async function runPlan(
  folder: string,
  plan: Plan | undefined,
  options: RunOptions = {},
): Promise<RunState> {
  const journal = await openJournal(folder);
  const owner = localProcesses.identify(process.pid) ?? { pid: process.pid, started: "", host: "" };
  const want = { scope: "bench/default", run: id, owner, expires: clock.now() + 600_000 };
  const { lease } = await journal.acquire(want, () => true);
  if (plan !== undefined) {
    const { digest: planDigest, scenario } = plan;
    const asked = { seq: 1, at: clock.now(), actor: "bench" };
    const requested: Fact = { ...asked, type: "run.requested", planDigest, scenario, reason: "measuring" };
    await journal.createRun({ id, system: "bench", environment: "default", plan }, [requested]);
  }
  const run = await journal.run(id);
  const state = await executeRun({ performer: nothing, ...options, journal, clock, run, lease });
  await journal.release(lease);
  await journal.close();
  return state;
}

/** Where it must have come to its end. */
export function ended(state: RunState): void {
  const { remaining, firstFailure } = state;
  if (remaining > 0)
    throw new Error(`${remaining} steps did not end: ${firstFailure?.failure.message ?? ""}`);
}
