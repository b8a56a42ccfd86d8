import { afterAll, beforeAll, expect, test } from "vitest";
import type { StepSpec } from "../../core/driver.js";
import { type Moment, type StepEnd, type StepRunner, stepRunner } from "./killed-step.js";
import type { TargetFixture, TargetSuite } from "./target-fixture.js";
import { keyOf, type TargetSession } from "./target-session.js";

/** Every step, killed with SIGKILL ahead of each of its calls and at moments by the clock: settled truly, then ends the same. */
export function testKills<F extends TargetFixture>(suite: TargetSuite<F>, now: () => TargetSession<F>): void {
  let runner: StepRunner | undefined;
  beforeAll(async () => {
    runner = await stepRunner(suite.driver);
  });
  afterAll(() => runner?.cleanUp());

  test("killed half-way, settle tells the truth and the next attempt ends the same", {
    timeout: 600_000,
  }, async () => {
    const session = now();
    if (runner === undefined) throw new Error("the step runner was not built");
    await session.fixture.break();
    const operations = (await session.steps()).map((step) => step.operation);
    await session.bringBack("kills");
    for (const operation of suite.killed ?? operations) {
      const whole = await round(session, runner, operation, "never", `${operation}-never`);
      expect(whole.killed).toBe(false);
      const most = suite.kills ?? 12;
      const moments: Moment[] = [
        ...spread(whole.calls + 1, most).map((beforeCall) => ({ beforeCall })),
        ...spread(most, most).map((n) => ({ afterMs: (whole.ms * (n - 1)) / most })),
      ];
      for (const [index, moment] of moments.entries()) {
        await round(session, runner, operation, moment, `${operation}-${index}`);
      }
    }
  });
}

/** Break, apply up to the step, kill it there, settle, go on as the engine would. */
async function round(
  session: TargetSession,
  runner: StepRunner,
  operation: string,
  moment: Moment,
  run: string,
): Promise<StepEnd> {
  const { driver, fixture, contexts, taken } = session;
  await fixture.break();
  const steps = await session.steps();
  const at = steps.findIndex((step) => step.operation === operation);
  const step = steps[at] as StepSpec;
  for (const earlier of steps.slice(0, at)) await session.apply(earlier, run);
  const before = await fixture.world();

  const key = keyOf(run, step);
  const order = {
    folder: fixture.folder,
    artifacts: taken.folder,
    captured: taken.part,
    job: session.job(step),
    key,
    attempt: 1,
  };
  const end = await runner.run(order, moment);
  const where = `${operation} killed at ${JSON.stringify(moment)}`;
  const { state } = await driver.settle(session.job(step), await contexts.step(taken, key, 1));
  expect(["applied", "not-applied", "partial"], where).toContain(state);
  if (end.returned) expect(state, where).toBe("applied");
  if (state === "not-applied") expect(await fixture.world(), `${where}, settled as not-applied`).toBe(before);
  if (state !== "applied") await session.apply(step, run, 2);

  for (const later of steps.slice(at + 1)) await session.apply(later, run);
  await fixture.isGood();
  expect(
    (await session.verify()).filter((check) => check.result !== "passed"),
    where,
  ).toEqual([]);
  expect(session.plan(await session.observe()), where).toEqual([]);
  return end;
}

/** 1 … count, or `most` of them from first to last. */
function spread(count: number, most: number): number[] {
  const picked = Array.from({ length: Math.min(count, most) }, (_, index) =>
    count <= most ? index + 1 : 1 + Math.round((index * (count - 1)) / (most - 1)),
  );
  return [...new Set(picked)];
}
