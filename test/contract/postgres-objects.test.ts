import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/core/json.js";
import { target } from "../../src/drivers/postgres-objects/index.js";
import { describeTarget } from "../../src/drivers/testing/target-contract.js";
import { rejection } from "../../src/drivers/testing/target-faults.js";
import type { TargetFixture } from "../../src/drivers/testing/target-fixture.js";
import { type TargetSession, targetSession } from "../../src/drivers/testing/target-session.js";
import { type PostgresServer, postgresServer } from "../support/postgres-server.js";

interface Fixture extends TargetFixture {
  readonly server: PostgresServer;
  readonly database: string;
  sql(text: string): Promise<string>;
}

/** Names as awkward as they may be. */
const odd = 'Odd "name" of.it';
const quotedOdd = '"Odd ""name"" of.it"';

const before = `
  create table orders (id int primary key, customer text, total numeric, note text, at date default current_date);
  insert into orders select n, 'customer ' || n % 50, n, repeat('x', 50), '2026-01-01'::date + n % 90 from generate_series(1, 5000) n;
  create index orders_by_customer on orders (customer) where total > 10;
  create unique index ${quotedOdd} on orders (customer, id) include (total);
  comment on index ${quotedOdd} is 'it''s needed';
  create materialized view totals as select customer, sum(total) as total from orders group by 1;
  create unique index totals_by_customer on totals (customer);
  create view big with (security_barrier = true) as select * from totals where total > 1000;
  grant select on big to reader;
  comment on view big is 'big customers';
  create function order_total(who text, lowest int default 0) returns numeric language sql stable
    as $$ select sum(total) from orders where customer = who and total >= lowest; $$;
  revoke execute on function order_total(text, int) from public;
  grant execute on function order_total(text, int) to reader;
  select cron.schedule('refresh totals', '*/5 * * * *', 'refresh materialized view concurrently totals');`;

/** What the change makes and what it drops, as a bad rollout leaves it. */
const changed = [
  "create index orders_by_note on orders (note)",
  "create index orders_by_at on orders (at)",
  "create materialized view daily as select at, count(*) as n from orders group by at",
  "create index daily_by_at on daily (at)",
  "create view busy as select * from daily where n > 3",
  "create function busy_days() returns bigint language sql begin atomic select count(*) from busy; end",
  "select cron.schedule('refresh daily', '0 3 * * *', 'refresh materialized view daily')",
  `drop index ${quotedOdd}`,
  "drop index orders_by_customer; create index orders_by_customer on orders (customer)",
  "drop view big",
  "drop materialized view totals",
  "create or replace function order_total(who text, lowest int default 0) returns numeric language sql as $$ select 0::numeric $$; grant execute on function order_total(text, int) to public",
  "select cron.unschedule('refresh totals')",
];

const made = [
  { index: "orders_by_note" },
  { index: "public.orders_by_at" },
  { materialized_view: "public.daily" },
  { view: "public.busy" },
  { function: "public.busy_days()" },
  { job: "refresh daily" },
];
const dropped = [
  { index: `public.${quotedOdd}` },
  { index: "public.orders_by_customer" },
  { view: "public.big" },
  { materialized_view: "public.totals" },
  { function: "public.order_total(text, int)" },
  { job: "refresh totals" },
];

/** Read by itself, not by the driver's code. */
const grants = (acl: string, letter: string, owner: string): string =>
  `(select string_agg(grantee || privilege_type || is_grantable, ' ' order by grantee, privilege_type)
    from aclexplode(coalesce(${acl}, acldefault('${letter}', ${owner}))))`;
const picture = `
  select string_agg(line, E'\\n' order by line) from (
    select 'index ' || pg_get_indexdef(indexrelid) || indisvalid || coalesce(obj_description(indexrelid), '') as line
      from pg_index where indrelid in (select oid from pg_class where relnamespace = 'public'::regnamespace)
    union all select relkind::text || ' ' || relname || pg_get_viewdef(oid) || ${grants("relacl", "r", "relowner")}
        || coalesce(reloptions::text, '') || relispopulated || coalesce(obj_description(oid), '')
      from pg_class where relkind in ('v', 'm') and relnamespace = 'public'::regnamespace
    union all select pg_get_functiondef(oid) || ${grants("proacl", "f", "proowner")}
      from pg_proc where pronamespace = 'public'::regnamespace
    union all select 'job ' || jobname || schedule || command || database || username || active from cron.job
  ) lines`;

