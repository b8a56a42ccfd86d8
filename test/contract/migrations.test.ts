import { randomBytes } from "node:crypto";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/core/json.js";
import { target } from "../../src/drivers/migrations/index.js";
import { describeTarget } from "../../src/drivers/testing/target-contract.js";
import { rejection } from "../../src/drivers/testing/target-faults.js";
import { type TargetFixture, withoutTools } from "../../src/drivers/testing/target-fixture.js";
import { type TargetSession, targetSession } from "../../src/drivers/testing/target-session.js";
import { localHost } from "../../src/platform/local-host.js";
import { type PostgresServer, postgresServer } from "../support/postgres-server.js";

interface Fixture extends TargetFixture {
  readonly server: PostgresServer;
  readonly sql: (text: string) => Promise<string>;
  /** Folder of the newer release, which `current` leads to. */
  readonly newer: string;
}

const root = fileURLToPath(new URL("../..", import.meta.url));
const secret = "migrator-s3cret";

const base = `
  create table orders (id int primary key, total numeric not null, status text default 'new');
  insert into orders select n, n from generate_series(1, 2000) n;
  create index orders_by_total on orders (total);
  create view open_orders as select id, total from orders where status = 'new';
  create type colour as enum ('red', 'green');
  create function order_count() returns bigint language sql as 'select count(*) from public.orders';`;

/** Read by itself, not by the driver's code: what PostgreSQL's information schema and the ledger say. */
const picture = (ledger: string): string => `
  select string_agg(line, E'\\n' order by line) from (
    select 'column ' || concat_ws(' ', table_schema, table_name, column_name, data_type, is_nullable, column_default) as line
      from information_schema.columns where table_schema not in ('pg_catalog', 'information_schema', 'backout_kept')
    union all select indexdef from pg_indexes where schemaname not in ('pg_catalog', 'backout_kept')
    union all select 'view ' || viewname || definition from pg_views where schemaname = 'public'
    union all select 'label ' || enumlabel from pg_enum
    union all select 'orders ' || md5(string_agg(concat_ws(' ', id, total), ';' order by id)) from orders
    union all select 'ledger ' || t::text from ${ledger} t
  ) lines`;

interface World {
  readonly options: JsonObject;
  readonly ledger: string;
  /** What the older release holds, then what the newer one has besides: path below the release → contents. */
  readonly older: Readonly<Record<string, string>>;
  readonly newer: Readonly<Record<string, string>>;
  /** Makes the ledger and its first rows. */
  prepare(fixture: Fixture): Promise<void>;
  /** Migrates up, from the newer release. */
  up(fixture: Fixture): Promise<void>;
}

async function writeAll(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(folder, path, ".."), { recursive: true });
    await writeFile(join(folder, path), text);
  }
}

