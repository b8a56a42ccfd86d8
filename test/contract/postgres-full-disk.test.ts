import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Json } from "../../src/core/json.js";
import { capture } from "../../src/drivers/postgres/capture.js";
import type { CapturedDatabase } from "../../src/drivers/postgres/captured-database.js";
import { target } from "../../src/drivers/postgres/index.js";
import { options } from "../../src/drivers/postgres/options.js";
import { type Contexts, contextsFor } from "../../src/drivers/testing/contexts.js";
import { folderArtifacts } from "../../src/drivers/testing/folder-artifacts.js";
import { rejection } from "../../src/drivers/testing/target-faults.js";
import { type PostgresServer, postgresServer } from "../support/postgres-server.js";

const run = promisify(execFile);

describe("postgres: a disk that is full", () => {
  let server: PostgresServer;
  let contexts: Contexts;
  let folder: string;
  const disks: string[] = [];
  const given = () =>
    options.parse({
      ...{ host: "127.0.0.1", port: server.port, user: "postgres", database: "shop", keepProven: 0 },
    });

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "backout-full-"));
    contexts = await contextsFor(folder);
    server = await postgresServer();
    await server.database("shop");
    await server.sql(
      "shop",
      `create table orders as select n as id, md5(n::text) || md5((n * 7)::text) || md5((n * 13)::text) as note
       from generate_series(1, 200000) n`,
    );
  });
  afterAll(async () => {
    await server?.stop();
    await contexts?.cleanUp();
    for (const disk of disks) await run("umount", [disk]).catch(() => {});
    for (const one of [...disks, folder]) await rm(one, { recursive: true, force: true });
  });

  async function smallDisk(size: string): Promise<string> {
    const disk = await mkdtemp(join(tmpdir(), "backout-small-"));
    disks.push(disk);
    await run("mount", ["-t", "tmpfs", "-o", `size=${size},mode=777`, "tmpfs", disk]);
    return disk;
  }

  test("while capturing: told as such, with what mends it, and nothing is captured", async () => {
    const artifacts = await folderArtifacts(join(await smallDisk("3m"), "artifacts"));
    const error = await rejection(() =>
      capture(given(), { ...contexts.plain(), artifacts: artifacts.writer }),
    );
    expect([error.code, error.effect]).toEqual(["STATE_FULL", "none"]);
    expect(error.hint).toMatch(/df -h/);
    expect(artifacts.list()).toEqual([]);
    const at = "select count(*) from pg_stat_activity where application_name = 'backout'";
    await expect.poll(() => server.sql("postgres", at), { timeout: 60_000 }).toBe("0");
  });

  test("while proving: an error and no failed proof, and nothing of the attempt is left", async () => {
    const all = given() as unknown as Json;
    const taken = await contexts.take(target, all);
    // Where databases are made from now on: twice as much as an empty one takes.
    const disk = await smallDisk("24m");
    await run("chown", ["postgres", disk]);
    await server.sql("postgres", `create tablespace small location '${disk}'`);
    await server.sql("postgres", "alter database template0 set tablespace small");
    const error = await rejection(async () => target.prove?.(taken.part, all, await contexts.prove(taken)));
    expect([error.code, error.message]).toEqual([
      "STATE_FULL",
      expect.stringMatching(/No space left on device/) as string,
    ]);
    const left = "select count(*) from pg_database where datname like 'backout%'";
    expect(await server.sql("postgres", left)).toBe("0");
    const { content } = taken.part.data as unknown as CapturedDatabase;
    await server.sql("postgres", "alter database template0 set tablespace pg_default");
    const proof = await target.prove?.(taken.part, all, await contexts.prove(taken));
    expect([proof?.level, content.tables["public.orders"]?.rows]).toEqual(["restored", 200_000]);
  });
});
