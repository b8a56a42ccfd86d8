import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findProgram } from "../../src/clients/postgres/programs.js";
import type { Json, JsonObject } from "../../src/core/json.js";
import type { Host } from "../../src/core/ports.js";
import { target } from "../../src/drivers/postgres/index.js";
import { type Contexts, contextsFor } from "../../src/drivers/testing/contexts.js";
import { rejection } from "../../src/drivers/testing/target-faults.js";
import { restoreOnly } from "../../src/drivers/testing/target-fixture.js";
import { type PostgresServer, postgresServer } from "../support/postgres-server.js";
import { makeShop } from "../support/postgres-shop.js";

describe("postgres: servers, programs and dumps of different versions", () => {
  let older: PostgresServer;
  let newer: PostgresServer;
  let contexts: Contexts;
  let folder: string;

  beforeAll(async () => {
    older = await postgresServer({ major: 15 });
    newer = await postgresServer({ major: 17 });
    folder = await mkdtemp(join(tmpdir(), "backout-postgres-versions-"));
    contexts = await contextsFor(folder);
    for (const [server, database] of [
      [older, "of_15"],
      [newer, "of_17"],
    ] as const) {
      await makeShop(server, database);
    }
  });
  afterAll(async () => {
    await contexts?.cleanUp();
    await older?.stop();
    await newer?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const optionsOf = (
    server: PostgresServer,
    database: string,
    programs = server.programs,
    more: JsonObject = {},
  ): Json =>
    target.options.parse({
      ...{ host: "127.0.0.1", port: server.port, user: "postgres", database, programs },
      ...more,
    }) as Json;

  test("a dump of 15 is proven on 17, and comes back there", async () => {
    const taken = await contexts.take(target, optionsOf(older, "of_15"));
    const scratch = { host: "127.0.0.1", port: newer.port, user: "postgres", database: "postgres" };
    for (const programs of [older.programs, newer.programs]) {
      const proof = await target.prove?.(
        taken.part,
        optionsOf(older, "of_15", programs, { scratch }),
        await contexts.prove(taken),
      );
      expect(proof?.checks.filter(({ result }) => result !== "passed")).toEqual([]);
      expect(proof?.level).toBe("restored");
    }
    // As after an upgrade of the server, which went wrong.
    await newer.sql("postgres", "create database of_15");
    const there = optionsOf(newer, "of_15");
    const observed = await target.observe(there, await contexts.prove(taken), taken.part);
    const planned = {
      captured: taken.part,
      restoreMs: undefined,
      observed,
      options: there,
      intent: restoreOnly,
    };
    for (const { operation, input } of target.plan(planned)) {
      const job = { operation, input, options: there, captured: taken.part };
      await target.apply(job, await contexts.step(taken, `upgraded/${operation}`, 1));
    }
    const checks = (await target.verify?.(taken.part, there, await contexts.prove(taken))) ?? [];
    expect(checks.filter(({ result }) => result !== "passed")).toEqual([]);
    expect(await newer.sql("of_15", "select count(*) from orders")).toBe("1000");
    // Words of its own are the only thing that a version may make different.
    await newer.sql(
      "of_15",
      "alter table orders add column more int; grant delete on orders to shop_report; drop view open_orders",
    );
    const altered = (await target.verify?.(taken.part, there, await contexts.prove(taken))) ?? [];
    expect(altered.filter(({ result }) => result !== "passed").map(({ actual }) => actual)).toEqual([
      expect.stringMatching(/^missing: view public.open_orders; different: .*table public.orders/),
      expect.stringContaining("public.orders"),
      expect.stringContaining("digest"),
    ]);
  });

  test("a dump of 17 is not taken by 15, which is said before anything is made", async () => {
    const taken = await contexts.take(target, optionsOf(newer, "of_17"));
    const there = optionsOf(older, "of_17");
    const scratch = { host: "127.0.0.1", port: older.port, user: "postgres", database: "postgres" };
    const proving = optionsOf(newer, "of_17", newer.programs, { scratch });
    const proof = await target.prove?.(taken.part, proving, await contexts.prove(taken));
    expect(proof).toMatchObject({
      level: "captured",
      checks: [
        {
          ...{ name: "server version", result: "error" },
          message: expect.stringMatching(
            /is PostgreSQL 15, the dump is of 17\.\d+: an older server cannot take it/,
          ) as string,
        },
      ],
    });
    const job = { operation: "stage", input: { staged: "staged" }, options: there, captured: taken.part };
    const error = await rejection(async () =>
      target.apply(job, await contexts.step(taken, "older/stage", 1)),
    );
    expect([error.code, error.effect, error.message]).toEqual([
      ...["REFUSED", "none"],
      expect.stringMatching(/^of_17: cannot be restored: .*is PostgreSQL 15, the dump is of 17/),
    ]);
    expect(
      await older.sql("postgres", "select count(*) from pg_database where datname ~ 'staged|scratch'"),
    ).toBe("0");
  });

  test.each([
    [
      "15",
      "17",
      () => [newer, "of_17", older] as const,
      /is version 15\.\d+, too old for a server of version 17$/,
      "17",
    ],
    [
      ...(["17", "15"] as const),
      () => [older, "of_15", newer] as const,
      /is version 17\.\d+, and what it writes is no longer understood by a server of version 15$/,
      "15",
    ],
  ])(
    "programs of %s alone are refused for a server of %s, with what mends it",
    async (_, __, of, says, install) => {
      const [server, database, programs] = of();
      const options = optionsOf(server, database, programs.programs);
      const wrong = {
        message: expect.stringMatching(says) as string,
        hint: expect.stringContaining(`apt-get install postgresql-client-${install}`) as string,
      };
      const problems = (await target.check?.(options, contexts.plain())) ?? [];
      expect(problems.filter(({ severity }) => severity === "error")).toMatchObject([wrong]);
      const error = await rejection(() => contexts.take(target, options));
      expect(error).toMatchObject({ ...wrong, code: "TOOL_MISSING", effect: "none" });
    },
  );

  test("where both are installed, each server gets its own, and a dump what reads it", async () => {
    const { host, signal } = contexts.plain();
    const beside = "/opt/postgresql";
    /** As if the newer ones were where packages put them. */
    const both: Host = {
      ...host,
      files: {
        ...host.files,
        list: async (path) => (path === beside ? [{ name: "17", kind: "directory" }] : host.files.list(path)),
      },
      exec: ({ argv: [program = "", ...args], ...command }) =>
        host.exec({ ...command, argv: [program.replace(`${beside}/17/bin`, newer.programs), ...args] }),
    };
    const found = async (atLeast: number, server?: number): Promise<number> => {
      const wanted = { name: "pg_restore", atLeast, ...(server === undefined ? {} : { server }) } as const;
      return (await findProgram(wanted, { host: both, signal })).major;
    };
    expect(await Promise.all([found(15), found(17), found(15, 17), found(17, 17)])).toEqual([15, 17, 15, 17]);
  });
});
