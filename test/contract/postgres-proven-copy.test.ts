import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { StepSpec } from "../../src/core/driver.js";
import { target } from "../../src/drivers/postgres/index.js";
import type { Taken } from "../../src/drivers/testing/contexts.js";
import { stepRunner } from "../../src/drivers/testing/killed-step.js";
import { keyOf } from "../../src/drivers/testing/target-session.js";
import { type PostgresServer, postgresServer } from "../support/postgres-server.js";
import { type ShopSession as Session, shopsOn } from "../support/postgres-shops.js";
import { spoilFile } from "../support/spoil-file.js";

let server: PostgresServer;

beforeAll(async () => {
  server = await postgresServer({ settings: ["wal_level=logical"] });
});
afterAll(() => server?.stop());

const { withShop, client } = shopsOn(() => server, { keepProven: 500 });

const admin = (text: string): Promise<string> => server.sql("postgres", text);
const copiesOf = async ({ fixture }: Session): Promise<string[]> =>
  (
    await admin(
      `select datname from pg_database where datname like 'backout%' and datname like '%${fixture.database}%'`,
    )
  )
    .split("\n")
    .filter(Boolean);
/** Of a shop whose proof has kept its copy. */
async function copyOf(session: Session): Promise<string> {
  const [copy, ...more] = await copiesOf(session);
  if (copy === undefined || more.length > 0) throw new Error(`expected one copy: ${copy} ${more.join(" ")}`);
  return copy;
}
const prove = async ({ contexts, taken, resolved }: Session, from: Taken = taken, options = resolved) =>
  target.prove?.(from.part, options, await contexts.prove(from));
async function spoilLargeFiles(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    if ((await stat(path)).size >= 65_536) await spoilFile(path);
  }
}
const letGo = ({ contexts, resolved }: Session, { part }: Taken) =>
  target.letGo?.(part, resolved, contexts.plain());
const logged = ({ contexts }: Session): string => contexts.lines.join("\n");

describe("the copy that a proof has restored", () => {
  test("W06 stays closed to everyone, is announced by the plan, and comes back by a comparison and the swap; then it can be taken back", () =>
    withShop(async (session) => {
      const { fixture, apply, steps } = session;
      const copy = await copyOf(session);
      await expect(client(copy)).rejects.toThrow(/not currently accepting connections/);
      const before = await fixture.world();
      await fixture.break();
      const [stage, swap] = (await steps()) as [StepSpec, StepSpec];
      expect(stage).toMatchObject({
        operation: "stage",
        title: `compare the proven copy of ${fixture.database} beside the live one`,
        input: { staged: copy },
      });
      expect(stage.expectedMs).toBeLessThanOrEqual(session.restoreMs ?? 0);
      expect(stage.timeoutMs).toBeGreaterThanOrEqual(30 * 60_000);
      const oid = `select oid from pg_database where datname = '${copy}'`;
      const kept = await admin(oid);
      expect(await apply(stage, "copy")).toMatchObject({ changed: true });
      expect(await admin(oid)).toBe(kept);
      await apply(swap, "copy");
      expect(await fixture.world()).toBe(before);
      expect(await fixture.sql("select count(*) > 0 from pg_stats where tablename = 'orders'")).toBe("t");
      expect(await copiesOf(session)).toEqual([expect.stringMatching(/^backout_kept_/)]);
    }));

  test("is not what is settled as done before it was compared", () =>
    withShop(async ({ fixture, steps, job, contexts, taken, apply }) => {
      await fixture.break();
      const [stage] = (await steps()) as [StepSpec];
      const settled = async () =>
        (await target.settle(job(stage), await contexts.step(taken, keyOf("settled", stage), 1))).state;
      expect(await settled()).toBe("not-applied");
      await apply(stage, "settled");
      expect(await settled()).toBe("applied");
    }));

  test.each([
    ["an update, though it was closed again", "update orders set total = 0 where id = 7", true],
    ["nothing, but it was left open", "select 1", false],
  ])("is made anew out of the dump where somebody was in it: %s", (_, change, close) =>
    withShop(async (session) => {
      const { fixture, bringBack } = session;
      const copy = await copyOf(session);
      await admin(`alter database ${copy} allow_connections true`);
      await server.sql(copy, change);
      if (close) await admin(`alter database ${copy} allow_connections false`);
      await fixture.break();
      await bringBack("altered");
      expect(logged(session)).toContain(
        `"${copy}": the proven copy was opened or altered since, and is made anew`,
      );
    }),
  );

  test("is made anew out of the dump where the disk has spoilt it", () =>
    withShop(async (session) => {
      const { fixture, bringBack } = session;
      const copy = await copyOf(session);
      const oid = await admin(`select oid from pg_database where datname = '${copy}'`);
      await admin("checkpoint");
      await server.crash();
      await spoilLargeFiles(join(server.folder, "data", "base", oid));
      await server.start();
      await fixture.break();
      await bringBack("spoilt");
      expect(logged(session)).toMatch(/the proven copy cannot be taken, and is made anew: /);
    }));

  test("of chosen tables serves as well", () =>
    withShop(
      async (session) => {
        const { fixture, steps, apply } = session;
        await fixture.sql("delete from orders where id < 50");
        const planned = await steps();
        expect(planned.find(({ operation }) => operation === "stage")?.title).toMatch(
          /^compare the proven copy/,
        );
        for (const step of planned) await apply(step, "tables");
        expect(await fixture.sql("select count(*) from orders")).toBe("2000");
      },
      { tables: ["orders"] },
    ));

  test(
    "killed with SIGKILL ahead of every third of its statements, a restore that takes it ends with the captured state",
    {
      timeout: 600_000,
    },
    () =>
      withShop(async (session) => {
        const { fixture, steps, job, taken } = session;
        const runner = await stepRunner("postgres");
        try {
          for (let moment = 1, statements = 0; moment === 1 || moment <= statements + 1; moment += 3) {
            await fixture.break();
            const [stage] = (await steps()) as [StepSpec];
            expect(stage.title).toMatch(/^compare the proven copy/);
            const order = {
              ...{ folder: fixture.folder, artifacts: taken.folder, captured: taken.part },
              ...{ job: job(stage), key: `killed-${moment}/stage`, attempt: 1 },
            };
            const end = await runner.run(order, moment === 1 ? "never" : { beforeCall: moment });
            if (moment === 1) statements = end.calls;
            await session.bringBack(`killed-${moment}`);
            await fixture.sql("drop table if exists leftovers");
            expect((await prove(session))?.level, `after statement ${moment}`).toBe("restored");
          }
          expect(await copiesOf(session)).toContainEqual(expect.stringMatching(/^backout_staged_/));
        } finally {
          await runner.cleanUp();
        }
      }),
  );
});

