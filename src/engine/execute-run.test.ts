import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  failed,
  performing,
  planOf,
  requestRun,
  settled,
  step,
  succeeded,
  takeLease,
} from "../../test/support/made-runs.js";
import type { Plan } from "../core/plan/plan.js";
import type { RunState } from "../core/run/run-state.js";
import { systemClock as clock } from "../platform/system-clock.js";
import { type Journal, openJournal } from "../storage/journal.js";
import { type ExecuteRunOptions, executeRun } from "./execute-run.js";
import type { StepCall, StepEnd, StepPerformer } from "./perform-step.js";

let folder: string;
let journal: Journal;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "backout-engine-"));
  journal = await openJournal(folder);
});
afterEach(async () => {
  await journal.close();
  rmSync(folder, { recursive: true });
});

type More = Partial<Omit<ExecuteRunOptions, "journal" | "performer">>;

async function execute(plan: Plan, performer: StepPerformer, more: More = {}): Promise<RunState> {
  const { run, lease } = await requestRun(journal, plan, clock.now());
  return executeRun({ journal, clock, run, lease, performer, ...more });
}

async function resume(performer: StepPerformer, more: More = {}): Promise<RunState> {
  const run = await journal.run("run-1");
  const lease = await takeLease(journal, run, clock.now());
  return executeRun({ journal, clock, run, lease, performer, ...more });
}

const types = async (): Promise<string[]> =>
  (await journal.facts("run-1")).map((fact) => ("step" in fact ? `${fact.type} ${fact.step}` : fact.type));

/** Never ends by itself: only when told to, and then as it is told. */
const hanging =
  (end: (call: StepCall) => StepEnd = (call) => failed(call, "unknown")) =>
  async (call: StepCall): Promise<StepEnd> => {
    await clock.sleep(60_000, call.signal).catch(() => {});
    return end(call);
  };

const checkStep = step("check.health", {
  kind: "check",
  phase: "check",
  awaits: ["restore"],
  onFailure: "continue",
});

test("a started fact is on disk, for every other process, before its effect begins", async () => {
  const other = await openJournal(folder);
  const file = join(folder, "effects");
  const effect = async (call: StepCall): Promise<StepEnd> => {
    const seen = (await other.facts(call.run)).filter((fact) => fact.type === "step.started");
    expect(seen.map((fact) => fact.step)).toContain(call.step.id);
    appendFileSync(file, `${call.step.id}\n`);
    return succeeded(call);
  };
  const steps = [step("a"), step("b"), step("c", { needs: ["a", "b"] }), checkStep];
  const state = await execute(planOf(steps), performing({ a: effect, b: effect, c: effect }));
  await other.close();
  expect(state.outcome).toBe("verified");
  expect(readFileSync(file, "utf8").trim().split("\n")).toEqual(["a", "b", "c"]);
  expect(await types()).toEqual([
    "run.requested",
    "run.owned",
    "step.started a",
    "step.started b",
    "step.succeeded a",
    "step.succeeded b",
    "step.started c",
    "step.succeeded c",
    "step.started check.health",
    "step.succeeded check.health",
    "run.finished",
  ]);
});

test.each([
  { limits: { total: 3, perTarget: 9, perDriver: 9 }, most: 3 },
  { limits: { total: 9, perTarget: 2, perDriver: 9 }, most: 4 },
  { limits: { total: 9, perTarget: 9, perDriver: 5 }, most: 5 },
])("as much runs at once as $limits allow, and no more", async ({ limits, most }) => {
  let now = 0;
  let peak = 0;
  const work = async (call: StepCall): Promise<StepEnd> => {
    peak = Math.max(peak, ++now);
    await clock.sleep(15);
    now--;
    return succeeded(call);
  };
  const steps = Array.from({ length: 12 }, (_, index) => step(`t${index % 2}.s${index}`));
  await execute(planOf(steps), performing(Object.fromEntries(steps.map(({ id }) => [id, work]))), { limits });
  expect(peak).toBe(most);
});

test("steps that wait for a place after a failed attempt do not keep the others from ending", async () => {
  const steps = [step("t.a", { retries: 1 }), step("t.b")];
  const work = {
    "t.a": async (call: StepCall) => (call.attempt === 1 ? failed(call, "none") : succeeded(call)),
    "t.b": async (call: StepCall) => clock.sleep(1_500).then(() => succeeded(call)),
  };
  const limits = { total: 1, perTarget: 1, perDriver: 1 };
  const state = await execute(planOf(steps), performing(work), { limits });
  expect((await types()).filter((type) => type.startsWith("step.started"))).toEqual([
    "step.started t.a",
    "step.started t.b",
    "step.started t.a",
  ]);
  expect(state.remaining).toBe(0);
});

