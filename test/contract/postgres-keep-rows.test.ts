import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Observation, StepSpec } from "../../src/core/driver.js";
import { target } from "../../src/drivers/postgres/index.js";
import { type Contexts, contextsFor } from "../../src/drivers/testing/contexts.js";
import { restoreOnly } from "../../src/drivers/testing/target-fixture.js";
import { type PostgresServer, postgresServer } from "../support/postgres-server.js";
import { makeShop } from "../support/postgres-shop.js";

describe("postgres: rows written since the checkpoint", () => {
  let server: PostgresServer;
  let contexts: Contexts;
  let folder: string;

  beforeAll(async () => {
    server = await postgresServer({ settings: ["max_prepared_transactions=4"] });
    folder = await mkdtemp(join(tmpdir(), "backout-postgres-keep-"));
    contexts = await contextsFor(folder);
  });
  afterAll(async () => {
    await contexts?.cleanUp();
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test("are exported before the restore, and put back into the restored database by psql", async () => {
    const raw = { url: await makeShop(server, "keeping"), keepLostRows: true, snapshots: "kept" };
    const options = target.options.parse(raw) as never;
    // Open while the snapshot is taken, so not in it; ended afterwards.
    await server.sql("keeping", "begin; insert into no_key values ('late'); prepare transaction 'late'");
    const taken = await contexts.take(target, options);
    await server.sql("keeping", "commit prepared 'late'");
    await server.sql(
      "keeping",
      `insert into customers (email, kind, tags, note) values ('ü''s@example.org', 'private', 'a=>"b\\\\c"', E'two\\nlines\\\\');
       update orders set state = 'sent', payload = '{"x": [1.10, null]}' where id = 16; delete from events where what = 'e3';
       insert into "Sales Ø"."odd ""table""" values ('neu', null); alter table orders add column added int default 5`,
    );
    const observed = await target.observe(options, await contexts.prove(taken), taken.part);
    const steps = stepsFor(observed);
    expect(steps.map(({ operation, phase }) => `${phase} ${operation}`)).toEqual([
      "preserve keep-rows",
      "restore stage",
      "restore swap",
    ]);
    for (const step of steps) await apply(step);
    const context = await contexts.step(taken, "run-1/keep-rows", 2);
    expect((await target.settle(jobOf(steps[0] as StepSpec), context)).state).toBe("applied");
    expect((await target.apply(jobOf(steps[0] as StepSpec), context)).changed).toBe(false);
    expect(await readdir(join(folder, "kept"))).toEqual(["keeping-run-1-keep-rows.sql"]);

    const script = await readFile(join(folder, "kept", "keeping-run-1-keep-rows.sql"), "utf8");
    expect(script.split("\n").filter((line) => line.startsWith("insert into"))).toHaveLength(4);
    expect(await server.sql("keeping", "select state from orders where id = 16")).toBe("paid");
    // Columns that only the bad release had are no longer there: what they held is in the file.
    await server.sql(
      "keeping",
      script.replaceAll(', "added" = excluded."added"', "").replaceAll(/, "added"(?!:)/g, ""),
    );
    expect(await server.sql("keeping", "select state, payload from orders where id = 16")).toBe(
      'sent|{"x": [1.10, null]}',
    );
    expect(
      await server.sql("keeping", "select note, tags -> 'a' from customers where email = 'ü''s@example.org'"),
    ).toBe("two\nlines\\|b\\c");
    expect(await server.sql("keeping", `select count(*) from "Sales Ø"."odd ""table"""`)).toBe("3");
    expect(await server.sql("keeping", "select count(*) from no_key where v = 'late'")).toBe("1");

    function stepsFor(seen: Observation): StepSpec[] {
      return target.plan({
        captured: taken.part,
        restoreMs: undefined,
        observed: seen,
        options,
        intent: restoreOnly,
      });
    }
    function jobOf({ operation, input }: StepSpec) {
      return { operation, input, options, captured: taken.part };
    }
    async function apply(step: StepSpec): Promise<void> {
      await target.apply(jobOf(step), await contexts.step(taken, `run-1/${step.operation}`, 1));
    }
  });
});
