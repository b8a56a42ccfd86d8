import { expect, test } from "vitest";
import * as z from "zod";
import { planOf, step } from "../../test/support/made-runs.js";
import type { Check, StepContext, TargetDriver } from "../core/driver.js";
import { BackoutError } from "../core/errors.js";
import type { PlanStep } from "../core/plan/plan.js";
import { httpClient } from "../platform/http-client.js";
import { localHost } from "../platform/local-host.js";
import { localProcesses } from "../platform/process-identity.js";
import { systemClock as clock } from "../platform/system-clock.js";
import { type StepCall, type StepWorld, stepPerformer } from "./perform-step.js";

const secret = "hunter2";
const redact = (text: string): string => text.replaceAll(secret, "***");

interface Sketch extends Partial<TargetDriver> {
  readonly checks?: () => Promise<Check[]>;
  readonly world?: Partial<StepWorld>;
}

function performerOf({ checks, world, ...more }: Sketch) {
  const cleaned: string[] = [];
  const driver: TargetDriver = {
    kind: "target",
    id: "test",
    title: "test",
    options: z.object({ password: z.string() }),
    observe: async () => ({ identity: "", summary: "", data: {} }),
    plan: () => [],
    apply: async () => ({ summary: "done", changed: true }),
    settle: async () => ({ state: "applied", summary: "done" }),
    ...more,
  };
  const performer = stepPerformer({
    host: localHost({ baseDir: "/", redact }),
    http: httpClient(),
    clock,
    processes: localProcesses,
    redact,
    targetDriver: async () => driver,
    checkDriver: async () => ({
      kind: "check",
      id: "probe",
      title: "probe",
      options: z.object({}),
      run: checks ?? (async () => []),
    }),
    resolve: async (value) => ("password" in value ? { ...value, password: secret } : value),
    scratch: async (key) => ({ folder: `/scratch/${key}`, done: async () => void cleaned.push(key) }),
    artifacts: () => ({ file: async (name) => name, read: async () => new Uint8Array() }),
    ...world,
  });
  return { performer, cleaned };
}

const captured = { identity: "old", summary: "old", data: { rows: 3 }, artifacts: [], at: 1 };

function callOf(one: PlanStep, signal = new AbortController().signal): StepCall {
  const target = {
    driver: "test",
    with: { password: "${env:X}" },
    uses: [],
    restore: true,
    keep: [],
    captured,
  };
  const seen = { identity: "new", summary: "new" };
  const plan = planOf([one], {
    targets: { db: { ...target, from: seen } },
    checks: { health: { driver: "probe", with: {}, within: 0, stable: 0 } },
  });
  return { run: "run-1", plan, step: one, attempt: 2, signal, onProgress: () => {} };
}

const apply = callOf(step("db.swap", { operation: "swap", input: { file: "a" } }));

test("a driver gets its step, its options with secrets put in, and a key that is the same on every attempt", async () => {
  const got: unknown[] = [];
  const { performer, cleaned } = performerOf({
    apply: async (job, { key, attempt, scratch, name }: StepContext) => {
      got.push(job, { key, attempt, scratch, name });
      return { summary: "done", changed: true };
    },
  });
  await performer.perform(apply);
  expect(got).toEqual([
    { operation: "swap", input: { file: "a" }, options: { password: secret }, captured },
    { key: "run-1/db.swap", attempt: 2, scratch: "/scratch/run-1/db.swap", name: "db" },
  ]);
  expect(cleaned).toEqual(["run-1/db.swap"]);
});

test("nothing secret leaves a step: summary, log, message, hint, checks", async () => {
  const bad: Check = {
    name: "row",
    result: "failed",
    expected: `x ${secret}`,
    actual: secret,
    message: secret,
  };
  const ends = await Promise.all([
    performerOf({
      apply: async (_, context) => {
        context.log(`with ${secret}`);
        return { summary: `used ${secret}`, changed: true };
      },
    }).performer.perform(apply),
    performerOf({
      apply: () => Promise.reject(new BackoutError("DENIED", `denied ${secret}`, { hint: `not ${secret}` })),
    }).performer.perform(apply),
    performerOf({ settle: async () => ({ state: "partial", summary: secret }) }).performer.settle(apply),
    performerOf({ checks: async () => [bad] }).performer.perform(
      callOf(step("check.health", { kind: "check", subject: "health" })),
    ),
    performerOf({ verify: async () => [bad] }).performer.perform(
      callOf(step("db.verify", { kind: "verify" })),
    ),
  ]);
  expect(JSON.stringify(ends)).not.toContain(secret);
  expect(ends.map(({ type }) => type)).toEqual([
    "step.succeeded",
    "step.failed",
    "step.settled",
    "step.failed",
    "step.failed",
  ]);
});

