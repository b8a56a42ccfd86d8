import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DoneWork, Outcome, StepSpec } from "../../src/core/driver.js";
import { BackoutError } from "../../src/core/errors.js";
import { target } from "../../src/drivers/postgres/index.js";
import { stepRunner } from "../../src/drivers/testing/killed-step.js";
import { rejection } from "../../src/drivers/testing/target-faults.js";
import { restoreOnly } from "../../src/drivers/testing/target-fixture.js";
import { keyOf } from "../../src/drivers/testing/target-session.js";
import { type PostgresServer, postgresServer } from "../support/postgres-server.js";
import { type ShopSession as Session, shopsOn } from "../support/postgres-shops.js";

const run = promisify(execFile);
let server: PostgresServer;

beforeAll(async () => {
  server = await postgresServer({ settings: ["wal_level=logical", "max_prepared_transactions=5"] });
});
afterAll(() => server?.stop());

const { withShop, client } = shopsOn(() => server);

async function twoSteps({ steps }: Session): Promise<[stage: StepSpec, swap: StepSpec]> {
  const [stage, swap, ...more] = await steps();
  if (stage === undefined || swap === undefined || more.length > 0) throw new Error("expected two steps");
  return [stage, swap];
}

const databases = (): Promise<string> =>
  server.sql("postgres", "select string_agg(datname, ' ') from pg_database");
const ofOurs = async (kind: string, database: string): Promise<string[]> =>
  (await databases()).split(" ").filter((name) => name.startsWith(`backout_${kind}_${database}`));

const isOpen = (database: string): Promise<string> =>
  server.sql("postgres", `select datallowconn from pg_database where datname = '${database}'`);

describe("brings back", () => {
  test("H22 H23 H24 H25 H31 M18 Z10 W06 rows, dropped columns, objects, rights and settings; what came later is gone, and nothing is there twice", () =>
    withShop(async ({ fixture, bringBack, database = fixture.database }: Session & { database?: string }) => {
      const before = await fixture.world();
      await fixture.break();
      expect(await fixture.world()).not.toBe(before);
      await bringBack("all");
      expect(await fixture.world()).toBe(before);
      expect(
        await fixture.sql("select to_regclass('leftovers') is null, count(*), count(note) from orders"),
      ).toBe("t|2000|2000");
      const app = await client(database, "shop_app");
      const { rows } = await app.query<{ work_mem: string }>("show work_mem");
      await app.query("insert into orders (customer, total) values (1, 1)");
      await app.end();
      expect(rows).toEqual([{ work_mem: "7MB" }]);
      const statistics = "select count(*) > 0 from pg_stats where tablename = 'orders'";
      expect(await fixture.sql(statistics)).toBe("t");
    }));

  test("a database whose name has blanks, quotes and letters of all sorts", () =>
    withShop(
      async ({ fixture, bringBack }) => {
        await fixture.break();
        await bringBack("named");
      },
      {},
      `it's "Shöp" 店`,
    ));

  test("W10 corruption: the copy is made while everyone writes, writers stop before the swap, and the loss is counted when nobody writes", () =>
    withShop(async (session) => {
      const { fixture, apply } = session;
      await fixture.break();
      const [stage, swap] = await twoSteps(session);
      expect([stage.exclusive, swap.exclusive, swap.needs]).toEqual([undefined, true, ["stage"]]);
      expect([stage.impact?.interrupts, swap.impact?.interrupts]).toEqual([undefined, true]);
      await apply(stage, "order");
      const late = await client(fixture.database);
      await late.query("insert into customers (name) select 'late ' || n from generate_series(1, 7) n");
      const { loses } = await apply(swap, "order");
      expect(loses?.find(({ what }) => what.endsWith("customers"))).toMatchObject({ inserted: 8 });
      await fixture.isGood();
    }));

  test("again, and what was written since is counted, not taken for tables that were made since", () =>
    withShop(async ({ fixture, bringBack, observe }) => {
      await fixture.break();
      await bringBack("first");
      await fixture.sql("insert into customers (name) values ('new')");
      const seen = (await observe()).data as unknown as {
        losses: { what: string; inserted: number; basis: string }[];
      };
      expect(seen.losses).toMatchObject([{ what: "public.customers", inserted: 1 }]);
      expect(seen.losses[0]?.basis).toMatch(/another database has the name since the checkpoint/);
      await bringBack("second");
    }));

  test("one that was dropped, beside which nothing is kept", () =>
    withShop(async (session) => {
      const { fixture, apply, plan, taken } = session;
      await fixture.break();
      await server.sql("postgres", `drop database ${fixture.database}`);
      const missing = {
        identity: "missing",
        summary: "missing",
        data: { standing: null, changes: [], losses: [] },
      };
      for (const step of plan(missing)) expect((await apply(step, "dropped")).changed).toBe(true);
      await fixture.isGood();
      expect(taken.part.identity).toBe((await session.observe()).identity);
    }));
});

