import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Reading, SignalDriver } from "../../core/driver.js";
import { type Contexts, contextsFor } from "./contexts.js";
import { testOptions } from "./options-contract.js";
import type { ReadingFault, ReadingFixture } from "./reading-fixture.js";
import { rejection } from "./target-faults.js";

export interface SignalSuite<F extends ReadingFixture> {
  /** The driver's folder. */
  readonly driver: string;
  readonly name?: string;
  readonly setUp: () => Promise<F>;
  /** Asserts that what was read is what the fixture really has. */
  readonly expect: (reading: Reading, fixture: F) => void;
  readonly faults: readonly ReadingFault<F>[];
}

/** The contract of every signal driver: a true number, or an error. "Could not measure" is never a value. */
export function describeSignal<F extends ReadingFixture>(driver: SignalDriver, suite: SignalSuite<F>): void {
  describe(`signal ${suite.name ?? suite.driver}`, () => {
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

    test("reads what is there, twice, in a world without problems", async () => {
      const { fixture, contexts } = up();
      expect(driver.id).toBe(suite.driver);
      const options = driver.options.parse(fixture.resolved ?? fixture.options);
      const problems = (await driver.check?.(options, contexts.plain())) ?? [];
      expect(problems.filter((one) => one.severity === "error")).toEqual([]);
      for (let times = 0; times < 2; times++) {
        const reading = await driver.read(options, contexts.plain());
        expect(Number.isFinite(reading.value)).toBe(true);
        suite.expect(reading, fixture);
      }
    });

    for (const fault of suite.faults) {
      test(`${fault.name}: an error, not a value`, async () => {
        const { fixture, contexts } = up();
        const raw = fault.options?.(fixture) ?? fixture.resolved ?? fixture.options;
        const undo = await fault.arrange?.(fixture);
        try {
          const context = contexts.plain(fault.host?.(contexts.host));
          const error = await rejection(() => driver.read(driver.options.parse(raw), context));
          expect([fault.code].flat(), error.message).toContain(error.code);
          expect(error.message).toMatch(fault.says);
          for (const secret of fixture.secrets ?? []) expect(error.message).not.toContain(secret);
        } finally {
          await undo?.();
        }
      });
    }
  });
}
