import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import type { StepSpec } from "../../src/core/driver.js";
import { target } from "../../src/drivers/postgres/index.js";
import { describeTarget } from "../../src/drivers/testing/target-contract.js";
import { rejection } from "../../src/drivers/testing/target-faults.js";
import { targetSession } from "../../src/drivers/testing/target-session.js";
import { postgresServer } from "../support/postgres-server.js";
import { type PostgresWorld, postgresWorld } from "../support/postgres-world.js";

const run = promisify(execFile);

/** The database lies on a disk on which it fits once, and not twice. */
async function smallWorld(size: string): Promise<PostgresWorld> {
  const disk = await mkdtemp(join(tmpdir(), "backout-small-"));
  await run("mount", ["-t", "tmpfs", "-o", `size=${size},mode=777`, "tmpfs", disk]);
  const unmount = async (): Promise<void> => {
    await run("umount", [disk]);
    await rm(disk, { recursive: true, force: true });
  };
  const server = await postgresServer().catch(async (error: unknown) => {
    await unmount();
    throw error;
  });
  const cleanUp = async (): Promise<void> => {
    await server.stop();
    await unmount();
  };
  try {
    await run("chown", ["postgres", disk]);
    await server.sql("postgres", `create tablespace small location '${disk}'`);
    const world = await postgresWorld("shop", { server });
    await world.sql("create table pad as select n, repeat(md5(n::text), 30) from generate_series(1, 6000) n");
    await server.sql("postgres", "alter database shop set tablespace small");
    const good = await world.world();
    return {
      ...world,
      isGood: async () => expect(await world.world()).toBe(good),
      world: async () => {
        const there = "select count(*) from pg_database where datname = 'shop'";
        return (await server.sql("postgres", there)) === "0" ? "dropped" : world.world();
      },
      async cleanUp() {
        await world.cleanUp();
        await cleanUp();
      },
    };
  } catch (error) {
    await cleanUp();
    throw error;
  }
}

describeTarget(target, {
  ...{
    driver: "postgres",
    name: "postgres, no room for a second copy",
    kills: 3,
    killed: ["make-room"],
  },
  setUp: () => smallWorld("26m"),
  faults: [],
});

test("Z07 without room for a second copy the plan says that the database is dropped first, and nothing is dropped before its dump is there", async () => {
  const session = await targetSession(target, {
    ...{ driver: "postgres", faults: [] },
    setUp: () => smallWorld("26m"),
  });
  try {
    const { fixture, apply } = session;
    await fixture.break();
    const steps = await session.steps();
    expect(steps.map(({ phase, operation, exclusive = false }) => [phase, operation, exclusive])).toEqual([
      ["preserve", "snapshot", false],
      ["restore", "make-room", true],
      ["restore", "stage", true],
      ["restore", "swap", true],
    ]);
    const [snapshot, drop] = steps as [StepSpec, StepSpec];
    expect(drop.impact).toMatchObject({ interrupts: true });
    expect(drop.impact).not.toHaveProperty("irreversible");
    expect(drop.impact?.changes).toContainEqual({
      what: "way of restoring shop",
      before: "beside, then swapped",
      after: expect.stringMatching(
        /^dropped first, then restored: \S+ has \d+ MB free, a second copy needs \d+ MB\. There is no shop until/,
      ) as string,
    });
    const before = await fixture.world();
    const error = await rejection(() => apply(drop, "early"));
    expect([error.code, error.effect, error.message]).toEqual([
      "CONFLICT",
      "none",
      expect.stringContaining("is not there, so shop is not dropped") as string,
    ]);
    expect(await fixture.world()).toBe(before);
    await apply(snapshot, "whole");
    for (const step of steps.slice(1)) expect((await apply(step, "whole")).changed).toBe(true);
    await fixture.isGood();
    expect(
      await fixture.server.sql(
        "postgres",
        "select spcname from pg_database d join pg_tablespace t on t.oid = dattablespace where datname = 'shop'",
      ),
    ).toBe("small");
    expect((await apply(drop, "whole", 2)).changed).toBe(false);
    await fixture.isGood();
  } finally {
    await session.cleanUp();
  }
});
