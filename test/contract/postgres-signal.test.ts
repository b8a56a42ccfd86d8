import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/core/json.js";
import { check, signal } from "../../src/drivers/postgres/index.js";
import { describeCheck } from "../../src/drivers/testing/check-contract.js";
import { type Contexts, contextsFor } from "../../src/drivers/testing/contexts.js";
import type { ReadingFixture } from "../../src/drivers/testing/reading-fixture.js";
import { describeSignal } from "../../src/drivers/testing/signal-contract.js";
import { type PostgresServer, postgresServer } from "../support/postgres-server.js";

interface Fixture extends ReadingFixture {
  readonly server: PostgresServer;
  with(query: string, more?: JsonObject): JsonObject;
}

const schema = `
  create table orders (id int primary key, total numeric, note text);
  insert into orders select n, n, null from generate_series(1, 12345) n;
  create index orders_by_total on orders (total);
  create role reader login password 'reader-secret' connection limit 3;
  grant select on orders to reader;`;

async function setUp(options: JsonObject, resolved: JsonObject): Promise<Fixture> {
  const server = await postgresServer();
  await server.database("shop");
  await server.sql("shop", schema);
  const folder = await mkdtemp(join(tmpdir(), "backout-postgres-signal-"));
  const where = { host: "127.0.0.1", port: server.port, user: "reader", database: "shop" };
  return {
    server,
    folder,
    options: { ...where, password: "${env:READER}", ...options },
    resolved: { ...where, password: "reader-secret", ...resolved },
    secrets: ["reader-secret"],
    with: (query, more = {}) => ({ ...where, password: "reader-secret", query, ...more }),
    cleanUp: async () => {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const crashed = async ({ server }: Fixture) => {
  await server.crash();
  return () => server.start();
};

/** Everything that keeps a number from being measured, for signal and check alike. */
const unmeasurable = [
  { name: "server gone", arrange: crashed, code: "UNREACHABLE", says: /cannot be reached/ },
  {
    name: "no such database",
    options: (fixture: Fixture) => ({ ...fixture.with("select 1"), database: "nowhere" }),
    code: "NOT_FOUND",
    says: /nowhere.*there is no such database/,
  },
  {
    name: "no such role, the password kept out of the message",
    options: (fixture: Fixture) => ({ ...fixture.with("select 1"), user: "nobody" }),
    code: "DENIED",
    says: /nobody/,
  },
  {
    name: "NULL",
    options: (fixture: Fixture) => fixture.with("select max(note) from orders"),
    code: "COMMAND_FAILED",
    says: /could not measure, NULL is not a number/,
  },
  {
    name: "NaN",
    options: (fixture: Fixture) => fixture.with("select 'NaN'::float8"),
    code: "COMMAND_FAILED",
    says: /could not measure, NaN is not a number/,
  },
  {
    name: "text",
    options: (fixture: Fixture) => fixture.with("select 'many'"),
    code: "COMMAND_FAILED",
    says: /could not measure, \W+many\W+ is not a number/,
  },
  {
    name: "no row",
    options: (fixture: Fixture) => fixture.with("select id from orders where false"),
    code: "COMMAND_FAILED",
    says: /gave no row/,
  },
  {
    name: "several rows out of ten thousand",
    options: (fixture: Fixture) => fixture.with("select id from orders"),
    code: "COMMAND_FAILED",
    says: /gave more than one row/,
  },
  {
    name: "two columns",
    options: (fixture: Fixture) => fixture.with("select 1, 2"),
    code: "COMMAND_FAILED",
    says: /gave 2 columns/,
  },
  {
    name: "a query that never ends",
    options: (fixture: Fixture) => fixture.with("select pg_sleep(3600)", { timeout: "300ms" }),
    code: "TIMEOUT",
    says: /was ended before it had finished/,
  },
  {
    name: "a table that is not there",
    options: (fixture: Fixture) => fixture.with("select count(*) from missing"),
    code: "NOT_FOUND",
    says: /missing\W+ does not exist/,
  },
  {
    name: "a statement that writes",
    options: (fixture: Fixture) => fixture.with("delete from orders"),
    code: "COMMAND_FAILED",
    says: /syntax error at or near \W+delete/,
  },
  {
    name: "a second statement behind the query",
    options: (fixture: Fixture) => fixture.with("select 1; commit; delete from orders"),
    code: "COMMAND_FAILED",
    says: /cannot insert multiple commands/,
  },
  {
    name: "a function that writes",
    options: (fixture: Fixture) => fixture.with("select setval('counter', 9)"),
    arrange: async ({ server }: Fixture) => {
      await server.sql("shop", "create sequence counter; grant all on counter to reader");
      return async () => void (await server.sql("shop", "drop sequence counter"));
    },
    code: "REFUSED",
    says: /read-only transaction/,
  },
  {
    name: "a table that somebody has locked",
    options: (fixture: Fixture) => fixture.with("select count(*) from orders", { timeout: "300ms" }),
    arrange: async ({ server }: Fixture) => {
      const holder = new pg.Client({ connectionString: await server.database("shop") });
      await holder.connect();
      await holder.query("begin; lock table orders in access exclusive mode");
      return () => holder.end();
    },
    code: "TIMEOUT",
    says: /a lock was not to be had in time|was ended before it had finished/,
  },
] as const;

describeSignal<Fixture>(signal, {
  driver: "postgres",
  setUp: () => {
    const asked = { query: "select count(*) from orders", unit: "rows" };
    return setUp(asked, asked);
  },
  expect: (reading) => expect(reading).toEqual({ value: 12345, unit: "rows" }),
  faults: unmeasurable,
});

describeSignal<Fixture>(signal, {
  driver: "postgres",
  name: "postgres: connections",
  setUp: () => setUp({ measure: "connections" }, { measure: "connections" }),
  expect: ({ value, unit }) => {
    expect(unit).toBe("ratio");
    expect(value).toBe(0);
  },
  faults: [{ name: "server gone", arrange: crashed, code: "UNREACHABLE", says: /cannot be reached/ }],
});

/** M17: what the change made must all be gone, and each that is not is named. */
const gone = `
  select relname from pg_class where relname in ('orders_by_total', 'orders_by_note', 'daily_totals')
  union all select proname from pg_proc where proname = 'order_total'`;

describeCheck<Fixture>(check, {
  driver: "postgres",
  name: "postgres: Z16 a value, M17 objects gone, connections",
  setUp: () => {
    const asked = { query: "select count(*) from orders", min: 12_000, max: 13_000 };
    return setUp(asked, asked);
  },
  failures: [
    {
      name: "too few",
      options: (fixture) => fixture.with("select count(*) from orders", { min: 20_000 }),
      says: /at least 20000.*12345/,
    },
    {
      name: "too many",
      options: (fixture) => fixture.with("select count(*) from orders", { max: 3.5 }),
      says: /at most 3.5.*12345/,
    },
    {
      name: "another text",
      options: (fixture) => fixture.with("select 'v42'", { equals: "v41" }),
      says: /\\"v41\\".*\\"v42\\"/,
    },
    {
      name: "no NULL is equal to anything",
      options: (fixture) => fixture.with("select null::bool", { equals: true }),
      says: /true.*NULL/,
    },
    {
      name: "M17 an object that is still there, named",
      options: (fixture) => fixture.with(gone, { rows: 0 }),
      says: /0 rows.*1: .*orders_by_total/,
    },
    {
      name: "L06 no connection left of those allowed",
      options: ({ server }) => ({
        ...{ host: "127.0.0.1", port: server.port, user: "reader", database: "shop" },
        ...{ password: "reader-secret", measure: "connections", max: 0.9 },
      }),
      arrange: async ({ server }) => {
        const url = `postgres://reader:x@127.0.0.1:${server.port}/shop`;
        const held = Array.from({ length: 3 }, () => new pg.Client({ connectionString: url }));
        await Promise.all(held.map((one) => one.connect()));
        return async () => void (await Promise.all(held.map((one) => one.end())));
      },
      says: /at most 0.9.*"1"/,
    },
  ],
  faults: unmeasurable.map(({ code: _code, ...fault }) => {
    if (!("options" in fault)) return fault;
    const { options } = fault;
    return { ...fault, options: (fixture: Fixture) => ({ ...options(fixture), min: 1 }) };
  }),
});

describe("postgres answers", () => {
  let fixture: Fixture;
  let contexts: Contexts;
  beforeAll(async () => {
    fixture = await setUp({}, {});
    contexts = await contextsFor(fixture.folder);
  });
  afterAll(async () => {
    await contexts.cleanUp();
    await fixture.cleanUp();
  });

  const answer = (options: JsonObject) => check.run(check.options.parse(options), contexts.plain());

  test.each([
    ["a 64-bit number", "select 9007199254740993::int8", { min: 9e15 }],
    ["an exact one", "select 0.1 + 0.2", { equals: 0.3 }],
    ["a boolean", "select count(*) > 3 from orders", { equals: true }],
    ["a text with quotes", `select 'it''s "so"'`, { equals: `it's "so"` }],
    ["rows", "select id from orders limit 12", { rows: 12 }],
    ["M17 nothing left", `select 1 from pg_class where relname = 'none'`, { rows: 0 }],
  ])("%s passes", async (_name, query, more) => {
    expect(await answer(fixture.with(query, more))).toMatchObject([{ result: "passed" }]);
  });

  test("Z16 L06 connections are measured against the tightest limit, also when none is left", async () => {
    const where = { host: "127.0.0.1", port: fixture.server.port, user: "reader", database: "shop" };
    const options = signal.options.parse({ ...where, password: "reader-secret", measure: "connections" });
    const measured = async () => (await signal.read(options, contexts.plain())).value;
    const held: pg.Client[] = [];
    try {
      for (const expected of [1 / 3, 2 / 3, 1]) {
        const url = `postgres://reader:x@127.0.0.1:${fixture.server.port}/shop`;
        const client = new pg.Client({ connectionString: url });
        await client.connect();
        held.push(client);
        expect(await measured()).toBeCloseTo(expected, 6);
      }
    } finally {
      await Promise.all(held.map((one) => one.end()));
    }
  });

  test("rows are shown up to ten, and never said to be fewer than there are", async () => {
    const [said] = await answer(fixture.with("select id from orders", { rows: 0 }));
    expect(said).toMatchObject({
      result: "failed",
      actual: expect.stringMatching(/^more than 10: 1, .*…$/) as string,
    });
  });

  test.each([
    ["neither query nor measure", { min: 1 }, /missing: write a `query`/],
    ["both", { query: "select 1", measure: "connections", max: 1 }, /stands beside `measure`/],
    ["nothing expected", { query: "select 1" }, /say what is expected/],
    ["rows beside a value", { query: "select 1", rows: 1, max: 2 }, /counts rows/],
    ["equals beside a bound", { query: "select 1", equals: 1, max: 2 }, /stands beside/],
    ["bounds that nothing is between", { query: "select 1", min: 3, max: 2 }, /more than max/],
  ])("options: %s is refused", (_name, more, says) => {
    const { query: _query, ...where } = fixture.with("");
    const parsed = check.options.safeParse({ ...where, ...more });
    expect(parsed.error?.issues.map((issue) => issue.message).join("\n")).toMatch(says);
  });
});