describe("the swap", () => {
  test("H33 clients that come back in a tight loop read the old or the new state, never a part, and keep nobody from swapping", () =>
    withShop(async (session) => {
      const { fixture, apply } = session;
      await fixture.sql("create table pair (a int, b int); insert into pair values (1, 1)");
      const { part, folder } = await session.contexts.take(target, session.resolved);
      await fixture.sql("update pair set a = 2, b = 2");
      const observed = await session.observe();
      const planned = target.plan({
        ...{ captured: part, restoreMs: undefined, observed, intent: restoreOnly },
        options: session.resolved,
      });
      const [stage, swap] = planned as [StepSpec, StepSpec];
      await apply(stage, "race", 1, { taken: { part, folder } });
      let going = true;
      const seen = new Map<string, number>();
      const loop = async (): Promise<void> => {
        while (going) {
          try {
            const one = await client(fixture.database);
            for (let times = 0; going && times < 20; times++) {
              const { rows } = await one.query<{ a: number; b: number }>("select a, b from pair");
              const state = `${rows[0]?.a} ${rows[0]?.b}`;
              seen.set(state, (seen.get(state) ?? 0) + 1);
            }
            await one.end();
          } catch {
            // Refused or ended: at once again.
          }
        }
      };
      const clients = Array.from({ length: 8 }, loop);
      await session.contexts.plain().clock.sleep(300);
      const outcome = await apply(swap, "race", 1, { taken: { part, folder } });
      await session.contexts.plain().clock.sleep(500);
      going = false;
      await Promise.all(clients);
      expect(outcome.changed).toBe(true);
      expect([...seen.keys()].sort()).toEqual(["1 1", "2 2"]);
    }));

  test("H33 a connection that cannot be ended is named with its statement, and everyone is let in again", () =>
    withShop(
      async (session) => {
        const { fixture, apply } = session;
        await fixture.break();
        const [stage, swap] = await twoSteps(session);
        await apply(stage, "stuck");
        const before = await fixture.world();
        const stuck = await client(fixture.database);
        const { rows } = await stuck.query<{ pid: number }>("select pg_backend_pid() as pid");
        const pid = rows[0]?.pid ?? 0;
        await stuck.query("begin; select 'for ever'");
        process.kill(pid, "SIGSTOP");
        try {
          const error = await rejection(() => apply(swap, "stuck"));
          expect([error.code, error.effect]).toEqual(["CONFLICT", "none"]);
          expect(error.message).toMatch(
            new RegExp(
              `1 of its connections did not end within 0.3 s: pid ${pid} .*\\d+ s, "begin; select 'for ever'"`,
            ),
          );
          expect(await fixture.world()).toBe(before);
        } finally {
          process.kill(pid, "SIGCONT");
          await stuck.end().catch(() => {});
        }
        await apply(swap, "stuck", 2);
        await fixture.isGood();
      },
      { endWithin: "300ms" },
    ));

  test("a prepared transaction is named, and nobody is thrown out for nothing", () =>
    withShop(async (session) => {
      const { fixture, apply } = session;
      await fixture.break();
      const [stage, swap] = await twoSteps(session);
      await apply(stage, "prepared");
      await fixture.sql("begin; insert into customers (name) values ('x'); prepare transaction 'two phases'");
      const there = await client(fixture.database);
      const error = await rejection(() => apply(swap, "prepared"));
      expect([error.code, error.effect, error.message]).toEqual([
        "CONFLICT",
        "none",
        expect.stringMatching(/prepared transactions.*"two phases" \(postgres, \d+ s old\)/) as string,
      ]);
      expect((await there.query("select 1")).rowCount).toBe(1);
      await there.end();
      await fixture.sql("rollback prepared 'two phases'");
      await apply(swap, "prepared", 2);
      await fixture.isGood();
    }));

  test.each([
    {
      what: "renamed",
      change: (name: string) => `alter database ${name} rename to ${name}_elsewhere`,
      back: (name: string) => `alter database ${name}_elsewhere rename to ${name}`,
      says: /was renamed to "shop_\d+_elsewhere"/,
    },
    {
      what: "replaced",
      change: (name: string) => `alter database ${name} rename to ${name}_old; create database ${name}`,
      back: (name: string) => `drop database ${name}; alter database ${name}_old rename to ${name}`,
      says: /was renamed to "shop_\d+_old"/,
    },
  ])("a database that another tool has $what since the plan is a conflict", ({ change, back, says }) =>
    withShop(async (session) => {
      const { fixture, apply } = session;
      await fixture.break();
      const [stage, swap] = await twoSteps(session);
      await apply(stage, "moved");
      for (const text of change(fixture.database).split("; ")) await server.sql("postgres", text);
      const error = await rejection(() => apply(swap, "moved"));
      expect([error.code, error.effect, error.message]).toEqual([
        "CONFLICT",
        "none",
        expect.stringMatching(says) as string,
      ]);
      for (const text of back(fixture.database).split("; ")) await server.sql("postgres", text);
      await apply(swap, "moved", 2);
      await fixture.isGood();
    }),
  );

  test("of two restores at once one swaps, the other is told", () =>
    withShop(async (session) => {
      const { fixture, apply } = session;
      await fixture.break();
      const [stage, swap] = await twoSteps(session);
      await Promise.all([apply(stage, "one"), apply(stage, "two")]);
      const ends = await Promise.allSettled([apply(swap, "one"), apply(swap, "two")]);
      const failures = ends.flatMap((end) => (end.status === "rejected" ? [end.reason as unknown] : []));
      expect(failures).toHaveLength(1);
      expect(failures[0]).toBeInstanceOf(BackoutError);
      expect(failures[0]).toMatchObject({ code: "CONFLICT", effect: "none" });
      await fixture.isGood();
      expect(await ofOurs("kept", fixture.database)).toHaveLength(1);
    }));

  test("while another backout is at work on the same database, a second one waits, then names it", () =>
    withShop(async (session) => {
      const { fixture, apply } = session;
      await fixture.break();
      const [stage] = await twoSteps(session);
      const other = await client("postgres");
      await other.query("select pg_advisory_lock(1651208052, hashtext($1))", [fixture.database]);
      const error = await rejection(() => apply(stage, "locked"));
      expect([error.code, error.effect, error.message]).toEqual([
        "CONFLICT",
        "none",
        expect.stringMatching(/another backout is at work on it \(pid \d+, from 127.0.0.1/) as string,
      ]);
      await other.end();
      await session.bringBack("unlocked");
    }));

  test("a run that died behind its own fence and was given up does not shut out the next one, nor its undo", () =>
    withShop(async (session) => {
      const { fixture, apply } = session;
      await fixture.break();
      const [stage] = await twoSteps(session);
      await apply(stage, "dead");
      const [staged] = await ofOurs("staged", fixture.database);
      const comment = await server.sql(
        "postgres",
        `select shobj_description(oid, 'pg_database') from pg_database where datname = '${staged}'`,
      );
      const oid = await server.sql(
        "postgres",
        `select oid from pg_database where datname = '${fixture.database}'`,
      );
      const fenced = comment.replace(/\}$/, `,"fence":{"key":"dead/swap","oid":${oid},"allow":true}}`);
      await server.sql(
        "postgres",
        `comment on database ${staged} is '${fenced}'; alter database ${fixture.database} allow_connections false`,
      );
      const swap = target.plan({
        ...{
          captured: session.taken.part,
          restoreMs: undefined,
          intent: restoreOnly,
          options: session.resolved,
        },
        observed: {
          identity: "x",
          summary: "x",
          data: {
            standing: {
              oid: Number(oid),
              createDatabase: true,
              owner: true,
              endsSessions: true,
              slots: [],
              subscriptions: [],
            },
            changes: [],
            losses: [],
          },
        },
      })[1] as StepSpec;
      const settled = await target.settle(
        session.job(swap),
        await session.contexts.step(session.taken, "dead/swap", 1),
      );
      expect(settled.state).toBe("partial");
      expect((await apply(swap, "next")).changed).toBe(true);
      expect(await isOpen(fixture.database)).toBe("t");
      await fixture.isGood();
    }));
});

