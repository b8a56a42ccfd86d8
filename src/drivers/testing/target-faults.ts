import { cp, mkdtemp, readFile, rm, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { StepSpec } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { Fault, FaultCall, TargetFixture, TargetSuite } from "./target-fixture.js";
import type { ApplyWith, TargetSession } from "./target-session.js";

/** Each thing that is wrong outside gives a clear error and leaves the world as it was. */
export function testFaults<F extends TargetFixture>(
  suite: TargetSuite<F>,
  now: () => TargetSession<F>,
): void {
  describe("faults", () => {
    for (const fault of suite.faults) {
      test(`${fault.name}: a clear error and no change`, async () => {
        await meet(now(), fault);
        await now().bringBack(`after ${fault.name}`);
      });
    }

    if (suite.artifacts === false) return;
    test("H26 a cut artifact is noticed before anything changes", async () => {
      const session = now();
      await session.fixture.break();
      const steps = await session.steps();
      const before = await session.fixture.world();
      const folder = await mkdtemp(join(tmpdir(), "backout-cut-"));
      try {
        await cp(session.taken.folder, folder, { recursive: true });
        for (const { path } of session.taken.part.artifacts) {
          const file = join(folder, path);
          await truncate(file, Math.floor((await readFile(file)).length * 0.6));
        }
        const error = await rejection(() =>
          applyAll(session, steps, "cut", { taken: { ...session.taken, folder } }),
        );
        expect([error.code, error.effect]).toEqual(["ARTIFACT_ALTERED", "none"]);
        expect(await session.fixture.world()).toBe(before);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
      await session.bringBack("after the cut artifact");
    });
  });
}

async function meet<F extends TargetFixture>(session: TargetSession<F>, fault: Fault<F>): Promise<void> {
  const { driver, fixture } = session;
  await fixture.break();
  const steps = await session.steps();
  const before = await fixture.world();
  const undo = await fault.arrange?.(fixture);
  try {
    const on: readonly FaultCall[] = fault.on ?? ["capture", "observe", "apply"];
    for (const call of on) {
      if (driver[call] === undefined) continue;
      await expectError(session, fault, call, steps);
    }
  } finally {
    await undo?.();
  }
  expect(await fixture.world()).toBe(before);
}

async function expectError<F extends TargetFixture>(
  session: TargetSession<F>,
  fault: Fault<F>,
  call: FaultCall,
  steps: readonly StepSpec[],
): Promise<void> {
  const { driver, fixture, contexts, taken } = session;
  const options = fault.options === undefined ? session.resolved : session.parse(fault.options(fixture));
  const host = fault.host?.(contexts.host) ?? contexts.host;
  if (call === "check") {
    const problems = (await driver.check?.(options, contexts.plain(host))) ?? [];
    const said = problems
      .filter((one) => one.severity === "error")
      .map((one) => `${one.path}: ${one.message}`);
    expect(said.join("\n"), call).toMatch(fault.says);
    return;
  }
  const error = await rejection(async () => {
    if (call === "capture") await contexts.take(driver, options, host);
    else if (call === "observe") await driver.observe(options, await contexts.prove(taken, host), taken.part);
    else await applyAll(session, steps, `fault ${fault.name}`, { options, host });
  });
  expect([fault.code].flat(), `${call}: ${error.message}`).toContain(error.code);
  expect(error.message, call).toMatch(fault.says);
  if (call === "apply") expect(error.effect).toBe("none");
  for (const secret of fixture.secrets ?? [])
    expect(`${error.message} ${error.hint ?? ""}`).not.toContain(secret);
}

async function applyAll<F extends TargetFixture>(
  session: TargetSession<F>,
  steps: readonly StepSpec[],
  run: string,
  more: ApplyWith,
): Promise<void> {
  for (const step of steps) await session.apply(step, run, 1, more);
}

/** The BackoutError that a call ends with; anything else, or none, fails the test. */
export async function rejection(call: () => Promise<unknown>): Promise<BackoutError> {
  try {
    await call();
  } catch (error) {
    if (error instanceof BackoutError) return error;
    throw error;
  }
  throw new Error("expected an error, but the call succeeded");
}
