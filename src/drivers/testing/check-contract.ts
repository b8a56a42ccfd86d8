import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Check, CheckDriver } from "../../core/driver.js";
import type { JsonObject } from "../../core/json.js";
import { type Contexts, contextsFor } from "./contexts.js";
import { testOptions } from "./options-contract.js";
import type { ReadingFault, ReadingFixture } from "./reading-fixture.js";

/** The answer is no: a result `failed`, which is not the same as `error`. */
export interface FailingCheck<F extends ReadingFixture> {
  readonly name: string;
  readonly options?: (fixture: F) => JsonObject;
  readonly arrange?: (fixture: F) => Promise<() => Promise<void>>;
  /** What name, expected, actual or message of a failed check must contain. */
  readonly says: RegExp;
}

export interface CheckSuite<F extends ReadingFixture> {
  /** The driver's folder. */
  readonly driver: string;
  readonly name?: string;
  readonly setUp: () => Promise<F>;
  readonly failures: readonly FailingCheck<F>[];
  /** Could not measure: a result `error`. The code is not compared. */
  readonly faults: readonly Omit<ReadingFault<F>, "code">[];
}

/** The contract of every check driver: passed, failed and error are three words, and nothing is thrown. */
export function describeCheck<F extends ReadingFixture>(driver: CheckDriver, suite: CheckSuite<F>): void {
  describe(`check ${suite.name ?? suite.driver}`, () => {
    let fixture: F | undefined;
    let contexts: Contexts | undefined;
    const up = (): { fixture: F; contexts: Contexts } => {
      if (fixture === undefined || contexts === undefined) throw new Error("the fixture did not come up");
      return { fixture, contexts };
    };
    beforeAll(async () => {
      fixture = await suite.setUp();
      contexts = await contextsFor(fixture.folder);
    });
    afterAll(async () => {
      await contexts?.cleanUp();
      await fixture?.cleanUp();
    });

    testOptions(driver.options, () => up().fixture.options);

    test("passes where the answer is yes", async () => {
      const { fixture, contexts } = up();
      expect(driver.id).toBe(suite.driver);
      const options = driver.options.parse(fixture.resolved ?? fixture.options);
      const checks = await driver.run(options, contexts.plain());
      expect(checks).not.toEqual([]);
      expect(checks.filter((one) => one.result !== "passed")).toEqual([]);
    });

    for (const failure of suite.failures) {
      test(`${failure.name}: failed`, () => answers("failed", failure));
    }
    for (const fault of suite.faults) {
      test(`${fault.name}: error, never a pass`, () => answers("error", fault));
    }

    async function answers(result: Check["result"], why: Omit<ReadingFault<F>, "code">): Promise<void> {
      const { fixture, contexts } = up();
      const raw = why.options?.(fixture) ?? fixture.resolved ?? fixture.options;
      const undo = await why.arrange?.(fixture);
      try {
        const checks = await driver.run(driver.options.parse(raw), contexts.plain(why.host?.(contexts.host)));
        const said = JSON.stringify(checks);
        const found = checks
          .filter((one) => one.result === result)
          .map((one) => JSON.stringify(Object.values(one)));
        expect(found.join("\n"), said).toMatch(why.says);
        for (const secret of fixture.secrets ?? []) expect(said).not.toContain(secret);
      } finally {
        await undo?.();
      }
    }
  });
}