test("a step that takes too long is told to end, asked what became of it, and tried again", async () => {
  const work = {
    a: async (call: StepCall) => (call.attempt === 1 ? hanging()(call) : succeeded(call)),
  };
  await execute(planOf([step("a", { timeoutMs: 50, retries: 1 })]), performing(work));
  expect((await types()).slice(2)).toEqual([
    "step.started a",
    "step.aborted a",
    "step.failed a",
    "step.settled a",
    "step.started a",
    "step.succeeded a",
    "run.finished",
  ]);
});

test("the time for the whole run ends what runs; resumed, the run gets its time anew", async () => {
  const plan = planOf([step("a"), step("b", { needs: ["a"] })], { timeoutMs: 60 });
  const first = await execute(plan, performing({ b: hanging() }));
  expect([first.status, first.firstFailure?.step]).toEqual(["stopped", "b"]);
  const second = await resume(performing({}), {
    first: [{ type: "step.retried", step: "b", reason: "again", actor: "ann" }],
  });
  expect(second.status).toBe("finished");
});

test("a cancel request of another process reaches a running step and is answered once", async () => {
  const other = await openJournal(folder);
  const work = {
    a: async (call: StepCall) => {
      await other.request(call.run, { type: "cancel", actor: "ben@there", reason: "wrong scenario" });
      return hanging((ended) => failed(ended, "none"))(call);
    },
  };
  const started = clock.monotonic();
  const state = await execute(planOf([step("a"), step("b", { needs: ["a"] })]), performing(work));
  expect(clock.monotonic() - started).toBeLessThan(3_000);
  expect([state.outcome, state.cancelled, state.changed]).toEqual(["cancelled", "wrong scenario", false]);
  expect((await journal.facts("run-1")).find((fact) => fact.type === "run.cancel-requested")?.actor).toBe(
    "ben@there",
  );
  expect(await other.requests("run-1")).toEqual([]);
  expect(await types()).not.toContain("step.started b");
  await other.close();
});

test("requests that have no meaning (any more) are taken away and change nothing", async () => {
  const person = { actor: "ann", reason: "?" };
  const work = {
    a: async (call: StepCall) => {
      await journal.request(call.run, { type: "skip", step: "no-such-step", ...person });
      await journal.request(call.run, { type: "skip", step: "a", ...person });
      await journal.request(call.run, { type: "retry", step: "a", ...person });
      await clock.sleep(600);
      return succeeded(call);
    },
  };
  const state = await execute(planOf([step("a")]), performing(work));
  expect(state.steps.get("a")?.status).toBe("succeeded");
  expect(await journal.requests("run-1")).toEqual([]);
  expect((await types()).filter((type) => /retried|skipped/.test(type))).toEqual([]);
});

test("interrupted: nothing further starts, what runs ends and is recorded, the run stays resumable", async () => {
  const interrupt = new AbortController();
  const work = {
    a: async (call: StepCall) => {
      interrupt.abort();
      await clock.sleep(30);
      return succeeded(call);
    },
  };
  const plan = planOf([step("a"), step("b", { needs: ["a"] }), checkStep]);
  const state = await execute(plan, performing(work), { interrupt: interrupt.signal });
  expect([state.status, state.steps.get("a")?.status, state.steps.get("b")?.status]).toEqual([
    "running",
    "succeeded",
    "ready",
  ]);
  expect((await resume(performing({}))).outcome).toBe("verified");
  expect((await types()).filter((type) => type === "step.started a")).toHaveLength(1);
});

test("interrupted during the last step, the run is finished all the same", async () => {
  const interrupt = new AbortController();
  const work = {
    a: async (call: StepCall) => {
      interrupt.abort();
      return succeeded(call);
    },
  };
  const state = await execute(planOf([step("a")]), performing(work), { interrupt: interrupt.signal });
  expect(state.status).toBe("finished");
});

test("killed: running steps are ended at once; resumed, they are asked before they run again", async () => {
  const kill = new AbortController();
  const file = join(folder, "effect");
  let ended = false;
  const work = {
    a: async (call: StepCall) => {
      appendFileSync(file, "x");
      setTimeout(() => kill.abort(), 20);
      return hanging((told) => {
        ended = true;
        return failed(told, "unknown");
      })(call);
    },
  };
  await expect(
    execute(planOf([step("a"), checkStep]), performing(work), { kill: kill.signal }),
  ).rejects.toMatchObject({
    code: "INTERRUPTED",
  });
  expect(ended).toBe(true);
  const settle = async (call: StepCall) => settled(call, existsSync(file) ? "applied" : "not-applied");
  const state = await resume(performing(work, settle));
  expect([state.outcome, readFileSync(file, "utf8")]).toEqual(["verified", "x"]);
});