async function setUp(world: World): Promise<Fixture> {
  const server = await postgresServer();
  const folder = await mkdtemp(join(root, "node_modules", ".cache-migrations-"));
  const url = await server.database("shop");
  const own = await server.passwordUser("migrator", secret, "shop", "superuser");
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
  const newer = join(folder, "releases", "v42");
  await writeAll(join(folder, "releases", "v41"), world.older);
  await writeAll(newer, { ...world.older, ...world.newer });
  await symlink("releases/v42", join(folder, "current"));
  await sql(base);
  const where = { url: "${env:MIGRATOR}", release: "current", lock_timeout: "500ms", ...world.options };
  const see = () => sql(picture(world.ledger));
  const fixture: Fixture = {
    ...{ server, folder, sql, newer, secrets: [secret] },
    options: where,
    resolved: { ...where, url: own },
    break: async () => {
      await world.up(fixture);
      await sql("update orders set note = 'n' || id where id <= 1500");
    },
    isGood: async () => expect(await see()).toBe(good),
    world: see,
    cleanUp: async () => {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
  await world.prepare(fixture);
  const good = await see();
  return fixture;
}

/** A program in the release's folder, as a person there would run it. */
async function run({ folder, newer, resolved, options }: Fixture, argv: readonly string[]): Promise<void> {
  const host = localHost({ baseDir: folder, redact: (text) => text });
  const result = await host.exec({
    argv,
    cwd: newer,
    env: { DATABASE_URL: String((resolved ?? options)["url"]) },
  });
  if (result.exitCode !== 0) throw new Error(`${argv.join(" ")}: ${result.stdout}${result.stderr}`);
}

const bin = (name: string): string => join(root, "node_modules", ".bin", name);

const wrongPassword = {
  name: "wrong password",
  options: ({ resolved }: Fixture) => ({
    ...resolved,
    url: String(resolved?.["url"]).replace(secret, "wrong"),
  }),
  code: "DENIED",
  says: /does not take this user and password/,
} as const;

const serverGone = {
  name: "server gone",
  arrange: async ({ server }: Fixture) => {
    await server.crash();
    return () => server.start();
  },
  code: "UNREACHABLE",
  says: /cannot be reached/,
} as const;

/** Somebody forgot to commit. */
const blocked = {
  name: "H31 an open transaction that blocks for ever",
  arrange: async ({ server }: Fixture) => {
    const holder = new pg.Client({ connectionString: await server.database("shop") });
    holder.on("error", () => {});
    await holder.connect();
    await holder.query("begin; select count(*) from orders");
    return () => holder.end();
  },
  on: ["apply"],
  code: ["TIMEOUT", "COMMAND_FAILED"],
  says: /lock/,
} as const;

const ledgerChanged = (insert: string, remove: string) =>
  ({
    name: "H74 a ledger that another tool changed meanwhile",
    arrange: async ({ sql }: Fixture) => {
      await sql(insert);
      return async () => void (await sql(remove));
    },
    on: ["apply"],
    code: "CONFLICT",
    says: /the ledger is not what the plan saw/,
  }) as const;

// --- Prisma, by its documented table and folders; its own program is not run.

const prismaLedger = `create table _prisma_migrations (
  id varchar(36) primary key, checksum varchar(64) not null, finished_at timestamptz, migration_name varchar(255) not null,
  logs text, rolled_back_at timestamptz, started_at timestamptz not null default now(), applied_steps_count int not null default 0)`;

const prismaRow = (name: string): string => `insert into _prisma_migrations
  (id, checksum, finished_at, migration_name, started_at, applied_steps_count)
  values ('${randomBytes(18).toString("hex")}', '${randomBytes(32).toString("hex")}', clock_timestamp(), '${name}', clock_timestamp(), 1);`;

const note = "20260102000000_add_note";
const parts = "20260103000000_parts";
const up: Readonly<Record<string, string>> = {
  [note]: "alter table orders add note text; create index orders_by_note on orders (note)",
  [parts]:
    "create table parts (id int); insert into parts select generate_series(1, 30); alter table orders drop column status cascade; create function part_count() returns int language sql begin atomic select count(*) from parts; end",
};
const down: Readonly<Record<string, string>> = {
  [note]: "ALTER TABLE orders DROP COLUMN note; -- and its index with it\n",
  [parts]: `/* newest; first */ drop function part_count();
    alter table orders add status text default 'new';
    create view open_orders as select id, total from orders where status = 'new';
    do $$ begin execute 'drop table parts'; end $$;`,
};

const prisma: World = {
  options: {
    tool: "prisma",
    checkout: {
      folder: "work",
      migrations: "prisma/migrations",
      generate: [process.execPath, "-e", "require('fs').appendFileSync('generated', 'x')"],
    },
  },
  ledger: "_prisma_migrations",
  older: { "prisma/migrations/20260101000000_first/migration.sql": "select 1" },
  newer: Object.fromEntries(
    [note, parts].flatMap((name) => [
      [`prisma/migrations/${name}/migration.sql`, up[name] ?? ""],
      [`prisma/migrations/${name}/down.sql`, down[name] ?? ""],
    ]),
  ),
  prepare: async ({ sql, folder, newer }) => {
    await sql(`${prismaLedger}; ${prismaRow("20260101000000_first")}`);
    await sql(
      "alter table orders alter status drop default; alter table orders alter status set default 'new'",
    );
    await cp(join(newer, "prisma"), join(folder, "work", "prisma"), { recursive: true });
  },
  up: async ({ sql, folder, newer }) => {
    await sql(`${up[note]}; ${prismaRow(note)} ${up[parts]}; ${prismaRow(parts)}`);
    await cp(join(newer, "prisma"), join(folder, "work", "prisma"), { recursive: true });
  },
};

/** `status` was dropped and comes back as the last column: its values are what the default gives. */
const addsNothing = ledgerChanged(
  prismaRow("20260104000000_other"),
  "delete from _prisma_migrations where migration_name like '%other'",
);

describeTarget<Fixture>(target, {
  driver: "migrations",
  name: "migrations: Prisma M16",
  setUp: () => setUp(prisma),
  kills: 4,
  faults: [wrongPassword, serverGone, blocked, addsNothing],
});

// --- Knex, its real program

const knexFile = `module.exports = { client: "pg", connection: process.env.DATABASE_URL, migrations: { directory: "migrations" } };`;
const knex: World = {
  options: {
    tool: "knex",
    down: [bin("knex"), "migrate:down", "{migration}"],
  },
  ledger: "(select name from knex_migrations)",
  older: {
    "knexfile.js": knexFile,
    "migrations/20260101_first.js": "exports.up = () => {}; exports.down = () => {};",
  },
  newer: {
    "migrations/20260102_note.js": `
      exports.up = (knex) => knex.schema.alterTable("orders", (table) => table.text("note").index());
      exports.down = (knex) => knex.schema.alterTable("orders", (table) => table.dropColumn("note"));`,
    "migrations/20260103_parts.js": `
      exports.up = (knex) => knex.schema.createTable("parts", (table) => table.increments());
      exports.down = (knex) => knex.schema.dropTable("parts");`,
  },
  prepare: async (fixture) => {
    await run(fixture, [bin("knex"), "migrate:up", "20260101_first.js"]);
  },
  up: (fixture) => run(fixture, [bin("knex"), "migrate:latest"]),
};

describeTarget<Fixture>(target, {
  driver: "migrations",
  name: "migrations: Knex W06 Z08",
  setUp: () => setUp(knex),
  kills: 2,
  faults: [
    wrongPassword,
    serverGone,
    {
      ...blocked,
      arrange: async ({ server }) => {
        const holder = new pg.Client({ connectionString: await server.database("shop") });
        holder.on("error", () => {});
        await holder.connect();
        await holder.query("begin; select count(*) from parts");
        return () => holder.end();
      },
    },
    ledgerChanged(
      "insert into knex_migrations (name, batch, migration_time) values ('other.js', 9, now())",
      "delete from knex_migrations where name = 'other.js'",
    ),
    {
      name: "tool missing",
      options: ({ resolved }) => ({ ...resolved, down: ["no-such-knex", "{migration}"] }),
      host: withoutTools,
      on: ["apply"],
      code: "TOOL_MISSING",
      says: /no-such-knex|knex/,
    },
    {
      name: "Z08 a tool that says that all went well, and has done nothing",
      options: ({ resolved }) => ({ ...resolved, down: ["true", "{migration}"], status: ["true"] }),
      on: ["apply"],
      code: "COMMAND_FAILED",
      says: /ended with exit status 0, and "20260103_parts.js" is not taken back; the ledger and the schema are as before/,
    },
  ],
});

// --- node-pg-migrate, its real program

const ups = ["1760000002000_note", "1760000003000_parts"];
const migrate = (...more: string[]): string[] => [bin("node-pg-migrate"), ...more];
const nodePgMigrate: World = {
  options: { tool: "node-pg-migrate", down: migrate("down", "{migration}") },
  ledger: "(select name from pgmigrations)",
  older: { "migrations/1760000001000_first.js": "exports.up = () => {}; exports.down = () => {};" },
  newer: {
    [`migrations/${ups[0]}.js`]: `exports.up = (pgm) => { pgm.addColumn("orders", { note: "text" }); };
      exports.down = (pgm) => { pgm.dropColumn("orders", "note"); };`,
    [`migrations/${ups[1]}.sql`]:
      "-- Up Migration\ncreate table parts (id int);\n-- Down Migration\ndrop table parts;\n",
  },
  prepare: (fixture) => run(fixture, migrate("up", "1760000001000_first")),
  up: (fixture) => run(fixture, migrate("up")),
};

describeTarget<Fixture>(target, {
  driver: "migrations",
  name: "migrations: node-pg-migrate W06",
  setUp: () => setUp(nodePgMigrate),
  kills: 2,
  faults: [wrongPassword, serverGone],
});

const session = (world: World): Promise<TargetSession<Fixture>> =>
  targetSession(target, { driver: "migrations", faults: [], setUp: () => setUp(world) });

const stepOf = async ({ steps }: TargetSession<Fixture>, operation: string) => {
  const step = (await steps()).find((one) => one.operation === operation);
  if (step === undefined) throw new Error(`no step ${operation}`);
  return step;
};

describe("Prisma, and SQL written by hand", () => {
  let now: TargetSession<Fixture>;
  let script: string;
  beforeAll(async () => {
    now = await session(prisma);
    await now.fixture.break();
    script = join(now.fixture.newer, "prisma/migrations", parts, "down.sql");
  });
  afterAll(() => now.cleanUp());

  /** With another script in place of the good one; nothing may have changed by it. */
  async function refused(text: string): Promise<{ code: string; effect: string; message: string }> {
    await writeFile(script, text);
    try {
      const step = await stepOf(now, "down");
      const before = await now.fixture.world();
      const error = await rejection(() => now.apply(step, `refused ${text.length}`));
      expect(await now.fixture.world()).toBe(before);
      return error;
    } finally {
      await writeFile(script, down[parts] ?? "");
    }
  }

  test("Z09 H28 a script that fails half-way changes nothing, and the failing line is named", async () => {
    const error = await refused(
      "drop function part_count();\ndrop table parts;\nalter table nothing drop column at_all;\n",
    );
    expect(error.message).toMatch(
      /parts\/down.sql:3: .*relation "nothing" does not exist.*; nothing has changed/,
    );
    expect(error.effect).toBe("none");
  });

  test("M16 H74 the ledger keeps its rows unless the schema really is the earlier one", async () => {
    const error = await refused(
      "drop function part_count(); drop table parts; create view open_orders as select id, total from orders",
    );
    expect([error.code, error.effect]).toEqual(["REFUSED", "none"]);
    expect(error.message).toMatch(
      /do not lead back to the captured schema: .*column public.orders.status: is missing/,
    );
  });

  test("H36 what a CASCADE in a script takes along is seen, and taken back", async () => {
    const error = await refused(
      `${down[parts]}; alter table orders drop column total cascade; alter table orders add total numeric`,
    );
    expect(error.message).toMatch(/view public.open_orders: is missing/);
  });

  test("what would end the transaction, and what is no SQL, is refused when planned", async () => {
    await writeFile(script, "begin; drop table parts; commit;");
    const error = await rejection(() => now.steps());
    await writeFile(script, down[parts] ?? "");
    expect([error.code, error.message]).toEqual([
      "REFUSED",
      expect.stringMatching(/would end the transaction/) as string,
    ]);
  });

  test("a script that was changed since the plan is not run", async () => {
    const step = await stepOf(now, "down");
    await writeFile(script, `${down[parts]} -- quickly`);
    const error = await rejection(() => now.apply(step, "changed"));
    await writeFile(script, down[parts] ?? "");
    expect([error.code, error.effect]).toEqual(["CONFLICT", "none"]);
  });

  test("H31 the plan names the data that goes for good, counted", async () => {
    const { impact } = await stepOf(now, "down");
    expect(impact?.irreversible).toMatch(
      /table public.parts is dropped with 30 rows; column public.orders.note is dropped with 1500 values/,
    );
    expect(impact?.loses).toEqual([
      { what: "table public.parts", inserted: 30, basis: expect.any(String) as string },
      { what: "column public.orders.note", updated: 1500, basis: expect.any(String) as string },
    ]);
  });

  test("Prisma at work itself is not disturbed", async () => {
    const step = await stepOf(now, "down");
    const tool = new pg.Client({ connectionString: await now.fixture.server.database("shop") });
    await tool.connect();
    await tool.query("select pg_advisory_lock(72707369)");
    const error = await rejection(() => now.apply(step, "busy"));
    await tool.end();
    expect([error.code, error.effect]).toEqual(["CONFLICT", "none"]);
    expect(error.message).toMatch(/Prisma is migrating/);
  });

  test("H18 the down step of a release that does not have it is refused when planned, with the release's name", async () => {
    const link = join(now.fixture.folder, "current");
    await rm(link);
    await symlink("releases/v41", link);
    const error = await rejection(() => now.steps());
    await rm(link);
    await symlink("releases/v42", link);
    expect([error.code, error.message]).toEqual([
      "REFUSED",
      expect.stringMatching(/v41 does not have migration "20260102000000_add_note"/) as string,
    ]);
  });

  test("H18 H74 M16 it runs from the newer release wherever `current` leads by then; kept values, other rows and directories stay", async () => {
    const { fixture } = now;
    // One that failed and was resolved, one whose name another begins with.
    await fixture.sql(`${prismaRow(parts)} update _prisma_migrations set rolled_back_at = now(), finished_at = null
      where ctid = (select max(ctid) from _prisma_migrations)`);
    const options = target.options.parse(fixture.options);
    const keep = ["orders.note", "public.parts"];
    const intent = { restore: true, quiesce: false, restart: false, keep };
    const planned = target.plan({
      captured: now.taken.part,
      restoreMs: 1,
      observed: await now.observe(),
      options,
      intent,
    });
    expect(planned.map(({ operation }) => operation)).toEqual(["keep", "down", "leave"]);
    expect(planned[1]?.impact).toMatchObject({
      irreversible: expect.stringMatching(/with 1500 values, kept beside it/) as string,
    });
    expect(planned[1]?.impact?.loses).toBeUndefined();
    await rm(join(fixture.folder, "current"));
    await symlink("releases/v41", join(fixture.folder, "current"));
    for (const step of planned) await now.apply(step, "kept");
    await fixture.isGood();
    expect((await now.verify()).filter(({ result }) => result !== "passed")).toEqual([]);
    const kept = await fixture.sql(`select string_agg(relname || ' ' || (xpath('/row/c/text()', query_to_xml(
      format('select count(*) as c from backout_kept.%I', relname), false, true, '')))[1]::text, ', ' order by relname)
      from pg_class where relnamespace = 'backout_kept'::regnamespace and relkind = 'r'`);
    expect(kept).toMatch(/^public.orders.note [0-9a-f]{8} 1500, public.parts [0-9a-f]{8} 30$/);
    const work = join(fixture.folder, "work");
    expect(await readdir(join(work, "prisma/migrations"))).toEqual(["20260101000000_first"]);
    const aside = (await readdir(work)).find((name) => name.startsWith(".backout-aside-")) ?? "";
    expect((await readdir(join(work, aside))).sort()).toEqual([note, parts, "done.json"].sort());
    expect(await readFile(join(work, aside, parts, "down.sql"), "utf8")).toBe(down[parts]);
    expect(await readFile(join(work, "generated"), "utf8")).toBe("x");
    await rm(join(fixture.folder, "current"));
    await symlink("releases/v42", join(fixture.folder, "current"));
  });

  test("Z09 statements that refuse a transaction run alone; ended in the middle, it goes on from there", async () => {
    const { fixture } = now;
    await fixture.break();
    await fixture.sql("drop index orders_by_note");
    await writeFile(
      script,
      `drop index concurrently orders_by_total; create index concurrently orders_by_total on orders (total);\n${down[parts]}`,
    );
    const step = await stepOf(now, "down");
    expect(step.title).toMatch(/statement by statement from .*parts\/down.sql:1 on/);
    const holder = new pg.Client({ connectionString: await fixture.server.database("shop") });
    holder.on("error", () => {});
    await holder.connect();
    await holder.query("begin; select count(*) from parts");
    const error = await rejection(() => now.apply(step, "alone"));
    expect([error.code, error.effect]).toEqual(["TIMEOUT", "unknown"]);
    expect(
      await fixture.sql("select count(*) from _prisma_migrations where migration_name ~ '^2026010[23]'"),
    ).not.toBe("0");
    const settled = async () =>
      (await target.settle(now.job(step), await now.contexts.step(now.taken, `alone/${step.operation}`, 1)))
        .state;
    expect(await settled()).toBe("partial");
    await holder.end();
    expect(await now.apply(step, "alone", 2)).toMatchObject({ changed: true });
    expect(await settled()).toBe("applied");
    await writeFile(script, down[parts] ?? "");
    await fixture.isGood();
  });
});

/** Any tool, by its programs; a table with a name as awkward as it may be. */
const any: World = {
  options: {
    tool: "commands",
    files: "sql",
    ledger: 'public."My ""own"" ledger"',
    column: "Version no",
    order: "rank",
    down: [process.execPath, "down.mjs", "{migration}"],
  },
  ledger: '"My ""own"" ledger"',
  older: { "sql/1.sql": "select 1" },
  newer: {
    "sql/2.sql": "alter table orders add note text",
    "down.mjs": `import pg from "pg";
      const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
      await client.connect();
      await client.query("begin; alter table orders drop column note");
      await client.query('delete from "My ""own"" ledger" where "Version no" = $1', [process.argv[2]]);
      await client.query("commit");
      await client.end();`,
  },
  prepare: async ({ sql }) => {
    await sql(
      `create table "My ""own"" ledger" ("Version no" text, rank int); insert into "My ""own"" ledger" values ('1', 1)`,
    );
  },
  up: async ({ sql }) => {
    await sql(`alter table orders add note text; insert into "My ""own"" ledger" values ('2', 2)`);
  },
};

describe("any other tool", () => {
  const { ledger: _ledger, column: _column, order: _order, ...rest } = any.options;
  const list = [process.execPath, "list.mjs"];
  const listed: World = {
    ...any,
    options: { ...rest, list, status: list },
    older: {
      ...any.older,
      "list.mjs": `import pg from "pg";
        const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
        await client.connect();
        const { rows } = await client.query('select "Version no" as name from "My ""own"" ledger" order by rank');
        for (const { name } of rows) console.log(name);
        await client.end();`,
    },
  };

  test.each([
    ["by its ledger", any, []],
    [
      "by a program that lists what is applied; status is asked before and after",
      listed,
      ["status: 1", "status: 2", "status: 1"],
    ],
  ])("W06 Z08 %s", async (_name, world, status) => {
    const now = await session(world);
    try {
      await now.fixture.break();
      await now.bringBack("any");
      expect(await now.steps()).toEqual([]);
      expect(now.contexts.lines.filter((line) => line.startsWith("status: "))).toEqual(status);
    } finally {
      await now.cleanUp();
    }
  });

  test("a schema that changed without a migration is no work for migrations: refused, with the difference", async () => {
    const now = await session(any);
    try {
      await now.fixture.sql("create index by_hand on orders (status)");
      const error = await rejection(() => now.steps());
      expect([error.code, error.message]).toEqual([
        "REFUSED",
        expect.stringMatching(/no migration has come since.*index public.by_hand: was not there/) as string,
      ]);
      await now.fixture.sql(`drop index by_hand; delete from "My ""own"" ledger"`);
      expect((await rejection(() => now.steps())).message).toMatch(
        /migration "1" is not in the ledger any more/,
      );
    } finally {
      await now.cleanUp();
    }
  });

  test.each([
    ["commands without a ledger", { tool: "commands", down: ["x"] }, /name the `ledger`/],
    ["commands without a way", { tool: "commands", list: ["x"] }, /name a program, or a `script`/],
    ["a down step for Prisma", { tool: "prisma", down: ["x"] }, /Prisma has no down step/],
    ["both ways", { tool: "knex", down: ["x"], script: "{migration}.sql" }, /stands beside `down`/],
    ["a script for every migration", { tool: "knex", script: "down.sql" }, /has no \{migration\}/],
    ["a ledger that is no name", { tool: "knex", ledger: "a.b.c" }, /is no name of a table/],
    ["a shell line", { tool: "knex", down: "npm run down" }, /expected array/],
  ])("options: %s is refused", (_name, more, says) => {
    const parsed = target.options.safeParse({ url: "postgres://a@b/c", ...more });
    expect(parsed.error?.issues.map(({ message }) => message).join("\n")).toMatch(says);
  });
});