const missing = async (): Promise<never> => {
  throw new BackoutError("SECRET_MISSING", "env:X: it is not set", { hint: "export X" });
};

test.each<[string, Sketch, object]>([
  [
    "the driver says that nothing happened",
    {
      apply: () => Promise.reject(new BackoutError("UNREACHABLE", "db: gone", { effect: "none" })),
    },
    { code: "UNREACHABLE", effect: "none" },
  ],
  [
    "the driver does not say",
    { apply: () => Promise.reject(new BackoutError("DENIED", "db: no")) },
    {
      code: "DENIED",
      effect: "unknown",
    },
  ],
  [
    "the driver has a bug",
    { apply: () => Promise.reject(new TypeError("x is undefined")) },
    {
      code: "INTERNAL",
      effect: "unknown",
      message: "db.swap: x is undefined",
    },
  ],
  [
    "a secret is missing: the driver was not even called",
    { world: { resolve: missing } },
    {
      code: "SECRET_MISSING",
      effect: "none",
      hint: "export X",
    },
  ],
  [
    "the scratch folder could not be made",
    { world: { scratch: () => Promise.reject(new Error("ENOSPC")) } },
    {
      code: "INTERNAL",
      effect: "none",
    },
  ],
])("a step fails and says what it left behind: %s", async (_, sketch, expected) => {
  const end = await performerOf(sketch).performer.perform(apply);
  expect(end).toMatchObject({ type: "step.failed", step: "db.swap", attempt: 2, ...expected });
});

test("a scratch folder that cannot be removed does not undo a success", async () => {
  const scratch = async () => ({ folder: "/x", done: () => Promise.reject(new Error("EBUSY")) });
  const end = await performerOf({ world: { scratch } }).performer.perform(apply);
  expect(end).toMatchObject({ type: "step.succeeded", log: [expect.stringContaining("EBUSY")] });
});

test("told to end, a step gives that as its reason, whatever its driver threw", async () => {
  const reason = new BackoutError("TIMEOUT", "db.swap: did not end within its time-out");
  const controller = new AbortController();
  const { performer } = performerOf({
    apply: async (_, { signal }) => {
      controller.abort(reason);
      signal.throwIfAborted();
      throw new Error("unreachable");
    },
  });
  const end = await performer.perform(callOf(apply.step, controller.signal));
  expect(end).toMatchObject({ type: "step.failed", code: "TIMEOUT", message: reason.message });
});

test("a driver that cannot be asked leaves the step's end unknown", async () => {
  const { performer } = performerOf({
    settle: () => Promise.reject(new BackoutError("UNREACHABLE", "db: gone")),
  });
  expect(await performer.settle(apply)).toEqual({
    type: "step.settled",
    step: "db.swap",
    attempt: 2,
    state: "unknown",
    summary: "could not be asked: db: gone",
  });
});

test("only the last lines of a talkative step are kept", async () => {
  const { performer } = performerOf({
    apply: async (_, { log }) => {
      for (let line = 1; line <= 250; line++) log(`line ${line}`);
      return { summary: "done", changed: true };
    },
  });
  const end = await performer.perform(apply);
  const kept = "log" in end ? end.log : [];
  expect([kept?.length, kept?.[0], kept?.at(-1)]).toEqual([200, "line 51", "line 250"]);
});

const health = callOf(step("check.health", { kind: "check", subject: "health" }));

test.each<[string, Check[], object]>([
  ["passed", [{ name: "a", result: "passed" }], { type: "step.succeeded", summary: "1 passed" }],
  [
    "failed",
    [
      { name: "a", result: "passed" },
      { name: "b", result: "failed", expected: "200", actual: "500" },
    ],
    {
      type: "step.failed",
      code: "CHECK_FAILED",
      message: "b: expected 200, found 500",
      effect: "none",
    },
  ],
  [
    "could not be measured",
    [{ name: "a", result: "error", message: "no route" }],
    {
      type: "step.failed",
      message: "a: no route",
    },
  ],
  ["measured nothing", [], { type: "step.failed", message: "nothing was measured" }],
])("a check that %s", async (_, checks, expected) => {
  const end = await performerOf({ checks: async () => checks }).performer.perform(health);
  expect(end).toMatchObject({ step: "check.health", ...expected });
});
