import { afterAll, beforeAll, expect, test } from "vitest";
import type {
  Check,
  DoneStep,
  DoneWork,
  Observation,
  Outcome,
  StepSpec,
  UndoDriver,
} from "../../core/driver.js";
import type { Json } from "../../core/json.js";
import { type StepRunner, stepRunner } from "./killed-step.js";
import { planOrder } from "./plan-order.js";
import { restoreOnly, type TargetFixture, type TargetSuite } from "./target-fixture.js";
import { keyOf, type TargetSession } from "./target-session.js";

/** A driver that takes back what it did leaves the world as it was broken; an undo is taken back like anything else. */
export function testUndo<F extends TargetFixture>(
  undo: UndoDriver<unknown, Json, Json>,
  suite: TargetSuite<F>,
  now: () => TargetSession<F>,
): void {
  let runner: StepRunner | undefined;
  beforeAll(async () => {
    runner = await stepRunner(suite.driver);
  });
  afterAll(() => runner?.cleanUp());

  test("broken → brought back → undone: as it was broken; undone again: as it was brought back", async () => {
    const session = now();
    const { fixture, contexts, taken, resolved, driver, job } = session;
    await fixture.break();
    const broken = await likeness(fixture);
    const work = await rolledBack(session, "undo-1");
    const back = await planned(undo, session, work);
    expect(back.steps).not.toEqual([]);
    expect(JSON.parse(JSON.stringify(back.steps))).toEqual(back.steps);
    const done: [StepSpec, Outcome][] = [];
    for (const step of back.steps) {
      const settled = async () =>
        (await driver.settle(job(step), await contexts.step(taken, keyOf("undo-2", step), 1))).state;
      expect(await settled(), `${step.operation} before`).toBe("not-applied");
      done.push([step, await session.apply(step, "undo-2")]);
      expect(await settled(), `${step.operation} after`).toBe("applied");
      const world = await fixture.world();
      expect((await session.apply(step, "undo-2", 2)).changed, `${step.operation} again`).toBe(false);
      expect(await fixture.world()).toBe(world);
    }
    expect(await likeness(fixture)).toBe(broken);
    const checks = await undo.verify(back.observed.to, resolved, await contexts.prove(taken));
    expect(checks.filter(({ result }) => result !== "passed")).toEqual([]);

    const undone = workOf(session, "undo-2", done, back.observed);
    for (const step of (await planned(undo, session, undone)).steps) await session.apply(step, "undo-3");
    await fixture.isGood();
  });

  if (suite.kills === 0) return;
  test("an undo killed half-way is settled truly, and ends the same", { timeout: 300_000 }, async () => {
    const session = now();
    const { fixture, contexts, taken, driver, job } = session;
    if (runner === undefined) throw new Error("the step runner was not built");
    let number = 0;
    /** Breaks, brings back, and applies the undo up to the step, which is killed there. The calls that it made. */
    const round = async (at: number, killBefore: number | undefined): Promise<number> => {
      number++;
      await fixture.break();
      const broken = await likeness(fixture);
      const { steps } = await planned(undo, session, await rolledBack(session, `killed-${number}`));
      const run = `killed-undo-${number}`;
      for (const earlier of steps.slice(0, at)) await session.apply(earlier, run);
      const step = steps[at] as StepSpec;
      const key = keyOf(run, step);
      const order = {
        ...{ folder: fixture.folder, artifacts: taken.folder, captured: taken.part },
        ...{ job: job(step), key, attempt: 1 },
      };
      const moment = killBefore === undefined ? "never" : ({ beforeCall: killBefore } as const);
      const before = await fixture.world();
      const end = await runner?.run(order, moment);
      const where = `${step.operation} of an undo, killed before call ${killBefore}`;
      const { state } = await driver.settle(job(step), await contexts.step(taken, key, 1));
      expect(["applied", "not-applied", "partial"], where).toContain(state);
      if (end?.returned) expect(state, where).toBe("applied");
      if (state === "not-applied") expect(await fixture.world(), where).toBe(before);
      if (state !== "applied") await session.apply(step, run, 2);
      for (const later of steps.slice(at + 1)) await session.apply(later, run);
      expect(await likeness(fixture), where).toBe(broken);
      await session.bringBack(`after-${number}`);
      return end?.calls ?? 0;
    };
    await fixture.break();
    const { steps } = await planned(undo, session, await rolledBack(session, "killed-0"));
    const killed = [...steps.keys()].filter(
      (at) => suite.killed?.includes(steps[at]?.operation ?? "") ?? true,
    );
    for (const at of killed) {
      const calls = await round(at, undefined);
      const moments = Array.from({ length: calls + 1 }, (_, index) => index + 1);
      const every = Math.max(1, Math.ceil(moments.length / (suite.kills ?? 12)));
      for (const killBefore of moments.filter((_, index) => index % every === 0)) await round(at, killBefore);
    }
  });
}

const likeness = (fixture: TargetFixture): Promise<string> => fixture.likeness?.() ?? fixture.world();

async function rolledBack(session: TargetSession, run: string): Promise<DoneWork> {
  const work = await doneWork(session, run);
  await session.fixture.isGood();
  return work;
}

/** Observes, plans and applies. */
export async function doneWork(session: TargetSession, run: string): Promise<DoneWork> {
  const observed = await session.observe();
  const done: [StepSpec, Outcome][] = [];
  for (const step of planOrder(session.plan(observed))) done.push([step, await session.apply(step, run)]);
  return workOf(session, run, done, observed);
}

/** Applies the undo of it; its plan's steps and what its own checks say. */
export async function takenBack(
  undo: UndoDriver<unknown, Json, Json> | undefined,
  session: TargetSession,
  work: DoneWork,
  run: string,
): Promise<{ steps: StepSpec[]; checks: Check[] }> {
  if (undo === undefined) throw new Error("the driver has no undo");
  const { observed, steps } = await planned(undo, session, work);
  for (const step of steps) await session.apply(step, run);
  const { contexts, taken, resolved } = session;
  return { steps, checks: await undo.verify(observed.to, resolved, await contexts.prove(taken)) };
}

/** As the journal would tell it. */
function workOf(
  { taken }: TargetSession,
  run: string,
  done: readonly (readonly [StepSpec, Outcome])[],
  { identity, summary }: Observation,
): DoneWork {
  const steps = done.flatMap(([step, { data }]): DoneStep[] => {
    const { operation, phase, input } = step;
    if (phase === "quiesce" || phase === "resume") return [];
    const told = data === undefined ? {} : { data };
    return [{ operation, phase, input, key: keyOf(run, step), endedAt: Date.now(), ...told }];
  });
  return JSON.parse(JSON.stringify({ steps, captured: taken.part, left: { identity, summary } })) as DoneWork;
}

async function planned(undo: UndoDriver<unknown, Json, Json>, session: TargetSession, done: DoneWork) {
  const { driver, fixture, resolved, contexts, taken } = session;
  const observed = await undo.observe(done, resolved, await contexts.prove(taken));
  const options = driver.options.parse(fixture.options);
  const steps = planOrder(undo.plan({ done, observed, options, intent: restoreOnly }));
  return { observed, steps };
}
