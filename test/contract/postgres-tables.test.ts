import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { StepSpec } from "../../src/core/driver.js";
import type { JsonObject } from "../../src/core/json.js";
import { target } from "../../src/drivers/postgres/index.js";
import { describeTarget } from "../../src/drivers/testing/target-contract.js";
import { rejection } from "../../src/drivers/testing/target-faults.js";
import type { TargetFixture } from "../../src/drivers/testing/target-fixture.js";
import { type TargetSession, targetSession } from "../../src/drivers/testing/target-session.js";
import { doneWork, takenBack } from "../../src/drivers/testing/target-undo.js";
import { type PostgresServer, postgresServer } from "../support/postgres-server.js";

const schema = `
  create table customers (id serial primary key, name text not null);
  create table orders (id serial primary key, customer int not null references customers, total numeric(10, 2) check (total >= 0), note text, changed int not null default 0);
  create index orders_customer on orders (customer);
  create table lines (id serial primary key, "order" int not null references orders on delete cascade, what text);
  create table notes (id serial primary key, text text);
  create materialized view totals as select customer, sum(total) as total from orders group by 1;
  create function touched() returns trigger language plpgsql as $f$ begin new.changed := new.changed + 1; return new; end $f$;
  create trigger touch before insert or update on orders for each row execute function touched();
  insert into customers (name) select 'customer ' || n from generate_series(1, 20) n;
  insert into orders (customer, total, note) select 1 + n % 20, n, 'order ' || n from generate_series(1, 500) n;
  insert into lines ("order", what) select 1 + n % 500, 'line ' || n from generate_series(1, 1000) n;
  refresh materialized view totals;
  comment on constraint orders_customer_fkey on orders is 'whose it is';
  comment on constraint lines_order_fkey on lines is 'goes with its "order"; it''s C:\\';
  grant select, insert on orders to shop_app`;

/** Everything about the chosen table, and what stays as it is. */
const state = `
  select string_agg(line, e'\\n' order by line) from (
    select 'orders ' || md5(string_agg(o::text, '|' order by id)) as line from orders o
    union all select 'key ' || conname || pg_get_constraintdef(oid) || coalesce(obj_description(oid, 'pg_constraint'), '') from pg_constraint where 'orders'::regclass in (conrelid, confrelid)
    union all select 'index ' || pg_get_indexdef(indexrelid) from pg_index where indrelid = 'orders'::regclass
    union all select 'trigger ' || tgname || tgenabled::text from pg_trigger where tgrelid = 'orders'::regclass and not tgisinternal
    union all select 'rights ' || relacl::text from pg_class where oid = 'orders'::regclass
    union all select 'lines ' || count(*) from lines
    union all select 'totals ' || md5(string_agg(t::text, '|' order by customer)) from totals t
  ) all_lines`;

const brokenRows =
  'update orders set total = 0 where id <= 100; delete from orders where id > 450 and not exists (select from lines where "order" = orders.id)';

interface Shop extends TargetFixture {
  readonly server: PostgresServer;
  readonly database: string;
  sql(text: string): Promise<string>;
}

async function tablesWorld(
  database: string,
  given?: PostgresServer,
  options: JsonObject = {},
): Promise<Shop> {
  const folder = await mkdtemp(join(tmpdir(), "backout-tables-"));
  const server = given ?? (await postgresServer());
  const cleanUp = async (): Promise<void> => {
    if (given === undefined) await server.stop();
    await rm(folder, { recursive: true, force: true });
  };
  const sql = (text: string): Promise<string> => server.sql(database, text);
  const good = await fill().catch(async (error: unknown) => {
    await cleanUp();
    throw error;
  });
  return {
    ...{ folder, server, database, sql },
    options: {
      host: "127.0.0.1",
      port: server.port,
      user: "postgres",
      database,
      tables: ["orders"],
      ...options,
    },
    break: async () => void (await sql(`${brokenRows}; insert into notes (text) values ('kept')`)),
    isGood: async () => expect(await sql(state)).toBe(good),
    world: () => sql(state),
    // Refreshed together with the table, whichever way that goes.
    likeness: async () => (await sql(state)).replace(/^totals .*$/m, ""),
    cleanUp,
  };

  async function fill(): Promise<string> {
    await server.sql(
      "postgres",
      "do $$ begin create role shop_app login; exception when duplicate_object then null; end $$",
    );
    await server.database(database);
    await sql(schema);
    return sql(state);
  }
}

describeTarget(target, {
  ...{ driver: "postgres", name: "postgres, chosen tables", kills: 2, killed: ["restore-tables"] },
  setUp: () => tablesWorld("shop"),
  faults: [],
});

