import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "@photostructure/sqlite";
import { generateIdentity, identityToRecipient } from "age-encryption";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Checkpoint } from "../../src/core/checkpoint/manifest.js";
import type { Plan } from "../../src/core/plan/plan.js";
import { backout, type Ended } from "../support/backout-process.js";
import { type PostgresServer, postgresServer } from "../support/postgres-server.js";
import { type RedisServer, redisServer } from "../support/redis-server.js";

/** The built program on real servers: backups that backout did not make become checkpoints like any other. */

let folder: string;
let postgres: PostgresServer;
let redis: RedisServer;
let identity: string;

const path = (name: string): string => join(folder, name);
const run = (...args: string[]): Promise<Ended> =>
  backout({ cwd: folder, environment: { GIVEN_IDENTITY: identity } }, ...args);

async function done(...args: string[]): Promise<Ended> {
  const ended = await run(...args);
  expect(ended.status, `${args.join(" ")}: ${ended.stdout}${ended.stderr}`).toBe(0);
  return ended;
}

const notes = (sql: string): void => {
  const database = new DatabaseSync(path("notes.db"));
  database.exec(sql);
  database.close();
};

/** All that users see of the three. */
async function world(): Promise<unknown> {
  const keys = (await redis.client.keys("*")).sort();
  return {
    orders: await postgres.sql("shop", "select string_agg(id || total::text, ' ' order by id) from orders"),
    setting: await postgres.sql("shop", "show work_mem"),
    keys: keys.length === 0 ? [] : await redis.client.mget(keys),
  };
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "given-"));
  identity = await generateIdentity();
  [postgres, redis] = await Promise.all([postgresServer(), redisServer()]);
  await postgres.sql("postgres", "create database shop");
  await postgres.sql(
    "shop",
    `create table orders (id serial primary key, total int not null);
     insert into orders (total) select n from generate_series(1, 500) n;
     alter database shop set work_mem = '7MB'`,
  );
  await redis.client.mset("cart:1", "apples", "cart:2", "pears");
  notes("create table notes (text); insert into notes values ('one')");
  mkdirSync(path("releases/v1"), { recursive: true });
  writeFileSync(path("releases/v1/app.txt"), "v1");
  symlinkSync("releases/v1", path("current"));
  writeFileSync(
    path("backout.yaml"),
    `backout: 1
system: shop
encryption: { recipients: [${await identityToRecipient(identity)}], identity: "\${env:GIVEN_IDENTITY}" }
targets:
  data:
    driver: postgres
    with: { host: 127.0.0.1, port: ${postgres.port}, user: postgres, database: shop }
  cache: { driver: redis, with: { url: "${redis.url}" } }
  notes: { driver: sqlite, with: { file: notes.db } }
  code: { driver: release-dir, with: { releases: releases, current: current } }
scenarios:
  everything: { restore: [code, data, cache, notes] }
  databases: { restore: [data, cache] }
  note: { restore: [notes] }
`,
  );
  const dump = join(postgres.programs, "pg_dump");
  execFileSync(dump, [
    "-h",
    "127.0.0.1",
    "-p",
    String(postgres.port),
    "-U",
    "postgres",
    "-Fc",
    "-f",
    path("night.dump"),
    "shop",
  ]);
  await redis.client.save();
  copyFileSync(join(redis.folder, "dump.rdb"), path("night.rdb"));
  copyFileSync(path("notes.db"), path("night.db"));
});

afterAll(async () => {
  await Promise.all([postgres?.stop(), redis?.stop()]);
  rmSync(folder, { recursive: true, force: true });
});

test("L03 L05 a given dump and snapshot are a checkpoint: planned, rolled back to, verified, taken back", async () => {
  const good = await world();
  await postgres.sql("shop", "update orders set total = 0; delete from orders where id > 450");
  await postgres.sql("shop", "insert into orders (id, total) values (9001, 1)");
  await redis.client.set("cart:1", "poison");
  await redis.client.del("cart:2");
  const broken = await world();

  symlinkSync("night.dump", path("latest.dump"));
  const made = await done("checkpoint", "--from", "data=latest.dump", "--from", "cache=night.rdb");
  expect(made.stdout).toMatch(/✓ data: taken over in .*: 1 tables, 500 rows .*, out of night\.dump/);
  expect(made.stdout).toContain('? data: the dump is of "shop"');
  expect(made.stdout.replaceAll(/\s+/g, " ")).toContain("it holds data, cache alone");
  expect(made.stdout).toContain('✓ cache: proven to the level "restored"');

  const shown = JSON.parse((await done("checkpoints", "show", "latest", "--json")).stdout) as {
    checkpoint: Checkpoint;
  };
  const { parts } = shown.checkpoint;
  expect(Object.keys(parts).sort()).toEqual(["cache", "data"]);
  expect(parts["data"]?.given?.path).toBe(path("night.dump"));
  expect(parts["data"]?.artifacts.map(({ encrypted }) => encrypted)).toEqual([true]);
  expect((await done("checkpoints", "show", "latest")).stdout).toContain(`given: ${path("night.rdb")}`);

  const plan = JSON.parse((await done("plan", "databases", "--json")).stdout) as Plan;
  const said = plan.warnings.map(({ path: target, message }) => `${target}: ${message}`).join("\n");
  expect(said).toContain(`data: comes back out of a file that was given, "${path("night.dump")}"`);
  expect(said).toContain("data: what was written since cannot be counted by PostgreSQL's counters");
  expect(said).toContain("cache: the snapshot was written by Redis");
  // The given files are not needed any more.
  rmSync(path("latest.dump"));

  await done("rollback", "databases", "--yes");
  expect(await world()).toEqual(good);
  await done("verify", "--checkpoint", "latest");
  const report = (await done("report")).stdout;
  expect(report).toContain(`"${path("night.dump")}"`);
  await done("rollback", "--undo", "--yes");
  expect(await world()).toEqual(broken);
  await done("rollback", "databases", "--yes", "--again");
  expect(await world()).toEqual(good);

  const refused = await run("plan", "everything");
  expect([refused.status, refused.stderr]).toEqual([
    1,
    expect.stringContaining("has no part for it") as string,
  ]);
  expect((await done("checkpoints", "prune", "--dry-run")).stdout).toContain("kept");
});

