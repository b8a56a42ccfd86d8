import { expect } from "vitest";
import type { Check, Observation, Outcome, StepJob, StepSpec, TargetDriver } from "../../core/driver.js";
import type { Json, JsonObject } from "../../core/json.js";
import type { Host } from "../../core/ports.js";
import { type Contexts, contextsFor, type Taken } from "./contexts.js";
import { planOrder } from "./plan-order.js";
import { restoreOnly, type TargetFixture, type TargetSuite } from "./target-fixture.js";

/** A driver, its fixture and what was captured while the world was good; the suites speak through it. */
export interface TargetSession<F extends TargetFixture = TargetFixture> {
  readonly driver: TargetDriver;
  readonly fixture: F;
  readonly contexts: Contexts;
  readonly taken: Taken;
  /** Secret references resolved, defaults filled in. */
  readonly resolved: Json;
  parse(options: JsonObject): Json;
  /** Milliseconds, as `prove` measured it. */
  readonly restoreMs: number | undefined;
  observe(): Promise<Observation>;
  plan(observed: Observation): StepSpec[];
  /** Observed and planned, in an order that the engine could run. */
  steps(): Promise<StepSpec[]>;
  job(step: StepSpec, options?: Json): StepJob<Json, Json>;
  apply(step: StepSpec, run: string, attempt?: number, more?: ApplyWith): Promise<Outcome>;
  verify(): Promise<Check[]>;
  /** Applies all of a new plan, if there is one, and asserts that the world is good. */
  bringBack(run: string): Promise<void>;
  cleanUp(): Promise<void>;
}

/** What a fault puts in place of the session's own. */
export interface ApplyWith {
  readonly options?: Json;
  readonly host?: Host;
  readonly taken?: Taken;
}

export const keyOf = (run: string, step: StepSpec): string => `${run}/${step.operation}`;

export async function targetSession<F extends TargetFixture>(
  driver: TargetDriver,
  suite: TargetSuite<F>,
): Promise<TargetSession<F>> {
  const fixture = await suite.setUp();
  const contexts = await contextsFor(fixture.folder);
  const cleanUp = async () => {
    await contexts.cleanUp();
    await fixture.cleanUp();
  };
  try {
    return await sessionOf(driver, suite, fixture, contexts, cleanUp);
  } catch (error) {
    await cleanUp();
    throw error;
  }
}

async function sessionOf<F extends TargetFixture>(
  driver: TargetDriver,
  suite: TargetSuite<F>,
  fixture: F,
  contexts: Contexts,
  cleanUp: () => Promise<void>,
): Promise<TargetSession<F>> {
  const parse = (raw: JsonObject): Json => driver.options.parse(raw) as Json;
  const options = parse(fixture.options);
  const resolved = parse(fixture.resolved ?? fixture.options);
  const taken = await contexts.take(driver, resolved);
  const proof = await driver.prove?.(taken.part, resolved, await contexts.prove(taken));
  const intent = { ...restoreOnly, ...suite.intent };

  const observe = async () => driver.observe(resolved, await contexts.prove(taken), taken.part);
  const plan = (observed: Observation) =>
    driver.plan({ captured: taken.part, restoreMs: proof?.restoreMs, observed, options, intent });
  const steps = async () => planOrder(plan(await observe()));
  const job = (step: StepSpec, other: Json = resolved, captured = taken.part): StepJob<Json, Json> => ({
    operation: step.operation,
    input: JSON.parse(JSON.stringify(step.input)) as JsonObject,
    options: other,
    captured,
  });
  const apply: TargetSession["apply"] = async (step, run, attempt = 1, more = {}) => {
    const from = more.taken ?? taken;
    const context = await contexts.step(from, keyOf(run, step), attempt, more.host);
    return driver.apply(job(step, more.options, from.part), context);
  };
  const verify = async () => (await driver.verify?.(taken.part, resolved, await contexts.prove(taken))) ?? [];

  return {
    driver,
    fixture,
    contexts,
    taken,
    resolved,
    parse,
    restoreMs: proof?.restoreMs,
    observe,
    plan,
    steps,
    job,
    apply,
    verify,
    bringBack: async (run) => {
      for (const step of await steps()) await apply(step, run);
      await fixture.isGood();
      expect((await verify()).filter((check) => check.result !== "passed")).toEqual([]);
    },
    cleanUp,
  };
}
