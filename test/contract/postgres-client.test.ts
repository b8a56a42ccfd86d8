import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as after } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Connection, connect, withConnection } from "../../src/clients/postgres/connection.js";
import { serverOf } from "../../src/clients/postgres/connection-options.js";
import { identifier, literal, qualified } from "../../src/clients/postgres/identifier.js";
import { findProgram } from "../../src/clients/postgres/programs.js";
import { runProgram } from "../../src/clients/postgres/run-program.js";
import { type Contexts, contextsFor } from "../../src/drivers/testing/contexts.js";
import { rejection } from "../../src/drivers/testing/target-faults.js";
import { type PostgresServer, postgresServer } from "../support/postgres-server.js";

const password = "ge'heim \\ §";
const oddNames = [
  'my "shop"',
  "shop's",
  "läden ≠ ショップ",
  "a=b host=nowhere",
  "back\\slash",
  "postgres://x",
];

describe("the PostgreSQL client", () => {
  let server: PostgresServer;
  let contexts: Contexts;
  let folder: string;
  let url: string;
  let secured: string;

  beforeAll(async () => {
    server = await postgresServer();
    folder = await mkdtemp(join(tmpdir(), "backout-postgres-client-"));
    contexts = await contextsFor(folder);
    url = await server.database("shop");
    secured = await server.passwordUser("app", password, "shop");
    await server.sql("shop", "create table orders (id int primary key); insert into orders values (1)");
  });
  afterAll(async () => {
    await contexts?.cleanUp();
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const failing = (
    where: Parameters<typeof serverOf>[0],
    work: (connection: Connection) => Promise<unknown> = async () => {},
  ) =>
    rejection(() =>
      withConnection(serverOf(where), contexts.plain(), work, { connectMs: 5_000, lockMs: 100 }),
    );

  test("connects as backout, with a password, and tells the server's version", async () => {
    await withConnection(serverOf({ url: secured }), contexts.plain(), async (connection) => {
      const sql = "select current_user as who, application_name as name from pg_stat_activity where pid = $1";
      expect(await connection.row(sql, [connection.pid])).toEqual({ who: "app", name: "backout" });
      expect(connection.major).toBe(server.major);
      expect(connection.shown).toBe(`postgres://app@127.0.0.1:${server.port}/shop`);
    });
  });

  test("says what is wrong, with the next thing to do, and never the password", async () => {
    const user = { host: "127.0.0.1", port: server.port, user: "app", database: "shop" };
    const errors = {
      wrong: await failing({ ...user, password: "falsch-geheim" }),
      none: await failing(user),
      database: await failing({ url: secured.replace(/shop$/, "shpo") }),
      role: await failing({ ...user, user: "nobody-here" }),
      refused: await failing({ ...user, port: 1 }),
      socket: await failing({ ...user, host: folder }),
      tls: await failing({ url, tls: "require" }),
      denied: await failing({ url: secured }, (one) => one.rows("select * from orders")),
      missing: await failing({ url: secured }, (one) => one.rows("select * from nothing")),
      syntax: await failing({ url: secured }, (one) => one.rows("selekt 1")),
    };
    expect(Object.fromEntries(Object.entries(errors).map(([name, { code }]) => [name, code]))).toEqual({
      ...{ wrong: "DENIED", none: "DENIED", database: "NOT_FOUND", role: "DENIED", refused: "UNREACHABLE" },
      ...{
        socket: "UNREACHABLE",
        tls: "DENIED",
        denied: "DENIED",
        missing: "NOT_FOUND",
        syntax: "COMMAND_FAILED",
      },
    });
    expect(errors.wrong.message).toMatch(
      /postgres:\/\/app@127.0.0.1:\d+\/shop: does not take this user and password/,
    );
    expect(errors.none.message).toMatch(/asks for a password, and none is given/);
    for (const { message, hint, effect } of Object.values(errors)) {
      expect(`${message} ${hint}`).not.toContain("geheim");
      expect(effect).toBe("none");
    }
  });

  test("waits for a lock only as long as it was told", async () => {
    await withConnection(serverOf({ url }), contexts.plain(), async (holder) => {
      await holder.run("begin; lock table orders");
      const error = await failing({ url }, (one) => one.rows("select * from orders"));
      expect([error.code, error.message]).toEqual([
        "TIMEOUT",
        expect.stringMatching(/a lock was not to be had/),
      ]);
      await holder.run("rollback");
    });
  });

  test("an abort ends the statement on the server, too", async () => {
    const abort = new AbortController();
    const context = { ...contexts.plain(), signal: abort.signal };
    const connection = await connect(serverOf({ url }), context);
    const slept = connection.rows("select pg_sleep(600)").catch((error: unknown) => error);
    const running = () =>
      server.sql(
        "shop",
        "select count(*) from pg_stat_activity where query like '%pg_sleep(600)%' and pid <> pg_backend_pid()",
      );
    for (let round = 0; round < 200 && (await running()) === "0"; round++) await after(20);
    abort.abort(new Error("enough"));
    expect(await slept).toEqual(new Error("enough"));
    for (let round = 0; round < 500 && (await running()) !== "0"; round++) await after(20);
    expect(await running()).toBe("0");
    await connection.close();
  });

  test.each(oddNames)("a database called %j is reached by the client and by the programs", async (name) => {
    await withConnection(serverOf({ url }), contexts.plain(), async (connection) => {
      await connection.run(`create database ${identifier(name)}`);
    });
    const there = { ...serverOf({ url }), database: name };
    await withConnection(there, contexts.plain(), async (connection) => {
      await connection.run(`create table ${qualified("public", name)} as select ${literal(name)} as text`);
      expect(await connection.rows(`select * from ${qualified("public", name)}`)).toEqual([{ text: name }]);
    });
    const program = await findProgram({ name: "pg_dump", atLeast: server.major }, contexts.plain());
    const { stdout } = await runProgram({ program, server: there, args: [] }, contexts.plain());
    expect(stdout).toContain("PostgreSQL database dump complete");
  });

  test("H73 programs get the password in the environment, not among their arguments", async () => {
    const program = await findProgram({ name: "psql", atLeast: server.major }, contexts.plain());
    const call = { program, server: serverOf({ url: secured }), args: ["-XAtc", "select current_user"] };
    const { stdout, argv } = await runProgram(call, contexts.plain());
    expect(stdout).toBe("app\n");
    expect(argv.join(" ")).not.toContain("heim");
  });

  test("a program that fails says why; a server that is gone is told as such", async () => {
    const context = contexts.plain();
    const program = await findProgram({ name: "pg_dump", atLeast: server.major }, context);
    const call = (more: Partial<Parameters<typeof runProgram>[0]>) =>
      rejection(() => runProgram({ program, server: serverOf({ url }), args: [], ...more }, context));
    const table = await call({ args: ["--table", "nothing"], effect: "none" });
    expect([table.code, table.effect]).toEqual(["COMMAND_FAILED", "none"]);
    expect(table.message).toMatch(/shop: pg_dump ended with exit status 1: .*no matching tables/);
    const gone = await call({ server: { ...serverOf({ url }), port: 1 } });
    expect(gone.code).toBe("UNREACHABLE");
    const wrong = await call({ server: { ...serverOf({ url: secured }), password: "falsch" } });
    expect([wrong.code, wrong.message.includes("falsch")]).toEqual(["DENIED", false]);
  });

  test("programs that are missing or older than the server are refused with what installs them", async () => {
    const missing = await rejection(() =>
      findProgram({ name: "pg_dump", atLeast: 15, folder: "nowhere" }, contexts.plain()),
    );
    expect([missing.code, missing.message]).toEqual([
      "TOOL_MISSING",
      'pg_dump: is not installed in "nowhere"',
    ]);
    const old = await rejection(() => findProgram({ name: "pg_dump", atLeast: 99 }, contexts.plain()));
    expect(old.message).toMatch(/^pg_dump: ".*" is version \d+\.\d+, too old for a server of version 99$/);
    expect(old.hint).toContain("apt-get install postgresql-client-99");
  });

  test("a server that goes away in the middle is told as such", async () => {
    const error = await failing({ url }, async (connection) => {
      const sleeping = connection.rows("select pg_sleep(600)");
      await Promise.all([sleeping, after(200).then(() => server.crash())]);
    });
    await server.start();
    expect(error.code).toBe("UNREACHABLE");
  });
});