test(
  "killed ahead of every statement of the swap, settle tells the truth, and the next attempt ends the same",
  {
    timeout: 600_000,
  },
  () =>
    withShop(async (session) => {
      const { fixture, apply, taken, contexts, job } = session;
      const runner = await stepRunner("postgres");
      try {
        await fixture.break();
        const [stage, swap] = await twoSteps(session);
        await apply(stage, "killed");
        const value = (): Promise<string> =>
          fixture.sql("select count(*) from customers where name = 'late'");
        /** The two databases change places again and again: the one that was replaced comes in next. */
        let { incoming, live } = swap.input as { incoming: string; live: { oid: number } };
        for (let moment = 1, statements = 0; moment === 1 || moment <= statements + 1; moment++) {
          const step = { ...swap, input: { ...swap.input, incoming, live } };
          const key = `killed-${moment}/swap`;
          const before = await value();
          const order = {
            ...{ folder: fixture.folder, artifacts: taken.folder, captured: taken.part },
            ...{ job: job(step), key, attempt: 1 },
          };
          const end = await runner.run(order, moment === 1 ? "never" : { beforeCall: moment });
          if (moment === 1) statements = end.calls;
          const { state } = await target.settle(job(step), await contexts.step(taken, key, 1));
          expect(["applied", "not-applied", "partial"], `ahead of statement ${moment}`).toContain(state);
          if (end.returned) expect(state).toBe("applied");
          if (state === "not-applied") expect(await value()).toBe(before);
          const outcome = await target.apply(job(step), await contexts.step(taken, key, 2));
          expect(outcome.changed, `ahead of statement ${moment}, ${state}`).toBe(state !== "applied");
          expect(await value(), `ahead of statement ${moment}`).toBe(before === "1" ? "0" : "1");
          incoming = String(outcome.data?.["replaced"]);
          live = {
            ...live,
            oid: Number(
              await server.sql(
                "postgres",
                `select oid from pg_database where datname = '${fixture.database}'`,
              ),
            ),
          };
        }
      } finally {
        await runner.cleanUp();
      }
    }),
);

