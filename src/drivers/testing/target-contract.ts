import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { proofLevels, type TargetDriver } from "../../core/driver.js";
import { testOptions } from "./options-contract.js";
import { testFaults } from "./target-faults.js";
import type { TargetFixture, TargetSuite } from "./target-fixture.js";
import { testKills } from "./target-kills.js";
import { keyOf, type TargetSession, targetSession } from "./target-session.js";
import { testUndo } from "./target-undo.js";

/**
 * The contract of every target driver, against the real component. Tests run in order on one fixture; each breaks the
 * world and leaves it brought back.
 *
 *     describeTarget(target, { driver: "sqlite", setUp, faults: [{ name: "file gone", … }] });
 */
export function describeTarget<F extends TargetFixture>(driver: TargetDriver, suite: TargetSuite<F>): void {
  describe(`target ${suite.name ?? suite.driver}`, () => {
    let session: TargetSession<F> | undefined;
    const now = (): TargetSession<F> => {
      if (session === undefined) throw new Error("the fixture did not come up");
      return session;
    };
    beforeAll(async () => {
      session = await targetSession(driver, suite);
    });
    afterAll(() => session?.cleanUp());

    test("is the driver of its folder", () => {
      expect(driver.id).toBe(suite.driver);
      expect(driver.kind).toBe("target");
      expect(driver.title).not.toBe("");
    });

    testOptions(driver.options, () => now().fixture.options);

    test("claims each thing once", () => {
      const { fixture, contexts } = now();
      const options = driver.options.parse(fixture.options);
      const claims = driver.claims?.(options, contexts.host.files.resolve) ?? [];
      expect(new Set(claims).size).toBe(claims.length);
    });

    test("a good world is checked without problems", async () => {
      const { resolved, contexts } = now();
      const problems = (await driver.check?.(resolved, contexts.plain())) ?? [];
      expect(problems.filter((one) => one.severity === "error")).toEqual([]);
    });

    test("captured twice has one identity, and changes nothing", async () => {
      const { fixture, resolved, contexts, taken } = now();
      const before = await fixture.world();
      const again = await contexts.take(driver, resolved);
      expect(again.part.identity).toBe(taken.part.identity);
      expect(await fixture.world()).toBe(before);
      await fixture.isGood();
      expect(JSON.parse(JSON.stringify(taken.part))).toEqual(taken.part);
      expect(taken.part.artifacts.length > 0).toBe(suite.artifacts ?? true);
    });

    if (driver.prove !== undefined) {
      test("proves that what it captured restores", async () => {
        const { fixture, resolved, contexts, taken } = now();
        const before = await fixture.world();
        const proof = await driver.prove?.(taken.part, resolved, await contexts.prove(taken));
        expect(proof?.checks.filter((check) => check.result !== "passed")).toEqual([]);
        expect(proof?.checks).not.toEqual([]);
        expect(proofLevels.indexOf(proof?.level ?? "declared")).toBeGreaterThanOrEqual(
          proofLevels.indexOf("restored"),
        );
        expect(proof?.restoreMs).toBeGreaterThanOrEqual(0);
        expect(await fixture.world()).toBe(before);
      });
    }

    test("sees nothing to bring back in a good world", async () => {
      const { taken, observe, plan } = now();
      const observed = await observe();
      expect(observed.identity).toBe(taken.part.identity);
      expect(plan(observed)).toEqual([]);
    });

    test("broken → observed → planned → applied → verified; again changes nothing", async () => {
      const { fixture, taken, contexts, observe, plan, steps, apply, verify, job } = now();
      const good = await fixture.world();
      await fixture.break();
      expect(await fixture.world()).not.toBe(good);
      const observed = await observe();
      expect(observed.identity).not.toBe(taken.part.identity);
      const planned = await steps();
      expect(planned).not.toEqual([]);
      if (driver.verify !== undefined) {
        const checks = await verify();
        expect(checks.filter((check) => check.result !== "passed")).not.toEqual([]);
      }
      for (const step of planned) {
        const key = keyOf("run-1", step);
        const settled = async () =>
          (await driver.settle(job(step), await contexts.step(taken, key, 1))).state;
        expect(await settled(), `${step.operation} before`).toBe("not-applied");
        expect((await apply(step, "run-1")).summary).not.toBe("");
        expect(await settled(), `${step.operation} after`).toBe("applied");
        const world = await fixture.world();
        expect((await apply(step, "run-1", 2)).changed, `${step.operation} again`).toBe(false);
        expect(await fixture.world()).toBe(world);
      }
      await fixture.isGood();
      expect((await verify()).filter((check) => check.result !== "passed")).toEqual([]);
      const after = await observe();
      expect(after.identity).toBe(taken.part.identity);
      expect(plan(after)).toEqual([]);
    });

    test("plans purely: the same input gives the same plain data", async () => {
      const { fixture, observe, plan, steps, bringBack } = now();
      await fixture.break();
      const observed = await observe();
      const frozen = deepFreeze(JSON.parse(JSON.stringify(observed)) as typeof observed);
      const planned = plan(observed);
      expect(plan(frozen)).toEqual(planned);
      expect(JSON.parse(JSON.stringify(planned))).toEqual(planned);
      expect(new Set(planned.map((step) => step.operation)).size).toBe(planned.length);
      for (const step of await steps()) {
        expect(step.title).toMatch(/^[a-z]/);
        expect(step.expectedMs).toBeGreaterThanOrEqual(0);
        expect(step.exclusive === true && step.phase !== "restore").toBe(false);
        for (const need of step.needs ?? []) expect(planned.map((one) => one.operation)).toContain(need);
      }
      await bringBack("run-2");
    });

    if (suite.kills !== 0) testKills(suite, now);
    if (driver.undo !== undefined && suite.undo !== false) testUndo(driver.undo, suite, now);
    testFaults(suite, now);

    test("H73 secrets stay out of parts, plans and logs", async () => {
      const { fixture, taken, contexts, observe, plan, bringBack } = now();
      await fixture.break();
      const observed = await observe();
      const said = JSON.stringify([taken.part, observed, plan(observed), contexts.lines]);
      for (const secret of fixture.secrets ?? []) expect(said).not.toContain(secret);
      await bringBack("run-3");
    });
  });
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null) Object.values(value).forEach(deepFreeze);
  return Object.freeze(value);
}