describe("there is one copy of a database", () => {
  test("that of the newest checkpoint, whatever is proven last; it goes with its checkpoint", () =>
    withShop(async (session) => {
      const { fixture, contexts, resolved, taken } = session;
      const first = await copyOf(session);
      await fixture.sql("insert into customers (name) values ('more')");
      const newer = await contexts.take(target, resolved);
      await prove(session, newer);
      const second = await copyOf(session);
      expect(second).not.toBe(first);
      expect((await prove(session))?.notes).toEqual([
        "the restored copy is not kept: there is one of a newer checkpoint",
      ]);
      expect(await copyOf(session)).toBe(second);
      expect(await letGo(session, taken)).toEqual([]);
      expect(await copyOf(session)).toBe(second);
      expect(await letGo(session, newer)).toEqual([]);
      expect(await copiesOf(session)).toEqual([]);
    }));

  test("of two checkpoints of the same state it is the newer one's", () =>
    withShop(async (session) => {
      const { contexts, resolved, taken } = session;
      const copy = await copyOf(session);
      const again = await contexts.take(target, resolved);
      expect(again.part.identity).toBe(taken.part.identity);
      expect((await prove(session, again))?.notes).toEqual([
        `the restored copy stays as "${copy}", closed, so that the way back is little more than a swap`,
      ]);
      expect(await copyOf(session)).toBe(copy);
      await letGo(session, taken);
      expect(await copyOf(session)).toBe(copy);
      await letGo(session, again);
      expect(await copiesOf(session)).toEqual([]);
    }));

  test("and none where a restore of another checkpoint needs the room", () =>
    withShop(async (session) => {
      const { fixture, contexts, resolved, bringBack } = session;
      const older = await copyOf(session);
      await fixture.sql("insert into customers (name) values ('more')");
      await prove(session, await contexts.take(target, resolved));
      expect(await copyOf(session)).not.toBe(older);
      await bringBack("older");
      expect(await copiesOf(session)).toEqual([expect.stringMatching(/^backout_kept_/)]);
    }));
});

describe("a proof passes without keeping its copy", () => {
  test.each([
    { what: "the playbook says so", more: { keepProven: 0 } },
    { what: "the database is larger", more: { keepProven: 1 } },
    { what: "the database only comes back in place", more: { way: "in-place" } },
  ])("where $what", ({ more }) =>
    withShop(async (session) => {
      expect(await prove(session)).toMatchObject({ level: "restored" });
      expect(await copiesOf(session)).toEqual([]);
    }, more),
  );

  test("where it was proven on another server", () =>
    withShop(async (session) => {
      await letGo(session, session.taken);
      const { host, port, user } = session.fixture.options as Record<string, string>;
      const scratch = { host, port, user, database: "postgres" };
      const elsewhere = session.parse({ ...session.fixture.options, scratch } as never);
      expect((await prove(session, session.taken, elsewhere))?.level).toBe("restored");
      expect(await copiesOf(session)).toEqual([]);
    }));

  test("where another database has its name, or another backout is at work", { timeout: 120_000 }, () =>
    withShop(async (session) => {
      const copy = await copyOf(session);
      await letGo(session, session.taken);
      await admin(`create database ${copy}`);
      expect(await prove(session)).toMatchObject({
        level: "restored",
        notes: [`the restored copy is not kept: "${copy}" is there already`],
      });
      expect(await admin(`select datallowconn from pg_database where datname = '${copy}'`)).toBe("t");
      await admin(`drop database ${copy}`);
      const other = await client("postgres");
      await other.query("select pg_advisory_lock(1651208052, hashtext($1))", [session.fixture.database]);
      expect(await prove(session)).toMatchObject({
        level: "restored",
        notes: [expect.stringMatching(/^the restored copy is not kept: .*another backout is at work on it/)],
      });
      await other.end();
      expect(await copiesOf(session)).toEqual([]);
    }),
  );

  test("where it could not be swapped in", () =>
    withShop(async (session) => {
      const { fixture } = session;
      await letGo(session, session.taken);
      await fixture.sql("select pg_create_logical_replication_slot('feed', 'test_decoding')");
      expect(await prove(session)).toMatchObject({
        level: "restored",
        notes: ["the restored copy is not kept: it could not be swapped in: feed"],
      });
      await fixture.sql("select pg_drop_replication_slot('feed')");
      expect(await copiesOf(session)).toEqual([]);
    }));
});