const few = (items: readonly JsonObject[], ...numbers: number[]): JsonObject[] =>
  numbers.map((number) => items[number] as JsonObject);

async function setUp(more: JsonObject = {}, changes = [...changed.keys()], major = 15): Promise<Fixture> {
  const name = "shop";
  const settings = ["shared_preload_libraries=pg_cron", "cron.database_name=shop"];
  const server = await postgresServer({ major, settings });
  const folder = await mkdtemp(join(tmpdir(), "backout-objects-"));
  const url = await server.database(name);
  const sql = async (text: string): Promise<string> => {
    const asked = new pg.Client({ connectionString: url });
    await asked.connect();
    try {
      const answers = [await asked.query<unknown[]>({ text, rowMode: "array" })].flat();
      return String(answers.at(-1)?.rows[0]?.[0] ?? "");
    } finally {
      await asked.end();
    }
  };
  const secret = "s3cret-of-owner";
  await server.passwordUser("keeper", secret, name, "superuser");
  await sql("create extension pg_cron");
  await sql("create role reader");
  await sql(before);
  const good = await sql(picture);
  const where = { host: "127.0.0.1", port: server.port, user: "keeper", database: name };
  const options = { ...where, made, dropped, lock_timeout: "500ms", patience: "2s", ...more };
  return {
    ...{ server, folder, database: name, sql, secrets: [secret] },
    options: { ...options, password: "${env:KEEPER}" },
    resolved: { ...options, password: secret },
    break: async () => {
      for (const change of changes) await sql(changed[change] ?? "");
    },
    isGood: async () => expect(await sql(picture)).toBe(good),
    world: async () => await sql(picture),
    cleanUp: async () => {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const client = async ({ server, database }: Fixture): Promise<pg.Client> => {
  const opened = new pg.Client({
    connectionString: await server.database(database),
    application_name: "holder",
  });
  opened.on("error", () => {});
  await opened.connect();
  return opened;
};

/** A transaction that has locked what the first step needs and never ends. */
const blocking = (statement: string) => async (fixture: Fixture) => {
  const holder = await client(fixture);
  await holder.query("begin");
  await holder.query(statement);
  await new Promise((resolve) => setTimeout(resolve, 700));
  return () => holder.end();
};

describeTarget<Fixture>(target, {
  driver: "postgres-objects",
  name: "postgres-objects M16",
  // One of each kind of statement: with all of them, every step is killed many times over.
  setUp: () => setUp({ made: few(made, 0, 5), dropped: few(dropped, 0, 2) }, [0, 6, 7, 9]),
  kills: 2,
  faults: [
    {
      name: "wrong password",
      options: ({ resolved }) => ({ ...resolved, password: "wrong" }),
      code: "DENIED",
      says: /does not take this user and password/,
    },
    {
      name: "no such database",
      options: ({ resolved }) => ({ ...resolved, database: "nowhere" }),
      code: "NOT_FOUND",
      says: /nowhere/,
    },
    {
      name: "server gone",
      arrange: async ({ server }) => {
        await server.crash();
        return () => server.start();
      },
      code: "UNREACHABLE",
      says: /cannot be reached/,
    },
    {
      name: "H60 an open transaction that blocks for ever",
      arrange: blocking("select count(*) from orders"),
      on: ["apply"],
      code: "TIMEOUT",
      says: /index public.orders_by_note: gave up after 2 s, in the way is pid \d+ \(holder, idle in transaction/,
    },
  ],
});

describeTarget<Fixture>(target, {
  ...{ driver: "postgres-objects", name: "postgres-objects 17", kills: 0, faults: [] },
  setUp: () => setUp({}, undefined, 17),
});

describe("objects of a database", () => {
  let session: TargetSession<Fixture>;
  beforeAll(async () => {
    session = await targetSession(target, { driver: "postgres-objects", faults: [], setUp: () => setUp() });
  });
  afterAll(() => session.cleanUp());
  const sql = (text: string): Promise<string> => session.fixture.sql(text);
  const titled = async (title: RegExp) => {
    const step = (await session.steps()).find((one) => title.test(one.title));
    if (step === undefined) throw new Error(`no step ${title}`);
    return step;
  };

  describe("broken", () => {
    beforeEach(async () => {
      await sql("drop view if exists more, late; drop table if exists uses_it");
      await session.bringBack("between");
      await session.fixture.break();
    });

    test("H36 dependents go first, each by a step of its own, and none by CASCADE", async () => {
      const titles = (await session.steps()).map((step) => step.title);
      const at = (part: string): number => titles.findIndex((title) => title.includes(part));
      expect(at("drop function public.busy_days()")).toBeLessThan(at("drop view public.busy"));
      expect(at("drop view public.busy")).toBeLessThan(at("drop materialized view public.daily"));
      expect(at("make materialized view public.totals")).toBeLessThan(at("make view public.big"));
    });

    test("H36 what the playbook does not name but depends on an object is named, and nothing is dropped", async () => {
      await sql("create view more as select * from busy; create table uses_it (a int default busy_days())");
      const error = await rejection(() => session.steps());
      expect([error.code, error.message]).toEqual([
        "REFUSED",
        expect.stringMatching(
          /function public.busy_days\(\): default value for column a of table .*uses_it depends on it/,
        ) as string,
      ]);
      expect(error.message).toMatch(/view public.busy: .*view public.more depend on it/);
    });

    test("H36 a dependent that comes after the plan keeps the object, and the step says which", async () => {
      const step = await titled(/drop materialized view public.daily/);
      for (const earlier of await session.steps()) {
        if (earlier.operation === step.operation) break;
        await session.apply(earlier, "dependent");
      }
      await sql("create view late as select * from daily");
      const world = await session.fixture.world();
      const error = await rejection(() => session.apply(step, "dependent"));
      expect([error.code, error.effect]).toEqual(["CONFLICT", "none"]);
      expect(error.message).toMatch(/late/);
      expect(await session.fixture.world()).toBe(world);
    });

    test("H60 an index is not touched while an old transaction is in the way: pid and age are told, then it goes on", async () => {
      const step = await titled(/drop index public.orders_by_note concurrently/);
      const holder = await client(session.fixture);
      const { pid } = (await holder.query<{ pid: number }>("select pg_backend_pid() as pid")).rows[0] ?? {
        pid: 0,
      };
      await holder.query("begin; select count(*) from orders");
      await new Promise((resolve) => setTimeout(resolve, 1_200));
      const valid = () =>
        sql("select indisvalid from pg_index where indexrelid = 'orders_by_note'::regclass");
      const error = await rejection(() => session.apply(step, "patience"));
      expect([error.code, error.effect]).toEqual(["TIMEOUT", "none"]);
      expect(error.message).toMatch(new RegExp(`pid ${pid} \\(holder, idle in transaction, for \\d+ s\\)`));
      expect(error.hint).toContain(`pg_terminate_backend(${pid})`);
      expect(await valid()).toBe("true");
      const applied = session.apply(step, "patience", 2);
      await new Promise((resolve) => setTimeout(resolve, 500));
      await holder.end();
      expect((await applied).changed).toBe(true);
    });

    test("H60 an index that an ended DROP left invalid is found and finished", async () => {
      const holder = await client(session.fixture);
      await holder.query("begin; select count(*) from orders");
      const other = await client(session.fixture);
      await other.query("set lock_timeout = '200ms'");
      await expect(other.query("drop index concurrently orders_by_note")).rejects.toThrow(/lock timeout/);
      await Promise.all([holder.end(), other.end()]);
      expect(await sql("select indisvalid from pg_index where indexrelid = 'orders_by_note'::regclass")).toBe(
        "false",
      );
      expect((await session.observe()).summary).toMatch(/1 invalid/);
      const step = await titled(/drop index public.orders_by_note/);
      expect(step.impact?.changes?.[0]?.before).toMatch(/invalid/);
      expect(
        (await session.verify()).find(({ name }) => name === "index public.orders_by_note"),
      ).toMatchObject({
        result: "failed",
        actual: "invalid",
      });
    });

    test("H60 an index that an ended CREATE left invalid is made anew", async () => {
      await sql(`create unique index ${quotedOdd} on orders (customer, id) include (total)`);
      await sql(`update pg_index set indisvalid = false where indexrelid = '${quotedOdd}'::regclass`);
      const step = await titled(/make index public."Odd/);
      expect(step.impact?.changes?.[0]?.before).toMatch(/invalid/);
    });

    test("H46 every object is verified, not a sample: one left of twelve fails it", async () => {
      await session.bringBack("all");
      await sql("create index orders_by_at on orders (at)");
      const checks = await session.verify();
      expect(checks.length).toBe(made.length + dropped.length);
      expect(checks.filter(({ result }) => result !== "passed")).toEqual([
        { name: "index public.orders_by_at", result: "failed", expected: "does not exist", actual: "exists" },
      ]);
    });

    test("one that somebody has changed since the plan is left alone", async () => {
      const step = await titled(/make function public.order_total/);
      await sql(
        "create or replace function order_total(who text, lowest int default 0) returns numeric language sql as $$ select 7::numeric $$",
      );
      const world = await session.fixture.world();
      const error = await rejection(() => session.apply(step, "changed"));
      expect([error.code, error.effect]).toEqual(["CONFLICT", "none"]);
      expect(await session.fixture.world()).toBe(world);
    });

    test("two at once: both end, and the world is good", async () => {
      const steps = await session.steps();
      for (const step of steps) {
        await Promise.allSettled([session.apply(step, "one"), session.apply(step, "other")]);
      }
      await session.bringBack("after both");
    });
  });

  test("M16 pg_cron: absence, success and an error are told apart", async () => {
    await sql("drop view if exists more, late; drop table if exists uses_it");
    await session.bringBack("cron");
    await session.fixture.break();
    const step = await titled(/unschedule job "refresh daily"/);
    expect(await session.apply(step, "cron")).toMatchObject({
      changed: true,
      summary: expect.stringContaining("does not exist any more") as string,
    });
    expect(await session.apply(step, "cron", 2)).toMatchObject({ changed: false });
    await session.bringBack("cron rest");
    await sql("drop extension pg_cron");
    const error = await rejection(() => session.observe());
    expect([error.code, error.message]).toEqual([
      "NOT_FOUND",
      expect.stringMatching(/pg_cron is not in this database/) as string,
    ]);
    await sql("create extension pg_cron");
    await sql(
      before
        .split(";")
        .filter((one) => one.includes("cron.schedule"))
        .join(";"),
    );
    await session.bringBack("cron again");
  });

  test("what is there already before the change is no state to come back to", async () => {
    await session.fixture.break();
    const error = await rejection(() => session.contexts.take(target, session.resolved));
    expect([error.code, error.message]).toEqual([
      "REFUSED",
      expect.stringMatching(/orders_by_note is there already/) as string,
    ]);
    expect(error.message).toMatch(/view public.big is absent/);
    await session.bringBack("captured late");
  });

  test("an index that belongs to a constraint is refused when checked", async () => {
    const options = session.parse({
      ...session.fixture.resolved,
      made: [{ index: "public.orders_pkey" }],
      dropped: [],
    });
    const problems = await target.check?.(options, session.contexts.plain());
    expect(problems?.map(({ message }) => message).join()).toMatch(
      /orders_pkey: .*belongs to the constraint orders_pkey/,
    );
  });

  test("a role that may not drop them is told when checked, and changes nothing", async () => {
    const url = await session.fixture.server.passwordUser("guest", "guest-secret", session.fixture.database);
    await session.fixture.break();
    const options = session.parse({ url, made: [{ index: "public.orders_by_note" }], dropped: [] });
    const problems = await target.check?.(options, session.contexts.plain());
    expect(problems?.[0]?.message).toMatch(/orders_by_note: belongs to postgres/);
    const world = await session.fixture.world();
    const step = await titled(/drop index public.orders_by_note/);
    const error = await rejection(() => session.apply(step, "guest", 1, { options }));
    expect([error.code, error.effect]).toEqual(["DENIED", "none"]);
    expect(await session.fixture.world()).toBe(world);
    await session.bringBack("after guest");
  });

  test(`names as ${odd} are taken as written, others are refused`, () => {
    const wrong = (item: JsonObject): string => {
      const given = { ...session.fixture.resolved, made: [item], dropped: [] };
      return (
        target.options
          .safeParse(given)
          .error?.issues.map(({ message }) => message)
          .join() ?? ""
      );
    };
    expect(wrong({ index: `public.${quotedOdd}` })).toBe("");
    expect(wrong({ index: "a.b.c" })).toMatch(/is no name as SQL writes it/);
    expect(wrong({ index: 'public."unclosed' })).toMatch(/is no name/);
    expect(wrong({ view: "public.x; drop table orders" })).toMatch(/behind the name/);
    expect(wrong({ function: "public.total" })).toMatch(/no arguments' types/);
    expect(wrong({ index: "a", view: "b" })).toMatch(/names 2 objects/);
  });
});