test("once another process has taken over, nothing is recorded any more and what runs is ended", async () => {
  let told: unknown;
  let taken = 0;
  const work = {
    a: async (call: StepCall) => {
      call.signal.addEventListener("abort", () => (told = call.signal.reason));
      await takeLease(journal, await journal.run("run-1"), clock.now());
      taken = (await journal.facts("run-1")).length;
      return succeeded(call);
    },
    b: hanging(),
  };
  const steps = [step("a"), step("b")];
  await expect(execute(planOf(steps), performing(work))).rejects.toMatchObject({ code: "FENCED" });
  expect(await journal.facts("run-1")).toHaveLength(taken);
  expect(told).toBeUndefined();
});

test("a lost lease ends a run that has nothing to record", { timeout: 20_000 }, async () => {
  let told: unknown;
  const work = {
    a: async (call: StepCall) => {
      await takeLease(journal, await journal.run("run-1"), clock.now());
      return hanging((ended) => {
        told = call.signal.reason;
        return failed(ended, "unknown");
      })(call);
    },
  };
  await expect(execute(planOf([step("a")]), performing(work))).rejects.toMatchObject({ code: "FENCED" });
  expect(told).toMatchObject({ code: "INTERRUPTED" });
  expect((await types()).at(-1)).toBe("step.started a");
});

test("the lease of a long step is renewed", { timeout: 20_000 }, async () => {
  let before = 0;
  let after = 0;
  const work = {
    a: async (call: StepCall) => {
      before = (await journal.lease("shop/live"))?.expires ?? 0;
      await clock.sleep(5_600);
      after = (await journal.lease("shop/live"))?.expires ?? 0;
      return succeeded(call);
    },
  };
  await execute(planOf([step("a")]), performing(work));
  expect(after - before).toBeGreaterThan(4_000);
});

/** Time passes a thousand times faster where the engine waits, so that its patience can be tested. */
const hasty = {
  ...clock,
  sleep: (ms: number, signal?: AbortSignal) => clock.sleep(ms > 1000 ? ms / 500 : ms, signal),
};

test("a step that does not end when told is given up: put to a person, not started beside itself", async () => {
  let settles = 0;
  let release = (): void => {};
  const work = {
    a: (call: StepCall) => new Promise<StepEnd>((resolve) => (release = () => resolve(succeeded(call)))),
  };
  const settle = async (call: StepCall): Promise<StepEnd> => {
    settles++;
    return settled(call, "not-applied");
  };
  const plan = planOf([step("a", { timeoutMs: 40, retries: 3 })]);
  const state = await execute(plan, performing(work, settle), { clock: hasty });
  release();
  expect([state.status, state.steps.get("a")?.status, settles]).toEqual(["stopped", "undecided", 0]);
  expect((await types()).filter((type) => type === "step.started a")).toHaveLength(1);
});

test("a driver that does not answer what became of a step is not waited for for ever", async () => {
  const settle = (): Promise<StepEnd> => new Promise(() => {});
  const plan = planOf([step("a", { timeoutMs: 40 })]);
  const state = await execute(plan, performing({ a: async (call) => failed(call, "unknown") }, settle), {
    clock: hasty,
  });
  expect([state.status, state.firstFailure?.failure.message]).toEqual(["stopped", "no answer in time"]);
});

test("an optional step of unknown end does not stop the line (H64)", async () => {
  const optional = step("keep.dump", { phase: "preserve", onFailure: "continue", retries: 2 });
  const settle = async (call: StepCall) => settled(call, "unknown");
  const plan = planOf([optional, step("a", { needs: ["keep.dump"] }), checkStep]);
  const state = await execute(
    plan,
    performing({ "keep.dump": async (call) => failed(call, "unknown") }, settle),
  );
  expect([state.outcome, state.steps.get("keep.dump")?.status]).toEqual(["verified", "failed"]);
});

test("a performer that breaks its word ends the run as an error, not the process", async () => {
  const work = { a: async () => Promise.reject(new Error("a bug")) };
  await expect(execute(planOf([step("a")]), performing(work))).rejects.toThrow("a bug");
});

test("a finished run is not touched again", async () => {
  await execute(planOf([step("a")]), performing({}));
  const before = await types();
  expect((await resume(performing({}))).status).toBe("finished");
  expect(await types()).toEqual(before);
});

test("a thousand steps one after another all come to their end", async () => {
  const count = 1_000;
  const steps = Array.from({ length: count }, (_, index) =>
    step(`t${index}`, { needs: index === 0 ? [] : [`t${index - 1}`] }),
  );
  const state = await execute(planOf(steps), performing({}));
  expect(state).toMatchObject({ remaining: 0, status: "finished" });
});
