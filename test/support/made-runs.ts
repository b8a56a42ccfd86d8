import { contentDigest } from "../../src/core/content-digest.js";
import type { Plan, PlanStep } from "../../src/core/plan/plan.js";
import type { Lease, RunJournal, RunRecord } from "../../src/core/run/run-journal.js";
import type { StepCall, StepEnd, StepPerformer } from "../../src/engine/perform-step.js";

/** Runs of hand-made plans, for the engine's tests. */

export function step(id: string, more: Partial<PlanStep> = {}): PlanStep {
  const [subject = id, operation = "do"] = id.split(".");
  return {
    id,
    kind: "apply",
    subject,
    driver: "test",
    operation,
    title: `do ${id}`,
    phase: "restore",
    needs: [],
    awaits: [],
    input: {},
    impact: {},
    expectedMs: 10,
    timeoutMs: 30_000,
    retries: 0,
    onFailure: "stop",
    ...more,
  };
}

export function planOf(steps: readonly PlanStep[], more: Partial<Plan> = {}): Plan {
  const body: Omit<Plan, "digest"> = {
    version: 1,
    system: "shop",
    environment: "live",
    scenario: "back",
    strategy: "restore",
    targets: {},
    checks: {},
    steps,
    estimate: { durationMs: 0, criticalPath: [], downtimeMs: 0 },
    warnings: [],
    objectives: {},
    ...more,
  };
  return { digest: contentDigest(body), ...body };
}

export async function requestRun(
  journal: RunJournal,
  plan: Plan,
  now: number,
): Promise<{ run: RunRecord; lease: Lease }> {
  const run: RunRecord = { id: "run-1", system: plan.system, environment: plan.environment, plan };
  const { digest: planDigest, scenario } = plan;
  await journal.createRun(run, [
    { seq: 1, at: now, actor: "ann", type: "run.requested", planDigest, scenario, reason: "test" },
  ]);
  return { run, lease: await takeLease(journal, run, now) };
}

/** Takes it from whoever has it. */
export async function takeLease(journal: RunJournal, run: RunRecord, now: number): Promise<Lease> {
  const owner = { pid: process.pid, started: "", host: "here" };
  const scope = `${run.system}/${run.environment}`;
  const taken = await journal.acquire({ scope, run: run.id, owner, expires: now + 15_000 }, () => true);
  return taken.lease;
}

export const succeeded = ({ step: { id }, attempt }: StepCall): StepEnd => ({
  type: "step.succeeded",
  step: id,
  attempt,
  summary: "done",
  changed: true,
  ms: 1,
});

export const failed = (
  { step: { id }, attempt }: StepCall,
  effect: "none" | "applied" | "unknown",
): StepEnd => ({
  type: "step.failed",
  step: id,
  attempt,
  code: "COMMAND_FAILED",
  message: `${id}: it failed`,
  effect,
  ms: 1,
});

export const settled = (
  { step: { id }, attempt }: StepCall,
  state: "applied" | "not-applied" | "unknown",
): StepEnd => ({ type: "step.settled", step: id, attempt, state, summary: state });

type Work = (call: StepCall) => Promise<StepEnd>;

/** Does for each step what is given for it; the others succeed at once. */
export const performing = (
  work: Readonly<Record<string, Work>>,
  settle: Work = async (call) => settled(call, "not-applied"),
): StepPerformer => ({
  perform: async (call) => (work[call.step.id] ?? (async () => succeeded(call)))(call),
  settle,
});