describe("refuses when planned", () => {
  test("a logical replication slot of the database, by name", () =>
    withShop(async ({ fixture, steps }) => {
      await fixture.break();
      await fixture.sql("select pg_create_logical_replication_slot('feed', 'test_decoding')");
      await expect(steps()).rejects.toMatchObject({
        code: "REFUSED",
        message: expect.stringMatching(/logical replication slot "feed"/) as string,
      });
      await fixture.sql("select pg_drop_replication_slot('feed')");
    }));

  test("a keep, since the database comes back as a whole", () =>
    withShop(async (session) => {
      await session.fixture.break();
      const observed = await session.observe();
      const intent = { ...restoreOnly, keep: ["orders"] };
      expect(() =>
        target.plan({
          captured: session.taken.part,
          restoreMs: undefined,
          observed,
          options: session.resolved,
          intent,
        }),
      ).toThrow(/cannot keep "orders"/);
    }));
});

describe("staging", () => {
  test("a disk that fills up while restoring leaves the live database as it was, and nothing behind", async () => {
    const small = await mkdtemp(join(tmpdir(), "backout-small-"));
    await run("mount", ["-t", "tmpfs", "-o", "size=40m,mode=777", "tmpfs", small]);
    try {
      await run("chown", ["postgres", small]);
      await server.sql("postgres", `create tablespace small location '${small}'`);
      await withShop(async (session) => {
        const { fixture, apply } = session;
        await fixture.sql(
          "create table big as select n, repeat(md5(n::text), 8) as text from generate_series(1, 250000) n",
        );
        const options = session.parse({ ...fixture.options, way: "swap" });
        const { part, folder } = await session.contexts.take(target, options);
        await fixture.break();
        await fixture.sql("drop table big");
        await server.sql("postgres", `alter database ${fixture.database} set tablespace small`);
        const observed = await session.observe();
        const [stage] = target.plan({
          captured: part,
          restoreMs: undefined,
          observed,
          options,
          intent: restoreOnly,
        });
        const before = await fixture.world();
        const error = await rejection(() => apply(stage as StepSpec, "full", 1, { taken: { part, folder } }));
        expect([error.code, error.effect]).toEqual(["STATE_FULL", "none"]);
        expect(await fixture.world()).toBe(before);
        expect(await ofOurs("staged", fixture.database)).toEqual([]);
        await server.sql("postgres", `alter database ${fixture.database} set tablespace pg_default`);
      });
      await server.sql("postgres", "drop tablespace small");
    } finally {
      await run("umount", [small]);
      await rm(small, { recursive: true, force: true });
    }
  });

  test("a role that the dump needs and that is gone is named before anything is made", () =>
    withShop(async (session) => {
      const { fixture, apply } = session;
      await server.sql("postgres", "create role gone");
      await fixture.sql("create table theirs (id int); alter table theirs owner to gone");
      const { part, folder } = await session.contexts.take(target, session.resolved);
      await fixture.sql("drop table theirs; drop role gone");
      const observed = await session.observe();
      const [stage] = target.plan({
        captured: part,
        restoreMs: undefined,
        observed,
        options: session.resolved,
        intent: restoreOnly,
      });
      const error = await rejection(() => apply(stage as StepSpec, "role", 1, { taken: { part, folder } }));
      expect([error.code, error.effect, error.message]).toEqual([
        "REFUSED",
        "none",
        expect.stringMatching(/no role "gone"/) as string,
      ]);
      expect(await ofOurs("staged", fixture.database)).toEqual([]);
    }));

  test("a database of somebody else's under the name of ours is left alone", () =>
    withShop(async (session) => {
      const { fixture, apply } = session;
      await fixture.break();
      const [stage] = await twoSteps(session);
      const name = String(stage.input["staged"]);
      await server.sql("postgres", `create database ${name}`);
      const error = await rejection(() => apply(stage, "theirs"));
      expect([error.code, error.message]).toEqual(["CONFLICT", expect.stringContaining(name) as string]);
      await server.sql("postgres", `drop database ${name}`);
      await session.bringBack("ours");
    }));
});

