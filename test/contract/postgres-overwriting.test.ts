import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { StepSpec } from "../../src/core/driver.js";
import type { JsonObject } from "../../src/core/json.js";
import { target } from "../../src/drivers/postgres/index.js";
import { rejection } from "../../src/drivers/testing/target-faults.js";
import { keyOf, type TargetSession, targetSession } from "../../src/drivers/testing/target-session.js";
import { doneWork, takenBack } from "../../src/drivers/testing/target-undo.js";
import { type PostgresServer, postgresServer } from "../support/postgres-server.js";
import { type PostgresWorld, postgresWorld } from "../support/postgres-world.js";

type Session = TargetSession<PostgresWorld>;

/** What overwrites or drops a database, where somebody or something else gets in between. */
describe("postgres: overwriting", () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await postgresServer();
  });
  afterAll(() => server?.stop());

  let made = 0;
  async function withShop(options: JsonObject, work: (session: Session) => Promise<void>): Promise<void> {
    made++;
    const session = await targetSession(target, {
      ...{ driver: "postgres", faults: [] },
      setUp: () => postgresWorld(`shop_${made}`, { server, options }),
    });
    try {
      await work(session);
    } finally {
      await session.cleanUp();
    }
  }
  const inPlace = { way: "in-place" };

  const settled = async (session: Session, step: StepSpec | undefined, run: string): Promise<string> => {
    if (step === undefined) throw new Error("no such step");
    const context = await session.contexts.step(session.taken, keyOf(run, step), 1);
    return (await target.settle(session.job(step), context)).state;
  };

  /** As on a disk on which no second copy fits. */
  async function withoutRoom(session: Session, more: JsonObject = {}): Promise<StepSpec[]> {
    const observed = await session.observe();
    const room = { folder: "/small", free: 1e6 };
    return session.plan({ ...observed, data: { ...(observed.data as JsonObject), room, ...more } });
  }

  test("a table that is made while nothing else is there is not taken for a restore that has happened", () =>
    withShop(inPlace, async (session) => {
      const { fixture } = session;
      await fixture.sql("drop materialized view totals; drop table orders, customers");
      const [snapshot, restore] = (await session.steps()) as [StepSpec, StepSpec];
      await session.apply(snapshot, "empty");
      await fixture.sql("create table ledger (id int)");
      expect(await settled(session, restore, "empty")).toBe("not-applied");
      expect((await session.apply(restore, "empty")).changed).toBe(true);
      await fixture.isGood();
    }));

  test("a restore in place of a database with an extension's table is known to have happened, and not done again", () =>
    withShop(inPlace, async (session) => {
      const { fixture } = session;
      await fixture.sql(
        "create extension citext; create table theirs (id int); alter extension citext add table theirs",
      );
      const taken = await session.contexts.take(target, session.resolved);
      await fixture.sql("update orders set total = 0");
      const observed = await target.observe(
        session.resolved,
        await session.contexts.prove(taken),
        taken.part,
      );
      const steps = session.plan(observed);
      for (const step of steps) await session.apply(step, "extended", 1, { taken });
      await fixture.sql("insert into customers (name) values ('since')");
      expect(await settled(session, steps.at(-1), "extended")).toBe("applied");
      expect((await session.apply(steps.at(-1) as StepSpec, "extended", 2, { taken })).changed).toBe(false);
      expect(await fixture.sql("select count(*) from customers where name = 'since'")).toBe("1");
    }));

  test("H23 H25 a schema that was dropped and made again, and rights by default, are as captured", () =>
    withShop(inPlace, async (session) => {
      const { fixture } = session;
      await fixture.sql(
        "drop schema public cascade; create schema public; alter default privileges grant select on tables to shop_app; alter default privileges in schema public grant all on functions to shop_app; alter default privileges revoke execute on functions from public",
      );
      await session.bringBack("schema");
      await fixture.sql("drop schema public cascade");
      await session.bringBack("no-schema");
    }));

  test("what others write as soon as a restore in place lets them is no failure of it", () =>
    withShop(inPlace, async (session) => {
      const { fixture } = session;
      await fixture.break();
      const [snapshot, restore] = (await session.steps()) as [StepSpec, StepSpec];
      await session.apply(snapshot, "busy");
      const ends = new AbortController();
      const writer = (async () => {
        while (!ends.signal.aborted) {
          const one = new pg.Client({
            ...{ host: "127.0.0.1", port: server.port, user: "postgres", database: fixture.database },
          });
          one.on("error", () => {});
          await one.connect().catch(() => {});
          await one.query("insert into customers (name) values ('busy')").catch(() => {});
          await one.end().catch(() => {});
        }
      })();
      try {
        expect((await session.apply(restore, "busy")).changed).toBe(true);
      } finally {
        ends.abort();
        await writer;
      }
      expect(await fixture.sql("select count(*) from orders")).toBe("2000");
    }));

  test("nothing is dropped when its dump has gone from beside its note", () =>
    withShop({}, async (session) => {
      const { fixture } = session;
      await fixture.break();
      const [snapshot, drop] = (await withoutRoom(session)) as [StepSpec, StepSpec];
      const dumped = await session.apply(snapshot, "gone");
      await rm(String(dumped.data?.["file"]));
      const before = await fixture.world();
      const error = await rejection(() => session.apply(drop, "gone"));
      expect([error.code, error.effect, error.message]).toEqual([
        ...["REFUSED", "none"],
        expect.stringMatching(/\.dump: is gone/) as string,
      ]);
      expect(await fixture.world()).toBe(before);
    }));

  test("M18 a run that dropped the database and came no further is taken back", () =>
    withShop({}, async (session) => {
      const { fixture } = session;
      await fixture.break();
      const before = await fixture.world();
      const observed = await session.observe();
      const [snapshot, drop] = (await withoutRoom(session)) as [StepSpec, StepSpec];
      const steps = [];
      for (const { operation, phase, input, ...step } of [snapshot, drop]) {
        const { data } = await session.apply({ operation, phase, input, ...step }, "half");
        const key = keyOf("half", { operation, phase, input, ...step });
        steps.push({ operation, phase, input, key, endedAt: Date.now(), ...(data ? { data } : {}) });
      }
      const done = { steps, captured: session.taken.part, left: observed };
      const { steps: back, checks } = await takenBack(target.undo, session, done, "back");
      expect(back.map(({ operation }) => operation)).toEqual(["stage", "swap"]);
      expect(await fixture.world()).toBe(before);
      expect(checks.filter(({ result }) => result !== "passed")).toEqual([]);
    }));

  test("a database whose drop was cut off is neither there nor a copy that could be used", () =>
    withShop({}, async (session) => {
      const { fixture } = session;
      await fixture.break();
      const cutOff = (name: string) =>
        server.sql("postgres", `update pg_database set datconnlimit = -2 where datname like '${name}'`);
      const swap = await session.steps();
      await session.apply(swap[0] as StepSpec, "cut");
      await cutOff(`backout_staged_${fixture.database}%`);
      expect(await settled(session, swap[0], "cut")).toBe("partial");
      expect((await session.apply(swap[0] as StepSpec, "cut", 2)).changed).toBe(true);

      const [snapshot, drop, ...more] = (await withoutRoom(session)) as [StepSpec, StepSpec];
      await session.apply(snapshot, "invalid");
      await cutOff(fixture.database);
      expect(await settled(session, drop, "invalid")).toBe("partial");
      for (const step of [drop, ...(more as StepSpec[])]) await session.apply(step, "invalid", 2);
      await fixture.isGood();
    }));

  test("what is written after the dump and before the drop is named", () =>
    withShop({}, async (session) => {
      const { fixture, contexts } = session;
      await fixture.break();
      const [snapshot, drop] = (await withoutRoom(session)) as [StepSpec, StepSpec];
      expect(snapshot.impact?.changes).toMatchObject([{ after: expect.stringMatching(/lost/) as string }]);
      await session.apply(snapshot, "late");
      await fixture.sql("insert into customers (name) values ('too'), ('late')");
      await session.apply(drop, "late");
      expect(contexts.lines.join("\n")).toMatch(/since the dump.*public\.customers: 2 inserted/);
    }));

  test("without room for its dump a database is not dropped first: the plan is refused", () =>
    withShop({}, async (session) => {
      await session.fixture.break();
      const error = await rejection(() => withoutRoom(session, { dumpRoom: { folder: "/tiny", free: 1e6 } }));
      expect([error.code, error.message]).toEqual([
        "REFUSED",
        expect.stringMatching(/\/small has 1 MB free.*\/tiny has 1 MB free, and a dump/) as string,
      ]);
    }));

  test("files of others among the dumps, and notes of other runs, do not mislead an undo", () =>
    withShop({ tables: ["orders"] }, async (session) => {
      const { fixture, resolved, parse } = session;
      const folder = join(fixture.folder, "backout-snapshots");
      await fixture.sql("drop materialized view totals; drop table orders");
      const work = await doneWork(session, "first");
      for (const [name, text] of Object.entries({ a: "null", b: "[]", c: '{"format":1}', d: "{" })) {
        await writeFile(join(folder, `${name}.json`), text);
      }
      expect(await target.versions?.(resolved, session.contexts.plain())).toHaveLength(1);
      await fixture.sql("drop table customers cascade");
      const other = parse({ ...fixture.options, tables: ["customers"] });
      const context = await session.contexts.prove(session.taken);
      const step = {
        operation: "snapshot",
        input: { database: fixture.database, tables: [], absent: ["public.customers"] },
      };
      await target.apply(
        { ...step, options: other, captured: session.taken.part },
        { ...context, key: "a-other/snapshot", attempt: 1 },
      );
      const { checks } = await takenBack(target.undo, session, work, "back");
      expect(checks).toMatchObject([{ name: "table public.orders", result: "passed" }]);
    }));

  test("a transaction whose number PostgreSQL gives again after a crash is not taken for the restore", () =>
    withShop({ tables: ["orders"], endWithin: "60s" }, async (session) => {
      const { fixture } = session;
      await fixture.sql("update orders set total = 0");
      const [snapshot, stage, restore] = (await session.steps()) as [StepSpec, StepSpec, StepSpec];
      await session.apply(snapshot, "again");
      await session.apply(stage, "again");
      const holder = new pg.Client({
        ...{ host: "127.0.0.1", port: server.port, user: "postgres", database: fixture.database },
      });
      holder.on("error", () => {});
      await holder.connect();
      await holder.query("begin; lock table customers in access share mode");
      const applied = rejection(() => session.apply(restore, "again"));
      const waits = "select count(*) from pg_locks where not granted";
      for (let tries = 0; tries < 600 && (await server.sql("postgres", waits)) === "0"; tries++) {
        await setTimeout(100);
      }
      await server.crash();
      await applied;
      await server.start();
      await fixture.sql(
        "do $$ begin for i in 1..50 loop perform pg_current_xact_id(); commit; end loop; end $$",
      );
      expect(await settled(session, restore, "again")).toBe("not-applied");
      await session.apply(restore, "again", 2);
      await fixture.isGood();
    }));
});
