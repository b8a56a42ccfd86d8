import { afterAll, beforeAll, expect, test } from "vitest";
import { target } from "../../src/drivers/postgres/index.js";
import { targetSession } from "../../src/drivers/testing/target-session.js";
import { type PostgresServer, postgresServer } from "../support/postgres-server.js";
import { postgresWorld } from "../support/postgres-world.js";

let server: PostgresServer;
beforeAll(async () => {
  server = await postgresServer({
    settings: ["shared_preload_libraries=pg_cron", "cron.database_name=shop"],
  });
});
afterAll(() => server?.stop());

/** The one database of the server in which pg_cron is, with a job of its own and one of another database. */
const cronShop = async (way: string) => {
  const world = await postgresWorld("shop", { server, options: { way } });
  await world.sql("create extension pg_cron");
  await world.sql("select cron.schedule('nightly', '0 3 * * *', 'vacuum')");
  await world.sql("update cron.job set database = 'postgres' where jobname = 'nightly'");
  await world.sql("select cron.schedule('hourly', '0 * * * *', 'analyze')");
  return world;
};

test("M04 M16 where pg_cron is, a proof holds, and the database comes back in place with every job where it was", async () => {
  const session = await targetSession(target, {
    ...{ driver: "postgres", faults: [] },
    setUp: () => cronShop("auto"),
  });
  try {
    const { fixture, driver, contexts, resolved } = session;
    const problems = (await driver.check?.(resolved, contexts.plain())) ?? [];
    expect(problems.map(({ message }) => message).join("\n")).toMatch(
      /pg_cron is in "shop".*restored in place/,
    );
    expect(session.restoreMs).toBeGreaterThan(0);
    await fixture.sql("select cron.unschedule('hourly')");
    await fixture.sql("select cron.schedule('late', '5 * * * *', 'select 1')");
    await fixture.break();
    const steps = await session.steps();
    expect(steps.map(({ operation }) => operation)).toEqual(["snapshot", "restore-in-place"]);
    expect(JSON.stringify(steps)).toMatch(/pg_cron is in .*shop.*, and cannot be made in a second database/);
    await session.bringBack("one");
    expect(
      await fixture.sql("select string_agg(jobname || ' ' || database, ', ' order by jobname) from cron.job"),
    ).toBe("late shop, nightly postgres");
  } finally {
    await session.cleanUp();
    await server.sql("postgres", "drop database if exists shop with (force)");
  }
});

test("M04 told to swap where pg_cron is, it refuses, and says what to do", async () => {
  const session = await targetSession(target, {
    ...{ driver: "postgres", faults: [] },
    setUp: () => cronShop("swap"),
  });
  try {
    await session.fixture.break();
    const error = await session.steps().then(
      () => undefined,
      (thrown: unknown) => thrown as Error,
    );
    expect(error?.message).toMatch(/shop: another database cannot be swapped in: pg_cron is in "shop"/);
  } finally {
    await session.cleanUp();
    await server.sql("postgres", "drop database if exists shop with (force)");
  }
});