describe("what is kept", () => {
  const undo = async (session: Session, done: DoneWork) => {
    if (target.undo === undefined) throw new Error("there is no undo");
    return target.undo.observe(done, session.resolved, await session.contexts.prove(session.taken));
  };

  const doneBy = (session: Session, swap: StepSpec, { data }: Outcome): DoneWork => ({
    captured: session.taken.part,
    left: { identity: "before", summary: "before" },
    steps: [
      {
        ...{
          operation: "swap",
          phase: "restore",
          key: keyOf("kept", swap),
          input: swap.input,
          endedAt: Date.now(),
        },
        ...(data === undefined ? {} : { data }),
      },
    ],
  });

  test("Z07 H36 the replaced database is whole, takes no connections, and says whose it is", () =>
    withShop(async (session) => {
      const { fixture, apply } = session;
      await fixture.break();
      const broken = await fixture.world();
      const [stage, swap] = await twoSteps(session);
      await apply(stage, "kept");
      const { data } = await apply(swap, "kept");
      const name = String(data?.["replaced"]);
      expect(await ofOurs("kept", fixture.database)).toEqual([name]);
      expect(await isOpen(name)).toBe("f");
      const comment = `select shobj_description(oid, 'pg_database') from pg_database where datname = '${name}'`;
      expect(await server.sql("postgres", comment)).toMatch(/^backout keeps this database for itself: /);
      await server.sql("postgres", `alter database ${fixture.database} rename to aside`);
      await server.sql("postgres", `alter database ${name} allow_connections true`);
      await server.sql("postgres", `alter database ${name} rename to ${fixture.database}`);
      expect(await fixture.world()).toBe(broken);
    }));

  test("when its time is over an undo is refused, and the next restore drops it; what is not provably ours stays", () =>
    withShop(
      async (session) => {
        const { fixture, apply } = session;
        await fixture.break();
        const [stage, swap] = await twoSteps(session);
        await apply(stage, "kept");
        const outcome = await apply(swap, "kept");
        const name = String(outcome.data?.["replaced"]);
        const error = await rejection(() => undo(session, doneBy(session, swap, outcome)));
        expect([error.code, error.message]).toEqual([
          "REFUSED",
          expect.stringMatching(/time to take the run back ended/) as string,
        ]);
        await server.sql("postgres", `create database backout_kept_${fixture.database}_000000000000`);
        const comment = await server.sql(
          "postgres",
          `select shobj_description(oid, 'pg_database') from pg_database where datname = '${name}'`,
        );
        await server.sql(
          "postgres",
          `comment on database backout_kept_${fixture.database}_000000000000 is '${comment}'`,
        );
        await fixture.break();
        for (const step of await session.steps()) await apply(step, "later");
        const left = await ofOurs("kept", fixture.database);
        expect(left).not.toContain(name);
        expect(left).toContain(`backout_kept_${fixture.database}_000000000000`);
        expect(left).toHaveLength(2);
        await fixture.isGood();
      },
      { undoFor: "1ms" },
    ));
});
