import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { StepSpec } from "../../src/core/driver.js";
import type { Command, Host } from "../../src/core/ports.js";
import { target } from "../../src/drivers/postgres/index.js";
import { rejection } from "../../src/drivers/testing/target-faults.js";
import { keyOf } from "../../src/drivers/testing/target-session.js";
import { type PostgresServer, postgresServer } from "../support/postgres-server.js";
import { type ShopSession as Session, shopsOn } from "../support/postgres-shops.js";

let server: PostgresServer;
beforeAll(async () => {
  server = await postgresServer();
});
afterAll(() => server?.stop());

const { withShop, client } = shopsOn(() => server);

/** Whoever holds a table and neither ends nor answers: its process is stopped. */
async function holder(database: string, sql: string): Promise<{ release(): Promise<void> }> {
  const one = await client(database);
  const { rows } = await one.query<{ pid: number }>("select pg_backend_pid() as pid");
  const pid = rows[0]?.pid ?? 0;
  await one.query(sql);
  process.kill(pid, "SIGSTOP");
  return {
    release: async () => {
      try {
        process.kill(pid, "SIGCONT");
      } catch {
        // Ended with its server.
      }
      await one.end().catch(() => {});
    },
  };
}

/** All steps ahead of this one, which is answered. */
async function upTo(session: Session, operation: string, run: string): Promise<StepSpec> {
  for (const step of await session.steps()) {
    if (step.operation === operation) return step;
    await session.apply(step, run);
  }
  throw new Error(`no step ${operation}`);
}

/** The server goes before that program of the step runs, when others of the step have run already. */
const withoutServer = (host: Host, program: string): Host => ({
  ...host,
  exec: async (command: Command) => {
    const runs = command.argv[0]?.endsWith(`/${program}`) === true && !command.argv.includes("--version");
    if (runs && command.argv.includes("--dbname")) await server.crash();
    return host.exec(command);
  },
});

describe("postgres: a server that goes away in the middle", () => {
  test.each([
    { operation: "snapshot", program: "pg_dump", options: { way: "in-place" } },
    { operation: "stage", program: "pg_restore", options: {} },
    { operation: "restore-in-place", program: "psql", options: { way: "in-place" } },
    { operation: "restore-tables", program: "psql", options: { tables: ["customers"] } },
  ])("of $operation: told as such, settled truly, and the next attempt ends the same", (row) =>
    withShop(async (session) => {
      const { fixture, apply, contexts, taken, job } = session;
      await fixture.break();
      const step = await upTo(session, row.operation, "gone");
      const before = await fixture.world();
      const host = withoutServer(contexts.host, row.program);
      const error = await rejection(() => apply(step, "gone", 1, { host }));
      expect(error.code, error.message).toBe("UNREACHABLE");
      const settle = async () => target.settle(job(step), await contexts.step(taken, keyOf("gone", step), 1));
      await server.start();
      expect(await fixture.world()).toBe(before);
      expect(["not-applied", "partial"]).toContain((await settle()).state);
      expect((await apply(step, "gone", 2)).changed).toBe(true);
      expect((await settle()).state).toBe("applied");
    }, row.options),
  );

  test("of a swap, when nobody is let in any more: settled as partial, and everyone is let in at the end", () =>
    withShop(
      async (session) => {
        const { fixture, apply, contexts, taken, job } = session;
        await fixture.break();
        const swap = await upTo(session, "swap", "gone");
        const stuck = await holder(fixture.database, "select 1");
        const open = `select datallowconn from pg_database where datname = '${fixture.database}'`;
        try {
          const ended = rejection(() => apply(swap, "gone"));
          for (let round = 0; round < 600; round++) {
            if ((await server.sql("postgres", open)) === "f") break;
            await setTimeout(10);
          }
          expect(await server.sql("postgres", open)).toBe("f");
          await server.crash();
          const error = await ended;
          expect([error.code, error.effect], error.message).toEqual(["UNREACHABLE", "unknown"]);
          expect(error.hint).toContain("ALLOW_CONNECTIONS true");
        } finally {
          await stuck.release();
          await server.start();
        }
        const context = await contexts.step(taken, keyOf("gone", swap), 1);
        expect((await target.settle(job(swap), context)).state).toBe("partial");
        expect((await apply(swap, "gone", 2)).changed).toBe(true);
        expect(await server.sql("postgres", open)).toBe("t");
        await fixture.isGood();
      },
      { endWithin: "60s" },
    ));
});

