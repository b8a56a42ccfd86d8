import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Plan, PlanStep } from "../../src/core/plan/plan.js";

import { executeRun } from "../../src/engine/execute-run.js";
import type { StepCall, StepEnd, StepPerformer } from "../../src/engine/perform-step.js";
import { localProcesses } from "../../src/platform/process-identity.js";
import { systemClock } from "../../src/platform/system-clock.js";
import { openJournal } from "../../src/storage/journal.js";
import { type Figure, figure } from "../figure.js";
import { inTurn } from "../timed.js";

const steps = 1_000;

/** Steps that do nothing, one after another, journaled on disk: what is left is the engine's own cost. */
export async function running(): Promise<Figure[]> {
  const rounds = await inTurn(5, async () => ({ run: await runOnce(), shell: shellOnce() }));
  const perStep = rounds.map(({ run }) => run / steps);
  const shell = rounds.map(({ shell: ms }) => ms / steps);
  const ratio = rounds.map(({ run, shell: ms }) => run / ms);
  return [
    figure({
      area: "run",
      figure: "overhead per step",
      unit: "ms",
      values: perStep,
      most: 1,
      against: `${steps} steps in a chain, each fact on disk`,
    }),
    figure({
      area: "run",
      figure: "sh -c true",
      unit: "ms",
      values: shell,
      against: `${steps} calls, one after another`,
    }),
    figure({
      area: "run",
      figure: "step against sh -c true",
      unit: "times",
      values: ratio,
      most: 1,
      against: "the same rounds",
    }),
  ];
}

async function runOnce(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "backout-bench-"));
  try {
    const journal = await openJournal(folder);
    const run = { id: "run-bench", system: "bench", environment: "default", plan: chain() };
    const owner = localProcesses.identify(process.pid) ?? { pid: process.pid, started: "", host: "" };
    const { lease } = await journal.acquire(
      { scope: "bench/default", run: run.id, owner, expires: Date.now() + 600_000 },
      () => true,
    );
    await journal.createRun(run, [
      {
        seq: 1,
        at: Date.now(),
        actor: "bench",
        type: "run.requested",
        planDigest: "",
        scenario: "all",
        reason: "measuring",
      },
    ]);
    const started = performance.now();
    const state = await executeRun({ journal, clock: systemClock, run, lease, performer: nothing });
    const ms = performance.now() - started;
    if (state.remaining > 0) throw new Error(`${state.remaining} steps of the run did not end`);
    await journal.close();
    return ms;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function shellOnce(): number {
  const started = performance.now();
  for (let index = 0; index < steps; index++) spawnSync("sh", ["-c", "true"]);
  return performance.now() - started;
}

const done = async ({ step, attempt }: StepCall): Promise<StepEnd> => ({
  type: "step.succeeded",
  step: step.id,
  attempt,
  summary: "",
  changed: true,
  ms: 0,
});
const nothing: StepPerformer = { perform: done, settle: done };

function chain(): Plan {
  const all = Array.from(
    { length: steps },
    (_, index): PlanStep => ({
      id: `t.s${index}`,
      kind: "apply",
      subject: "t",
      driver: "none",
      operation: `s${index}`,
      title: "do nothing",
      phase: "restore",
      needs: index === 0 ? [] : [`t.s${index - 1}`],
      awaits: [],
      input: {},
      impact: {},
      expectedMs: 0,
      timeoutMs: 60_000,
      retries: 0,
      onFailure: "stop",
    }),
  );
  return {
    version: 1,
    digest: "",
    system: "bench",
    environment: "default",
    scenario: "all",
    strategy: "restore",
    targets: {},
    checks: {},
    steps: all,
    estimate: { durationMs: 0, criticalPath: [], downtimeMs: 0 },
    warnings: [],
    objectives: {},
  };
}
