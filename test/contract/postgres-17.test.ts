import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as after } from "node:timers/promises";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/core/json.js";
import { target } from "../../src/drivers/postgres/index.js";
import { type Options, options } from "../../src/drivers/postgres/options.js";
import { prove } from "../../src/drivers/postgres/prove.js";
import { type Contexts, contextsFor } from "../../src/drivers/testing/contexts.js";
import { describeTarget } from "../../src/drivers/testing/target-contract.js";
import { type TargetSession, targetSession } from "../../src/drivers/testing/target-session.js";
import { takeDatabase } from "../support/postgres-parts.js";
import { type PostgresServer, postgresServer } from "../support/postgres-server.js";
import { makeShop } from "../support/postgres-shop.js";
import { type PostgresWorld, postgresWorld } from "../support/postgres-world.js";

/** What depends on the version; all else is in the other files, on the version that is installed. */
const major = 17;
let server: PostgresServer;
let contexts: Contexts;
let folder: string;

beforeAll(async () => {
  server = await postgresServer({ major });
  folder = await mkdtemp(join(tmpdir(), "backout-postgres-17-"));
  contexts = await contextsFor(folder);
});
afterAll(async () => {
  await contexts?.cleanUp();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

const onServer = (database: string, more: JsonObject = {}): Promise<PostgresWorld> =>
  postgresWorld(database, { server, options: { programs: server.programs, ...more } });

describeTarget(target, {
  ...{ driver: "postgres", name: `postgres ${major}`, kills: 0, faults: [] },
  setUp: () => onServer("shop"),
});

describe(`postgres ${major}`, () => {
  const withShop = async (
    database: string,
    work: (session: TargetSession<PostgresWorld>) => Promise<void>,
    more: JsonObject = {},
  ): Promise<void> => {
    const setUp = () => onServer(database, more);
    const session = await targetSession(target, { driver: "postgres", faults: [], setUp });
    try {
      await work(session);
    } finally {
      await session.cleanUp();
    }
  };
  const given = async (database: string): Promise<Options> =>
    options.parse({ url: await server.database(database), programs: server.programs });
  const provenOf = async (database: string) => {
    const taken = await takeDatabase(await given(database), contexts, folder);
    const proof = await prove(taken.part, await given(database), await contexts.prove(taken));
    expect(proof.checks.filter(({ result }) => result !== "passed")).toEqual([]);
    expect(proof.level).toBe("restored");
    return taken.part.data;
  };

  test("what databases can hold since then is proven: rights, rules of a collation, constraints, identities", async () => {
    await server.sql(
      "postgres",
      `create database holds template template0 locale_provider icu icu_locale 'en' icu_rules '&a < g'`,
    );
    await makeShop(server, "holds");
    await server.sql(
      "holds",
      `grant maintain on orders to shop_app; grant all on customers to shop_report;
       create domain named as text constraint given not null check (value <> '');
       create table measured (id bigint generated always as identity, at date not null, name named) partition by range (at);
       create table measured_2025 partition of measured for values from ('2025-01-01') to ('2026-01-01');
       insert into measured (at, name) values ('2025-05-05', 'x');
       alter default privileges for role shop_owner grant all on tables to shop_app`,
    );
    const { database, content } = await provenOf("holds");
    expect(database).toMatchObject({ provider: "icu", locale: "en", rules: "&a < g" });
    expect(content.grants["public.orders"]).toMatch(/shop_app=MAINTAIN/);
  });

  test("a database whose locale is PostgreSQL's own is made as it was", async () => {
    await server.sql(
      "postgres",
      `create database own template template0 locale_provider builtin builtin_locale 'C.UTF-8'`,
    );
    await server.sql("own", "create table t as select 'ß' as v");
    const { database } = await provenOf("own");
    expect(database).toMatchObject({ provider: "builtin", locale: "C.UTF-8" });
  });

  test("in place it comes back by one transaction", () =>
    withShop(
      "placed",
      async ({ fixture, steps, bringBack }) => {
        await fixture.break();
        expect((await steps()).map(({ operation }) => operation)).toEqual(["snapshot", "restore-in-place"]);
        await bringBack("placed");
      },
      { way: "in-place" },
    ));

  test("chosen tables come back, one by its rows and one made anew", () =>
    withShop(
      "chosen",
      async ({ fixture: { sql }, steps, apply, verify }) => {
        const state = `select (select md5(string_agg(o::text, '|' order by id)) from orders o)
          || (select md5(string_agg(c::text, '|' order by id)) from customers c)`;
        const good = await sql(state);
        await sql(
          "update orders set total = 0; alter table customers add column more int; create table later (n int)",
        );
        for (const step of await steps()) await apply(step, "chosen");
        expect(await sql(state)).toBe(good);
        expect(await sql("select count(*) from later")).toBe("0");
        expect((await verify()).filter(({ result }) => result !== "passed")).toEqual([]);
      },
      { tables: ["orders", "customers"] },
    ));

  test("no time-out of the database ends a capture that has to wait", () =>
    withShop("timed", async ({ fixture: { sql }, contexts: own, resolved, bringBack }) => {
      await sql(
        "alter database timed set transaction_timeout = '1s'; alter database timed set idle_session_timeout = '1s'",
      );
      const holder = new pg.Client({ connectionString: await server.database("timed") });
      await holder.connect();
      await holder.query("set transaction_timeout = 0");
      await holder.query("begin; lock table orders");
      const taking = own.take(target, resolved);
      // As pg_dump waits for the lock, the transaction beside it stays open.
      await Promise.race([taking, after(2_500)]);
      await holder.query("rollback");
      await holder.end();
      expect((await taking).part.summary).toMatch(/tables/);
      await sql(
        "alter database timed reset transaction_timeout; alter database timed reset idle_session_timeout",
      );
      await bringBack("timed");
    }));

  test("a role that may not hand anything to the owner is told so, and restores once it may", async () => {
    for (const text of [
      "create role keeper",
      "create role runner login createdb in role pg_read_all_data, pg_signal_backend",
      "grant keeper to runner with inherit true, set false",
      "create database kept owner keeper",
    ]) {
      await server.sql("postgres", text);
    }
    const sql = (text: string): Promise<string> => server.sql("kept", text);
    await sql("set role keeper; create table things as select n from generate_series(1, 9) n");
    const where = { host: "127.0.0.1", port: server.port, user: "runner", database: "kept" };
    const given = { ...where, programs: server.programs };
    const problems = (await target.check?.(target.options.parse(given), contexts.plain())) ?? [];
    expect(problems.filter(({ severity }) => severity === "error")).toMatchObject([
      {
        message: expect.stringContaining('"runner" may not rename "kept"') as string,
        hint: expect.stringContaining(
          `grant its owner's role to "runner" with inherit true, set true`,
        ) as string,
      },
    ]);
    await server.sql("postgres", "grant keeper to runner with set true");
    const world = (): Promise<string> =>
      sql("select count(*), (select relowner::regrole from pg_class where relname = 'things') from things");
    const good = await world();
    const session = await targetSession(target, {
      ...{ driver: "postgres", faults: [] },
      setUp: async () => ({
        ...{ folder: await mkdtemp(join(folder, "kept-")), options: given, world },
        break: async () => void (await sql("delete from things where n > 4")),
        isGood: async () => expect(await world()).toBe(good),
        cleanUp: async () => {},
      }),
    });
    await session.fixture.break();
    expect((await session.steps()).map(({ operation }) => operation)).toEqual(["stage", "swap"]);
    await session.bringBack("kept");
    await session.cleanUp();
  });
});