describe("postgres: somebody who blocks for ever", () => {
  test("keeps nobody from an end of a restore in place: named after `endWithin`, and nothing has changed", () =>
    withShop(
      async (session) => {
        const { fixture, apply } = session;
        await fixture.break();
        const restore = await upTo(session, "restore-in-place", "blocked");
        const before = await fixture.world();
        const stuck = await holder(fixture.database, "begin; select 'for ever' from customers");
        try {
          const error = await rejection(() => apply(restore, "blocked"));
          expect([error.code, error.effect, error.message]).toEqual([
            "CONFLICT",
            "none",
            expect.stringMatching(
              /is in use, and was not to be had alone: .*'for ever' from customers/,
            ) as string,
          ]);
          expect(await fixture.world()).toBe(before);
        } finally {
          await stuck.release();
        }
        await apply(restore, "blocked", 2);
        await fixture.isGood();
      },
      { way: "in-place", endWithin: "300ms" },
    ));

  test("a table that is locked when it is to be captured or looked at is an error with what shows the holder", () =>
    withShop(async (session) => {
      const { fixture, contexts, resolved, taken } = session;
      const stuck = await client(fixture.database);
      await stuck.query("begin; lock table orders in access exclusive mode");
      try {
        const errors = await Promise.all([
          rejection(() => contexts.take(target, resolved)),
          rejection(async () => target.observe(resolved, await contexts.prove(taken), taken.part)),
        ]);
        for (const { code, message, hint } of errors) {
          expect(code, message).toBe("TIMEOUT");
          expect(hint).toContain("pg_stat_activity");
        }
      } finally {
        await stuck.end();
      }
    }));
});

describe("postgres: what another tool did meanwhile, and odd names", () => {
  test.each([
    { operation: "snapshot", options: { way: "in-place" }, code: "NOT_FOUND" },
    { operation: "restore-in-place", options: { way: "in-place" }, code: "NOT_FOUND" },
    { operation: "restore-tables", options: { tables: ["customers"] }, code: "NOT_FOUND" },
  ])("a database that was renamed is not found by $operation, and the renamed one is left alone", (row) =>
    withShop(async (session) => {
      const { fixture, apply } = session;
      const { database } = fixture;
      await fixture.break();
      const step = await upTo(session, row.operation, "renamed");
      const before = await fixture.world();
      await server.sql("postgres", `alter database ${database} rename to ${database}_moved`);
      const error = await rejection(() => apply(step, "renamed"));
      expect([error.code, error.effect, error.message]).toEqual([
        row.code,
        "none",
        expect.stringContaining(database) as string,
      ]);
      await server.sql("postgres", `alter database ${database}_moved rename to ${database}`);
      expect(await fixture.world()).toBe(before);
    }, row.options),
  );

  test("another database of the same name is a conflict for a restore in place", () =>
    withShop(
      async (session) => {
        const { fixture, apply } = session;
        const { database } = fixture;
        await fixture.break();
        const restore = await upTo(session, "restore-in-place", "other");
        await server.sql("postgres", `alter database ${database} rename to ${database}_moved`);
        await server.sql("postgres", `create database ${database}`);
        const error = await rejection(() => apply(restore, "other"));
        expect([error.code, error.effect, error.message]).toEqual([
          "CONFLICT",
          "none",
          expect.stringContaining("is another database than when the plan was made") as string,
        ]);
        expect(await fixture.sql("select count(*) from pg_class where relname = 'orders'")).toBe("0");
      },
      { way: "in-place" },
    ));

  test.each([
    { what: "in place", options: { way: "in-place" } },
    { what: "by chosen tables", options: { tables: ["customers"] } },
  ])("a name with blanks, quotes and a percent sign is restored $what", ({ options, what }) =>
    withShop(
      async (session) => {
        const { fixture, steps, apply, verify } = session;
        await fixture.break();
        for (const step of await steps()) await apply(step, "named");
        expect((await verify()).filter(({ result }) => result !== "passed")).toEqual([]);
        expect(await fixture.sql("select count(*) from customers")).toBe("50");
      },
      options,
      `it's "100 %s" ${what} 店`,
    ),
  );
});
