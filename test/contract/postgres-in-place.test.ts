import { execFile } from "node:child_process";
import { appendFile, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { StepSpec } from "../../src/core/driver.js";
import type { JsonObject } from "../../src/core/json.js";
import type { CapturedDatabase } from "../../src/drivers/postgres/captured-database.js";
import { target } from "../../src/drivers/postgres/index.js";
import { describeTarget } from "../../src/drivers/testing/target-contract.js";
import { rejection } from "../../src/drivers/testing/target-faults.js";
import { keyOf } from "../../src/drivers/testing/target-session.js";
import { doneWork, takenBack } from "../../src/drivers/testing/target-undo.js";
import { type PostgresServer, postgresServer } from "../support/postgres-server.js";
import { shopsOn } from "../support/postgres-shops.js";
import { postgresWorld } from "../support/postgres-world.js";

const run = promisify(execFile);
const options = { way: "in-place" };

describeTarget(target, {
  ...{ driver: "postgres", name: "postgres, in place", kills: 2, killed: ["restore-in-place"] },
  setUp: () => postgresWorld("shop", { options }),
  faults: [],
});

describe("postgres in place", () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await postgresServer();
  });
  afterAll(() => server?.stop());

  const { withShop, client } = shopsOn(() => server, options);

  test("H22 H23 H36 Z07 one transaction, a dump before it, and the plan says what that costs", () =>
    withShop(async (session) => {
      const { fixture, taken, contexts } = session;
      const { database } = fixture;
      const before = await fixture.world();
      await fixture.break();
      const steps = await session.steps();
      expect(steps.map(({ phase, operation }) => `${phase} ${operation}`)).toEqual([
        "preserve snapshot",
        "restore restore-in-place",
      ]);
      expect(steps[1]?.impact).toMatchObject({ interrupts: true });
      expect(steps[1]?.impact).not.toHaveProperty("irreversible");
      expect(steps[1]?.impact?.changes).toContainEqual({
        what: `way of restoring ${database}`,
        before: "beside, then swapped",
        after: "in place: the playbook says `way: in-place`",
      });
      const reader = await client(database);
      await reader.query("begin; select count(*) from customers");
      const [snapshot, restore] = steps as [StepSpec, StepSpec];
      const dumped = await session.apply(snapshot, "place");
      const settled = async (step: StepSpec) =>
        (await target.settle(session.job(step), await contexts.step(taken, keyOf("place", step), 1))).state;
      expect([await settled(snapshot), await settled(restore)]).toEqual(["applied", "not-applied"]);
      expect((await session.apply(restore, "place")).changed).toBe(true);
      expect(await settled(restore)).toBe("applied");
      expect((await session.apply(restore, "place", 2)).changed).toBe(false);
      await reader.end().catch(() => {});
      expect(await fixture.world()).toBe(before);
      const list = await run(join(server.programs, "pg_restore"), ["--list", String(dumped.data?.["file"])]);
      expect(list.stdout).toContain("leftovers");
      const versions = await target.versions?.(session.resolved, contexts.plain());
      expect(versions).toMatchObject([
        {
          name: basename(String(dumped.data?.["file"])),
          summary: expect.stringMatching(/^dump, kept until .*: \d+ tables/) as string,
        },
      ]);
    }));

  test("a restore in place that fails at its end has changed nothing", () =>
    withShop(async (session) => {
      const { fixture, taken } = session;
      await fixture.break();
      const [, restore] = await session.steps();
      const tables = { ...(taken.part.data as unknown as CapturedDatabase).content.tables };
      tables["public.orders"] = { rows: 1999, digest: "0", key: [] };
      const data = taken.part.data as unknown as CapturedDatabase;
      const part = { ...taken.part, data: { ...data, content: { ...data.content, tables } } as never };
      const before = await fixture.world();
      const error = await rejection(() =>
        session.apply(restore as StepSpec, "wrong", 1, { taken: { ...taken, part } }),
      );
      expect([error.effect, error.message]).toEqual([
        "none",
        expect.stringContaining("public.orders does not have the captured 1999 rows") as string,
      ]);
      expect(await fixture.world()).toBe(before);
    }));

  test("without room for a dump of what is there the plan says that there is no way back, and makes none", () =>
    withShop(async (session) => {
      const { fixture } = session;
      await fixture.break();
      const observed = await session.observe();
      const data = { ...(observed.data as JsonObject), dumpRoom: { folder: "/small", free: 1e6 } };
      const steps = session.plan({ ...observed, data });
      expect(steps.map(({ operation }) => operation)).toEqual(["restore-in-place"]);
      expect(steps[0]?.impact?.irreversible).toMatch(
        /^the database is overwritten: \/small has 1 MB free, and a dump of what is there may need \d+ MB$/,
      );
      await session.apply(steps[0] as StepSpec, "full");
      await fixture.isGood();
    }));

  test.each([
    ["gone", (file: string) => rm(file), /\.dump: is gone/],
    ["altered", (file: string) => appendFile(file, "x"), /\.dump: is not the dump that was kept/],
  ])("a dump that is %s is no way back: the undo is refused", (_, spoil, says) =>
    withShop(async (session) => {
      await session.fixture.break();
      const work = await doneWork(session, "spoilt");
      await spoil(String(work.steps[0]?.data?.["file"]));
      const error = await rejection(() => takenBack(target.undo, session, work, "back"));
      expect([error.code, error.message]).toEqual(["REFUSED", expect.stringMatching(says) as string]);
    }),
  );
});
