import { execFile } from "node:child_process";
import { cp, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/core/json.js";
import { target } from "../../src/drivers/postgres/index.js";
import { type Contexts, contextsFor } from "../../src/drivers/testing/contexts.js";
import { describeTarget } from "../../src/drivers/testing/target-contract.js";
import { rejection } from "../../src/drivers/testing/target-faults.js";
import { takeDatabase } from "../support/postgres-parts.js";
import { type PostgresServer, postgresServer } from "../support/postgres-server.js";
import { makeShop } from "../support/postgres-shop.js";
import { type PostgresWorld, postgresWorld } from "../support/postgres-world.js";
import { adopting, filesToGive, takeOver } from "../support/take-over.js";

const run = promisify(execFile);

/** What a team's cron does. */
async function dump(
  server: PostgresServer,
  database: string,
  to: string,
  ...args: readonly string[]
): Promise<string> {
  const where = ["-h", "127.0.0.1", "-p", String(server.port), "-U", "postgres", "-d", database];
  await run(join(server.programs, "pg_dump"), [...where, "-f", to, ...args]);
  return to;
}

let given = "";

describeTarget(
  adopting(target, () => given),
  {
    ...{ driver: "postgres", name: "postgres, out of a dump that was given", kills: 0, faults: [] },
    setUp: async (): Promise<PostgresWorld> => {
      const world = await postgresWorld("shop");
      given = await dump(world.server, "shop", join(world.folder, "last-night.dump"), "-Fc");
      return world;
    },
  },
);

describe("postgres: a dump that was given", () => {
  let server: PostgresServer;
  let folder: string;
  let contexts: Contexts;
  const options = (database: string, more: JsonObject = {}) =>
    target.options.parse({
      ...{ host: "127.0.0.1", port: server.port, user: "postgres", database, keepProven: 0 },
      ...more,
    }) as JsonObject;
  const { path, spoilt, written } = filesToGive(() => folder, "good.dump");
  const adopt = (file: string, database = "shop", more: JsonObject = {}) =>
    takeOver(target, options(database, more), file, { contexts, folder });
  const databases = (): Promise<string> =>
    server.sql("postgres", "select string_agg(datname, ' ' order by datname) from pg_database");

  beforeAll(async () => {
    server = await postgresServer();
    folder = await mkdtemp(join(tmpdir(), "backout-given-"));
    contexts = await contextsFor(folder);
    await makeShop(server, "shop", 60);
    await dump(server, "shop", path("good.dump"), "-Fc");
    await dump(server, "shop", path("good.folder"), "-Fd", "-j", "2");
  });
  afterAll(async () => {
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test.each<[name: string, args: readonly string[]]>([
    ["custom", ["-Fc"]],
    ["custom, not compressed", ["-Fc", "-Z0"]],
    ["directory", ["-Fd", "-j", "2"]],
    ["tar", ["-Ft"]],
    ["custom, through a pipe", []],
  ])("%s: is what a capture of the same state is, and proves to restore", async (name, args) => {
    const file = path(`format-${name.replaceAll(/\W+/g, "-")}`);
    if (args.length > 0) await dump(server, "shop", file, ...args);
    else {
      const { programs, port } = server;
      const line = `"${programs}/pg_dump" -Fc -h 127.0.0.1 -p ${port} -U postgres shop | cat > "${file}"`;
      await run("sh", ["-c", line]);
    }
    const before = Date.now();
    const taken = await adopt(file);
    const captured = await takeDatabase(options("shop") as never, contexts, folder);
    expect(taken.part.identity).toBe(captured.part.identity);
    expect(taken.part.at).toBeLessThanOrEqual(before);
    expect(taken.part.at).toBeGreaterThan(before - 3_600_000);
    const proof = await target.prove?.(taken.part, options("shop"), await contexts.prove(taken));
    expect(proof?.checks.filter(({ result }) => result !== "passed")).toEqual([]);
    expect(proof?.level).toBe("restored");
    const notes = taken.part.given?.notes.join("\n") ?? "";
    expect(notes).toMatch(/^the dump is of "shop" \(PostgreSQL \d+\.\d+, pg_dump \d+\.\d+\) at \d{4}-/);
    expect(notes).toContain("cannot be counted by PostgreSQL's counters");
    expect(notes.includes("it is not compressed")).toBe(args.includes("-Z0") || args.includes("-Ft"));
    expect(await databases()).toBe("postgres shop template0 template1");
  });

  test("owner, settings and rights of the database are those of the live one, and where there is none, of a new one", async () => {
    await server.sql("postgres", "alter database shop set work_mem = '9MB'");
    const live = await adopt(path("good.dump"));
    expect(live.part.data).toMatchObject({
      database: { name: "shop", owner: "shop_owner", comment: "the shop's" },
      content: { settings: { " · work_mem": "9MB", " · app.tenant": "it's" } },
    });
    await server.sql("postgres", "alter database shop reset work_mem");
    const gone = await adopt(path("good.dump"), "shop_gone");
    expect(gone.part.data).toMatchObject({
      database: { name: "shop_gone", owner: "postgres", comment: "" },
      content: { settings: {} },
    });
    const notes = gone.part.given?.notes ?? [];
    expect(notes).toContain('it was made of another database, "shop"; it comes back as "shop_gone"');
    expect(notes.join()).toContain('there was no database "shop_gone"');
    const observed = await target.observe(options("shop_gone"), await contexts.prove(gone), gone.part);
    const steps = target.plan({
      ...{ captured: gone.part, restoreMs: undefined, observed, options: options("shop_gone") },
      intent: { restore: true, quiesce: false, restart: false, keep: [] },
    });
    for (const step of steps) {
      const job = { operation: step.operation, input: step.input, options: options("shop_gone") };
      const context = await contexts.step(gone, `gone/${step.operation}`, 1);
      await target.apply({ ...job, captured: gone.part }, context);
    }
    expect(await server.sql("shop_gone", "select count(*) from orders")).toBe("300");
    await server.sql("postgres", "drop database shop_gone");
  });

  test("what was written since is told by numbers of rows, with what that cannot know; rows that are newer cannot", async () => {
    const { server: own, database, cleanUp, folder: place, sql } = await postgresWorld("written", { server });
    try {
      const file = await dump(own, database, join(place, "written.dump"), "-Fc");
      const taken = await adopt(file, database, { keepLostRows: true });
      expect(taken.part.given?.notes.join()).toContain("`keepLostRows` writes none");
      await sql(
        "insert into customers (name) values ('a'), ('b'); delete from orders where id > 1990; create table late as select 1 as one",
      );
      const given = options(database, { keepLostRows: true });
      const observed = await target.observe(given, await contexts.prove(taken), taken.part);
      const steps = target.plan({
        ...{ captured: taken.part, restoreMs: undefined, observed, options: given },
        intent: { restore: true, quiesce: false, restart: false, keep: [] },
      });
      expect(steps.map(({ operation }) => operation)).toEqual(["stage", "swap"]);
      expect(steps[1]?.impact?.loses).toEqual([
        {
          ...{ what: "public.customers", inserted: 2, deleted: 0 },
          basis: expect.stringContaining("numbers of rows compared") as string,
        },
        {
          ...{ what: "public.late", inserted: 1 },
          basis: "is not in the given dump: all of it goes",
        },
        {
          ...{ what: "public.orders", inserted: 0, deleted: 10 },
          basis: expect.stringContaining("a dump that was given, without PostgreSQL's counters") as string,
        },
      ]);
    } finally {
      await server.sql("postgres", "drop database written");
      await cleanUp();
    }
  });

  const folderWithout = async (name: string, which: RegExp): Promise<string> => {
    await cp(path("good.folder"), path(name), { recursive: true });
    const found = (await readdir(path(name))).find((one) => which.test(one));
    await rm(join(path(name), found ?? "nothing"));
    return path(name);
  };

  test.each<[name: string, make: () => Promise<string>, says: RegExp, hint: RegExp]>([
    [
      "cut short",
      () => spoilt("cut", (all) => all.subarray(0, Math.floor(all.length * 0.6))),
      /cut: does not restore: .*end of file/,
      /cut short, damaged/,
    ],
    [
      "cut in its table of contents",
      () => spoilt("cut-early", (all) => all.subarray(0, 400)),
      /pg_restore cannot read it/,
      /cut short, damaged/,
    ],
    [
      "a bit of its rows flipped",
      () =>
        spoilt("flipped", (all) => {
          const at = all.length - Math.floor(all.length / 8);
          all[at] = (all[at] ?? 0) ^ 0x10;
          return all;
        }),
      /flipped: does not restore/,
      /cut short, damaged/,
    ],
    [
      "of a newer pg_dump",
      () =>
        spoilt("newer", (all) => {
          all[6] = 99;
          return all;
        }),
      /was made by a newer pg_dump than the pg_restore \d+ that is here/,
      /install the newer client/,
    ],
    [
      "plain SQL",
      () => dump(server, "shop", path("plain.sql"), "-Fp"),
      /plain\.sql: is plain SQL/,
      /load it by hand/,
    ],
    [
      "of a whole server",
      () => written("all.sql", "--\n-- PostgreSQL database cluster dump\n--\n\\connect shop\n"),
      /is plain SQL of a whole server, by pg_dumpall/,
      /load it by hand/,
    ],
    [
      "gzipped",
      () => written("plain.sql.gz", gzipSync("-- PostgreSQL database dump")),
      /is compressed as a whole, .* \(gzip\)/,
      /unpack it first/,
    ],
    [
      "of MySQL",
      () => written("mysql.sql", "-- MySQL dump 10.13  Distrib 8.0.36\n"),
      /is a dump of MySQL/,
      /pg_dump/,
    ],
    [
      "of Redis",
      () => written("dump.rdb", "REDIS0010\xfa"),
      /is a snapshot of Redis/,
      /the target of that Redis/,
    ],
    [
      "something else",
      () => written("photo", "\x89PNG\r\n"),
      /is no dump that pg_restore reads/,
      /pg_dump -Fc/,
    ],
    [
      "a folder of something else",
      () => folderWithout("no-contents", /^toc\.dat$/),
      /folder without "toc\.dat"/,
      /in the folder are /,
    ],
    [
      "a folder without one of its files",
      () => folderWithout("no-rows", /^\d+\.dat/),
      /no-rows: does not restore: .*could not open/,
      /cut short, damaged/,
    ],
    [
      "without rows",
      () => dump(server, "shop", path("schema.dump"), "-Fc", "-s"),
      /holds \d+ tables and the rows of none/,
      /a dump with rows/,
    ],
    [
      "rows alone",
      () => dump(server, "shop", path("data.dump"), "-Fc", "-a"),
      /data\.dump: does not restore: .*does not exist/,
      /holds only a part/,
    ],
    [
      "of a role that is not there",
      async () => {
        await server.sql("postgres", "create role passing login");
        await server.sql("postgres", "create database passing owner passing");
        await server.sql("passing", "set role passing; create table t (a int)");
        await dump(server, "passing", path("passing.dump"), "-Fc");
        await server.sql("postgres", "drop database passing");
        await server.sql("postgres", "drop role passing");
        return path("passing.dump");
      },
      /does not restore: .*role "passing" does not exist/,
      /^create role "passing"/,
    ],
  ])(
    "H26 %s: is refused with what it is, and nothing is left or changed",
    async (_name, make, says, hint) => {
      const file = await make();
      const error = await rejection(() => adopt(file));
      expect([error.code, error.effect]).toEqual(["REFUSED", "none"]);
      expect(error.message).toMatch(says);
      expect(error.hint).toMatch(hint);
      expect(error.message).toContain(file);
      expect(await databases()).toBe("postgres shop template0 template1");
    },
  );

  test("rows that pg_dump was told to leave out are named", async () => {
    await dump(server, "shop", path("partly.dump"), "-Fc", "--exclude-table-data=no_key");
    const { part } = await adopt(path("partly.dump"));
    expect(part.given?.notes).toContain("the dump holds no rows of public.no_key: they come back empty");
  });
});