describe("postgres: chosen tables", () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await postgresServer();
  });
  afterAll(() => server?.stop());

  let made = 0;
  async function withShop(work: (session: TargetSession<Shop>) => Promise<void>, options: JsonObject = {}) {
    made++;
    const setUp = (): Promise<Shop> => tablesWorld(`shop_${made}`, server, options);
    const session = await targetSession(target, { driver: "postgres", faults: [], setUp });
    try {
      await work(session);
    } finally {
      await session.cleanUp();
    }
  }

  const operations = (steps: readonly StepSpec[]): string[] => steps.map(({ operation }) => operation);
  const changes = (steps: readonly StepSpec[]) => steps.flatMap(({ impact }) => impact?.changes ?? []);

  test.each([
    [
      "altered",
      "alter table orders drop column note; drop index orders_customer; revoke insert on orders from shop_app",
      "anew",
    ],
    [
      "dropped",
      "alter table lines drop constraint lines_order_fkey; drop materialized view totals; drop table orders",
      "anew",
    ],
    ["refilled", "", "rows"],
  ])(
    "H37 a table that was %s comes back with its key, indexes, foreign keys and their comments, triggers and rights; the others are not touched",
    (what, broken, way) =>
      withShop(async (session) => {
        const { fixture, apply } = session;
        if (what === "altered") await fixture.sql("drop materialized view totals");
        await fixture.sql(
          `${what === "dropped" ? "" : brokenRows}; ${broken}; insert into notes (text) values ('later')`,
        );
        const steps = await session.steps();
        expect(operations(steps)).toEqual(["snapshot", "stage", "restore-tables"]);
        const input = steps.at(-1)?.input as { tables: { way: string }[] };
        expect(input.tables.map((one) => one.way)).toEqual([way]);
        for (const step of steps) await apply(step, "back");
        // What hung on the table and was dropped with it is not the table's.
        if (what === "dropped")
          await fixture.sql(
            "alter table lines add constraint lines_order_fkey foreign key (\"order\") references orders on delete cascade; comment on constraint lines_order_fkey on lines is 'goes with its \"order\"; it''s C:\\'",
          );
        if (what !== "refilled")
          await fixture.sql(
            "create materialized view totals as select customer, sum(total) as total from orders group by 1",
          );
        await fixture.isGood();
        expect(await fixture.sql("select text from notes")).toBe("later");
        expect(
          await fixture.sql("insert into orders (customer, total) values (1, 1) returning id, changed"),
        ).toBe("501|1");
        expect(
          await server.sql("postgres", "select count(*) from pg_database where datname like 'backout%'"),
        ).toBe("0");
        expect((await session.verify()).filter(({ result }) => result !== "passed")).toEqual([]);
      }),
  );

  test("M18 what replaced a table of another definition is taken back: the column, the rows and the rights that it had", () =>
    withShop(async (session) => {
      const { fixture } = session;
      await fixture.sql(
        `drop materialized view totals; ${brokenRows}; alter table orders add column worse int default 7; revoke insert on orders from shop_app; drop index orders_customer`,
      );
      const state = `select string_agg(o::text, '|' order by id) || (select relacl::text from pg_class where oid = 'orders'::regclass) from orders o`;
      const before = await fixture.sql(state);
      const work = await doneWork(session, "there");
      expect(await fixture.sql(state)).not.toBe(before);
      expect(await fixture.sql("select to_regclass('orders_customer') is null")).toBe("f");
      const { steps, checks } = await takenBack(target.undo, session, work, "back");
      expect(operations(steps)).toEqual(["snapshot", "restore-tables"]);
      expect(checks.filter(({ result }) => result !== "passed")).toEqual([]);
      expect(await fixture.sql(state)).toBe(before);
      expect(await fixture.sql("select to_regclass('orders_customer') is null")).toBe("t");
    }));

  test("a table that was not there is dropped when its restore is taken back; what refers to it by then is named, and nothing dropped", () =>
    withShop(async (session) => {
      const { fixture } = session;
      await fixture.sql(
        "alter table lines drop constraint lines_order_fkey; drop materialized view totals; drop table orders",
      );
      const work = await doneWork(session, "there");
      expect(await fixture.sql("select count(*) from orders")).toBe("500");
      await fixture.sql('alter table lines add constraint late foreign key ("order") references orders');
      const error = await rejection(() => takenBack(target.undo, session, work, "early"));
      expect([error.code, error.message]).toEqual([
        "REFUSED",
        expect.stringMatching(
          /public\.orders was not there before, and cannot be dropped: foreign key late of public\.lines/,
        ) as string,
      ]);
      await fixture.sql("alter table lines drop constraint late");
      const { checks } = await takenBack(target.undo, session, work, "back");
      expect(checks).toMatchObject([{ name: "table public.orders", result: "passed" }]);
      expect(await fixture.sql("select to_regclass('orders') is null, count(*) from lines")).toBe("t|1000");
    }));

  test("H37 a foreign key that would not fit is named with its key, and nothing is restored", () =>
    withShop(async (session) => {
      const { fixture, apply } = session;
      await fixture.break();
      await fixture.sql(
        "insert into orders (customer, total) values (1, 5); insert into lines (\"order\", what) select max(id), 'late' from orders",
      );
      const before = await fixture.world();
      const steps = await session.steps();
      expect(changes(steps)).toContainEqual({
        what: "foreign key lines_order_fkey of public.lines",
        before: "refers to public.orders",
        after: "checked against every row again: where one does not fit, nothing is restored",
      });
      const [snapshot, stage, restore] = steps as [StepSpec, StepSpec, StepSpec];
      await apply(snapshot, "unfit");
      await apply(stage, "unfit");
      const error = await rejection(() => apply(restore, "unfit"));
      expect([error.code, error.effect, error.message]).toEqual([
        "CONFLICT",
        "none",
        expect.stringMatching(
          /lines_order_fkey.*Key \(order\)=\(501\) is not present in table "orders"/,
        ) as string,
      ]);
      expect(error.hint).toMatch(/name the other table under `tables`/);
      expect(await fixture.world()).toBe(before);
      await fixture.sql("delete from lines where what = 'late'");
      await apply(restore, "unfit", 2);
      await fixture.isGood();
    }));

  test("several tables with foreign keys between them come back together", () =>
    withShop(
      async (session) => {
        const { fixture, bringBack } = session;
        await fixture.sql("delete from lines; delete from orders; delete from customers where id > 3");
        await bringBack("several");
        await fixture.isGood();
        expect(await fixture.sql("select count(*) from customers")).toBe("20");
      },
      { tables: ["lines", "public.orders", "customers"] },
    ));

  test("H36 what depends on a table that must be made anew is named, and the plan refused", () =>
    withShop(async (session) => {
      const { fixture } = session;
      await fixture.sql(
        "alter table orders add column worse int; create view open_orders as select id from orders",
      );
      await expect(session.steps()).rejects.toMatchObject({
        code: "REFUSED",
        message: expect.stringMatching(/view public\.open_orders depends on public\.orders/) as string,
      });
    }));

  test.each([
    ["nowhere", /"nowhere" was not captured/],
    ["totals", /"totals" is a materialized view/],
    ["parted", /"parted" is partitioned/],
  ])("a table that cannot come back by itself is refused: %s", (name, says) =>
    withShop(async ({ fixture, contexts, resolved, parse }) => {
      await fixture.sql("create table parted (at date) partition by range (at)");
      const taken = await contexts.take(target, resolved);
      const options = parse({ ...fixture.options, tables: [name] });
      const error = await rejection(async () =>
        target.observe(options, await contexts.prove(taken), taken.part),
      );
      expect([error.code, error.message]).toEqual(["REFUSED", expect.stringMatching(says) as string]);
    }),
  );

  test("an open transaction that keeps the tables is named after `endWithin`, and nothing is changed", () =>
    withShop(
      async (session) => {
        const { fixture, apply } = session;
        await fixture.break();
        const before = await fixture.world();
        const [snapshot, stage, restore] = (await session.steps()) as [StepSpec, StepSpec, StepSpec];
        await apply(snapshot, "blocked");
        await apply(stage, "blocked");
        const reader = new pg.Client({
          host: "127.0.0.1",
          port: server.port,
          user: "postgres",
          database: fixture.database,
        });
        await reader.connect();
        await reader.query("begin; select count(*) from orders");
        const error = await rejection(() => apply(restore, "blocked"));
        expect([error.code, error.effect, error.message]).toEqual([
          "CONFLICT",
          "none",
          expect.stringMatching(/in use.*select count\(\*\) from orders/) as string,
        ]);
        expect(await fixture.world()).toBe(before);
        await reader.end();
        await apply(restore, "blocked", 2);
        await fixture.isGood();
      },
      { endWithin: "300ms" },
    ));

  test("a table that somebody altered since the plan is a conflict", () =>
    withShop(async (session) => {
      const { fixture, apply } = session;
      await fixture.break();
      const [snapshot, stage, restore] = (await session.steps()) as [StepSpec, StepSpec, StepSpec];
      await apply(snapshot, "moved");
      await apply(stage, "moved");
      await fixture.sql("alter table orders add column more int");
      const error = await rejection(() => apply(restore, "moved"));
      expect([error.code, error.effect, error.message]).toEqual([
        "CONFLICT",
        "none",
        expect.stringContaining("public.orders: is another one") as string,
      ]);
    }));
});
