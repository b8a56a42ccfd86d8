import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { StepSpec } from "../../src/core/driver.js";
import type { JsonObject } from "../../src/core/json.js";
import { target } from "../../src/drivers/postgres/index.js";
import { planOrder } from "../../src/drivers/testing/plan-order.js";
import { rejection } from "../../src/drivers/testing/target-faults.js";
import { restoreOnly } from "../../src/drivers/testing/target-fixture.js";
import { type TargetSession, targetSession } from "../../src/drivers/testing/target-session.js";
import { doneWork, takenBack } from "../../src/drivers/testing/target-undo.js";
import { type PostgresServer, postgresServer } from "../support/postgres-server.js";
import { type PostgresWorld, postgresWorld } from "../support/postgres-world.js";

let server: PostgresServer;
beforeAll(async () => {
  server = await postgresServer();
});
afterAll(() => server?.stop());

async function withShop(
  database: string,
  undoFor: string,
  work: (session: TargetSession<PostgresWorld>, snapshots: string) => Promise<void>,
): Promise<void> {
  const options = { way: "in-place", undoFor };
  const session = await targetSession(target, {
    ...{ driver: "postgres", faults: [] },
    setUp: () => postgresWorld(database, { server, options }),
  });
  try {
    await work(session, join(session.fixture.folder, "backout-snapshots"));
  } finally {
    await session.cleanUp();
  }
}

/** Beside them lie the numbers of transactions, by which it is told what became of a restore. */
const dumpsIn = async (folder: string): Promise<string[]> =>
  (await readdir(folder)).filter((name) => !name.endsWith(".transaction")).sort();

const noteOf = async (path: string): Promise<JsonObject> =>
  JSON.parse(await readFile(path, "utf8")) as JsonObject;

test("Z07 a dump that was kept is deleted by a later restore once its time is over, and nothing else; an undo by then is refused", () =>
  withShop("shop_over", "1ms", async (session, snapshots) => {
    const { fixture, contexts, resolved } = session;
    await fixture.break();
    const steps = await session.steps();
    expect(steps[0]?.title).toBe("dump shop_over as it is, to backout-snapshots, where it is kept for 1 ms");
    const work = await doneWork(session, "first");
    const kept = ["shop_over-first-snapshot.dump", "shop_over-first-snapshot.json"];
    expect(await dumpsIn(snapshots)).toEqual(kept);
    const note = join(snapshots, "shop_over-first-snapshot.json");
    expect(work.steps[0]?.data).toMatchObject({ until: (await noteOf(note))["until"] });

    const error = await rejection(() => takenBack(target.undo, session, work, "back"));
    expect([error.code, error.message]).toEqual([
      "REFUSED",
      expect.stringMatching(/\.json: the time to take the run back ended at 20\d\d-/) as string,
    ]);
    const problems = await target.check?.(resolved, contexts.plain());
    expect(problems?.map(({ message }) => message).join()).toContain("their time is over");
    const versions = await target.versions?.(resolved, contexts.plain());
    expect(versions?.[0]?.summary).toMatch(/^dump, kept until 20\d\d-.*: \d+ tables/);

    const text = await noteOf(note);
    const { until: _until, key: _key, ...earlier } = text;
    const others: Readonly<Record<string, string>> = {
      // Of an earlier version of backout, of another database, copied by a person, not ours at all.
      "shop_over-older-snapshot.json": JSON.stringify(earlier),
      "other-first-snapshot.json": JSON.stringify({
        ...text,
        data: { ...(text["data"] as JsonObject), database: { name: "other" } },
      }),
      "shop_over-copied-snapshot.json": JSON.stringify(text),
      "shop_over-led-astray-snapshot.json": JSON.stringify({
        ...{ ...text, key: "led/astray-snapshot" },
        dumps: [{ file: "precious.dump", tables: [] }],
      }),
      "precious.dump": "x",
      "shop_over-first-snapshot.dump.bak": "x",
    };
    for (const [name, content] of Object.entries(others)) await writeFile(join(snapshots, name), content);

    await fixture.break();
    await doneWork(session, "second");
    await fixture.isGood();
    const second = ["shop_over-second-snapshot.dump", "shop_over-second-snapshot.json"];
    expect(await dumpsIn(snapshots)).toEqual([...Object.keys(others), ...second].sort());
    expect(contexts.lines.join("\n")).toMatch(
      /shop_over-first-snapshot\.dump, .*json: kept from an earlier restore of shop_over, its time is over, deleted/,
    );
  }));

test("within its time it stays; what an undo is about to bring back is not deleted before that", () =>
  withShop("shop_within", "1h", async (session, snapshots) => {
    const { fixture, contexts, taken, resolved, driver } = session;
    await fixture.break();
    const broken = await fixture.world();
    const work = await doneWork(session, "first");
    const observed = await target.undo?.observe(work, resolved, await contexts.prove(taken));
    if (observed === undefined) throw new Error("the driver has no undo");
    const options = driver.options.parse(fixture.options);
    const steps: StepSpec[] = planOrder(
      target.undo?.plan({ done: work, observed, options, intent: restoreOnly }) ?? [],
    );
    const note = join(snapshots, "shop_within-first-snapshot.json");
    await writeFile(note, JSON.stringify({ ...(await noteOf(note)), until: 1 }));
    for (const step of steps) await session.apply(step, "back");
    expect(await fixture.world()).toBe(broken);
    expect(await dumpsIn(snapshots)).toHaveLength(4);
  }));