test("L03 with --rest the others are captured as they are; a given SQLite file works the same", async () => {
  notes("insert into notes values ('bad')");
  const made = await done("checkpoint", "--from", "notes=night.db", "--rest", "--no-prove", "--json");
  const { checkpoint } = JSON.parse(made.stdout) as { checkpoint: Checkpoint };
  const origins = Object.entries(checkpoint.parts).map(([name, { given }]) => [name, given?.path]);
  const captured = { code: undefined, data: undefined, cache: undefined };
  expect(Object.fromEntries(origins)).toEqual({ notes: path("night.db"), ...captured });
  await done("prove", "--target", "notes");
  await done("rollback", "note", "--yes");
  expect(execFileSync("cat", [path("notes.db")]).includes("bad")).toBe(false);
});

const inputs: readonly (readonly [name: string, args: readonly string[], status: number, says: RegExp])[] = [
  ["no such target", ["--from", "dta=night.dump"], 1, /no target "dta"; did you mean "data"\?/],
  ["a target twice", ["--from", "data=night.dump", "--from", "data=night.rdb"], 2, /"data" is named twice/],
  ["no path", ["--from", "data="], 2, /"data=" is no target and path/],
  ["no target", ["--from", "night.dump"], 2, /"night\.dump" is no target and path/],
  ["missing", ["--from", "data=gone.dump"], 1, /gone\.dump": is not there/],
  ["a link to nowhere", ["--from", "data=lost"], 1, /gone\.dump", to which ".*lost" leads: is not there/],
  ["empty", ["--from", "data=empty.dump"], 1, /empty\.dump": is empty/],
  ["an empty folder", ["--from", "data=empty"], 1, /is an empty folder/],
  ["a device", ["--from", "data=/dev/null"], 1, /is neither a file nor a folder/],
  [
    "of a target whose driver takes none",
    ["--from", "code=night.dump"],
    1,
    /"release-dir" takes over no given file/,
  ],
  ["a snapshot for a database", ["--from", "data=night.rdb"], 1, /is a snapshot of Redis/],
  [
    "one good, one bad",
    ["--from", "data=night.dump", "--from", "cache=night.dump"],
    1,
    /is no snapshot of Redis/,
  ],
  ["--rest without a file", ["--rest"], 2, /without --from every target is captured anyway/],
];

test("L03 L05 whatever else is given is refused with its reason and leaves no checkpoint", async () => {
  writeFileSync(path("empty.dump"), "");
  mkdirSync(path("empty"));
  symlinkSync("gone.dump", path("lost"));
  const count = async (): Promise<number> =>
    (await done("checkpoints", "list", "--json")).stdout.split("\n").filter((line) => line !== "").length;
  const before = await count();
  for (const [name, args, status, says] of inputs) {
    const ended = await run("checkpoint", ...args);
    expect([name, ended.status, ended.stderr]).toEqual([name, status, expect.stringMatching(says) as string]);
    expect(ended.stderr, name).toContain("hint: ");
  }
  expect(await count()).toBe(before);
  expect((await run("checkpoint", "--from", "code=night.dump")).stderr).toContain(
    "targets that can: data, cache, notes",
  );
});

test("a file that this user may not read is said to be denied", async () => {
  chmodSync(path("night.dump"), 0o000);
  const place = mkdtempSync(join(tmpdir(), "given-denied-"));
  try {
    writeFileSync(
      join(place, "backout.yaml"),
      `backout: 1
system: other
targets:
  data: { driver: postgres, with: { host: 127.0.0.1, port: ${postgres.port}, user: postgres, database: shop } }
`,
    );
    chmodSync(folder, 0o755);
    execFileSync("chown", ["-R", "nobody", place]);
    const who = process.getuid?.() === 0 ? { user: "nobody" } : {};
    const ended = await backout(
      { cwd: place, environment: {}, ...who },
      ...["checkpoint", "--from", `data=${path("night.dump")}`],
    );
    expect([ended.status, ended.stderr]).toEqual([
      1,
      expect.stringMatching(/night\.dump: .*(denied|may not be read)/i) as string,
    ]);
  } finally {
    chmodSync(path("night.dump"), 0o600);
    rmSync(place, { recursive: true, force: true });
  }
});
