import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as after } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { check } from "../../src/drivers/postgres/check.js";
import { observe, type Seen } from "../../src/drivers/postgres/observe.js";
import { type Options, options } from "../../src/drivers/postgres/options.js";
import { verify } from "../../src/drivers/postgres/verify.js";
import { type Contexts, contextsFor } from "../../src/drivers/testing/contexts.js";
import { rejection } from "../../src/drivers/testing/target-faults.js";
import { type TakenDatabase, takeDatabase } from "../support/postgres-parts.js";
import { type PostgresServer, postgresServer } from "../support/postgres-server.js";
import { makeShop } from "../support/postgres-shop.js";

describe("postgres: looking at a database", () => {
  let server: PostgresServer;
  let contexts: Contexts;
  let folder: string;

  beforeAll(async () => {
    server = await postgresServer({ settings: ["max_prepared_transactions=4", "wal_level=logical"] });
    folder = await mkdtemp(join(tmpdir(), "backout-postgres-observe-"));
    contexts = await contextsFor(folder);
  });
  afterAll(async () => {
    await contexts?.cleanUp();
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const shop = async (name: string, more: object = {}): Promise<{ given: Options; taken: TakenDatabase }> => {
    const given = options.parse({ url: await makeShop(server, name), ...more });
    // Counters of a session that has ended are complete.
    await after(1_000);
    return { given, taken: await takeDatabase(given, contexts, folder) };
  };
  const seen = async (given: Options, taken: TakenDatabase) =>
    observe(given, await contexts.prove(taken), taken.part);
  const verified = async (given: Options, taken: TakenDatabase) =>
    (await verify(taken.part, given, await contexts.prove(taken))).filter(
      ({ result }) => result !== "passed",
    );
  const lossOf = (data: Seen, table: string) => data.losses.find(({ what }) => what === table);

  test("data written since the checkpoint is told by table: inserts, updates, deletes, and how it was counted", async () => {
    const { given, taken } = await shop("written");
    expect(await seen(given, taken)).toMatchObject({
      identity: taken.part.identity,
      data: { losses: [], changes: [] },
    });
    await server.sql(
      "written",
      `insert into no_key select 'new' from generate_series(1, 7); update orders set total = total + 1 where id <= 5;
       delete from events where what = 'e1'; truncate child; create table later as select 1 as one;
       update customers set note = note`,
    );
    await server.sql("written", "begin; insert into secret_rows values (9, 'x'); rollback");
    await after(1_000);
    const { identity, data } = await seen(given, taken);
    expect(identity).not.toBe(taken.part.identity);
    expect(lossOf(data, "public.no_key")).toMatchObject({ inserted: 7, updated: 0, deleted: 0 });
    expect(lossOf(data, "public.orders")).toMatchObject({ inserted: 0, updated: 5, deleted: 0 });
    expect(lossOf(data, "public.events_2024")).toMatchObject({ inserted: 0, updated: 0, deleted: 1 });
    expect(lossOf(data, "public.orders")?.basis).toMatch(/a row changed twice counts twice.*last moment/);
    expect(lossOf(data, "public.child")).toMatchObject({
      deleted: 1,
      basis: expect.stringMatching(/truncated or rewritten/),
    });
    expect(lossOf(data, "public.later")).toMatchObject({ inserted: 1 });
    // Written to, but to no effect: nothing is lost.
    expect(lossOf(data, "public.customers")).toBeUndefined();
    expect(lossOf(data, "public.secret_rows")).toBeUndefined();
    const changes = data.changes.map(({ what, before, after: now }) => `${what}: ${before} → ${now}`);
    expect(changes).toEqual(
      expect.arrayContaining([
        "table public.later: not there → made since",
        "rows of public.no_key: 2 rows → 9 rows",
      ]),
    );
  });

  test("what the counters cannot know is said: reset, crash, another database of the same name", async () => {
    const { given, taken } = await shop("forgotten");
    await server.sql("forgotten", "insert into no_key values ('new')");
    await after(1_000);
    await server.sql("forgotten", "select pg_stat_reset()");
    const reset = lossOf((await seen(given, taken)).data, "public.no_key");
    expect(reset).toMatchObject({
      inserted: 1,
      basis: expect.stringMatching(/numbers of rows compared.*the statistics were reset/),
    });
    await server.crash();
    await server.start();
    const crashed = await takeDatabase(given, contexts, folder);
    await server.sql("forgotten", "insert into no_key values ('newer')");
    await server.crash();
    await server.start();
    const lost = lossOf((await seen(given, crashed)).data, "public.no_key");
    expect(lost).toMatchObject({ inserted: 1, basis: expect.stringMatching(/restarted|reset/) });
    await server.sql("postgres", "alter database forgotten rename to elsewhere");
    await server.sql("postgres", "create database forgotten");
    const { data, summary } = await seen(given, taken);
    expect(summary).toMatch(/^0 tables/);
    expect(
      data.changes.some(({ what, after: now }) => what === "rows of public.orders" && now === "not there"),
    ).toBe(true);
  });

  test("of a table that was made again, as by a restore in place, so many rows may be newer, and not all that are in it must be", async () => {
    const { given, taken } = await shop("again");
    await server.sql(
      "again",
      `create table other as select * from no_key; insert into other values ('new'); drop table no_key;
       alter table other rename to no_key`,
    );
    await after(1_000);
    expect(lossOf((await seen(given, taken)).data, "public.no_key")).toMatchObject({
      inserted: 3,
      basis: expect.stringMatching(/made again since the checkpoint.*at the most/),
    });
  });

  test("a database that is gone can be looked at with a checkpoint only", async () => {
    const { given, taken } = await shop("renamed");
    await server.sql("postgres", "alter database renamed rename to renamed_by_another");
    expect(await seen(given, taken)).toMatchObject({ identity: "missing", data: { standing: null } });
    expect((await rejection(() => observe(given, contexts.plain()))).code).toBe("NOT_FOUND");
  });

  test("an update outside of a sample is no equal state", async () => {
    const url = await server.database("sampled");
    await server.sql(
      "sampled",
      "create table big as select i as id, i as n from generate_series(1, 120000) i; alter table big add primary key (id); analyze big",
    );
    const given = options.parse({ url, checksums: "sampled" });
    await after(1_000);
    const taken = await takeDatabase(given, contexts, folder);
    expect(taken.part.data.content.tables["public.big"]?.digest).toMatch(/^sampled /);
    expect((await seen(given, taken)).identity).toBe(taken.part.identity);
    await server.sql(
      "sampled",
      "update big set n = 0 where id = (select min(id) from big where hashtextextended(row(id)::text, 1) % 16 <> 0)",
    );
    await after(1_000);
    expect((await seen(given, taken)).identity).not.toBe(taken.part.identity);
  });

  test("verify tells rights, settings, sequences and rows that are not as captured, all of them", async () => {
    const { given, taken } = await shop("verified");
    expect(await verified(given, taken)).toEqual([]);
    await server.sql(
      "verified",
      `revoke insert on orders from shop_app; alter database verified reset app.tenant; select setval('orders_id_seq', 10);
       update secret_rows set owner = 'y' where id = 1; drop index orders_state`,
    );
    // What was written before a swap's last act is not the application's.
    await server.sql("postgres", "alter database verified rename to v; alter database v rename to verified");
    const failed = await verified(given, taken);
    expect(failed.map(({ name, actual }) => `${name}: ${actual}`)).toEqual([
      expect.stringMatching(/^schema: missing: index public.orders_state$/),
      "owners and privileges: different: public.orders",
      "settings of the database: missing:  · app.tenant",
      "sequences: public.orders_id_seq is at 10, was at 1000",
      expect.stringMatching(/^table public.secret_rows: 2 rows/),
    ]);
  });

  test("what the application writes once it is let in again is right", async () => {
    const { given, taken } = await shop("serving");
    // As a swap does last.
    await server.sql("postgres", "alter database serving rename to s; alter database s rename to serving");
    await server.sql(
      "serving",
      "insert into no_key values ('new'); update orders set total = 1 where id in (1, 2)",
    );
    await after(1_000);
    const checks = await verify(taken.part, given, await contexts.prove(taken));
    expect(checks.filter(({ result }) => result !== "passed")).toEqual([]);
    const messageOf = (table: string) => checks.find(({ name }) => name === `table ${table}`)?.message;
    expect(messageOf("public.no_key")).toBe("all captured rows are there, 1 were added since");
    expect(messageOf("public.orders")).toMatch(/^998 captured rows are untouched; .* 2 since/);
  });

  test("check names every shortfall with what mends it", async () => {
    const { given } = await shop("checked");
    const errors = async (given: Options) =>
      (await check(given, contexts.plain())).map(
        ({ severity, message, hint }) => `${severity}: ${message} | ${hint}`,
      );
    expect(await errors(given)).toEqual([]);
    await server.sql("checked", "select pg_create_logical_replication_slot('follower', 'test_decoding')");
    await server.sql("checked", "begin; create table p (i int); prepare transaction 'forgotten one'");
    await server.sql("postgres", "alter database checked connection limit 3");
    const url = await server.passwordUser("weak", "geheim", "checked");
    await server.sql("checked", "grant connect on database checked to weak");
    const said = (await errors(options.parse({ url, programs: "nowhere" }))).join("\n");
    for (const expected of [
      /error: pg_dump: is not installed in "nowhere" \| install it: apt-get install postgresql-client-\d+/,
      /error: "weak" may not create databases.* \| alter role "weak" createdb/,
      /error: "weak" may not rename "checked" \| .*grant its owner's role to "weak"/,
      /error: "weak" may not end the connections of others \| grant pg_signal_backend to "weak"/,
      /warning: "weak" is no superuser/,
      /error: "weak" may not read \d+ tables or sequences in full: .* \| grant pg_read_all_data to "weak"/,
      /warning: whether the server has room for a second copy \(\d+ MB\) cannot be known: .*data directory \| grant pg_read_all_settings/,
      /warning: logical replication slots .*"follower"/,
      /warning: prepared transactions .*"forgotten one" \| .*rollback prepared/,
      /warning: \d connections of the database's 3 are free.* \| alter database "checked" connection limit/,
    ]) {
      expect(said).toMatch(expected);
    }
    expect(said).not.toContain("geheim");
    const full = { ...contexts.host, files: { ...contexts.host.files, freeBytes: async () => 1_000_000 } };
    expect((await check(given, contexts.plain(full))).map(({ message }) => message).join()).toMatch(
      /1 MB are free, a second copy needs \d+ MB/,
    );
    await server.sql("checked", "rollback prepared 'forgotten one'");
    await server.sql("checked", "select pg_drop_replication_slot('follower')");
  });
});
