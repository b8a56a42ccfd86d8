import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import pg from "pg";
import type { StepSpec } from "../../src/core/driver.js";
import { target } from "../../src/drivers/postgres/index.js";
import { contextsFor, type Taken } from "../../src/drivers/testing/contexts.js";
import { planOrder } from "../../src/drivers/testing/plan-order.js";
import { restoreOnly } from "../../src/drivers/testing/target-fixture.js";
import { type PostgresServer, postgresServer } from "../../test/support/postgres-server.js";
import { type Figure, figure, summarise } from "../figure.js";
import { timeProcess } from "../timed.js";

const area = "postgres-restore";
/** A process of this area that is given a port asks there all the time. */
const asPoller = "BACKOUT_BENCH_POLL";
/** Megabytes of tables; `npm run bench -- postgres-restore 100` runs a small one. */
const usualSizes = [100, 1000];
const jobs = 2;
const pollMs = 3;
const bytesARow = 210;

/** The same database restored in turn: as playbooks do (stop, drop, pg_restore -j, start), and beside with a swap. */
export async function restoring(args: readonly string[]): Promise<Figure[]> {
  const given = process.env[asPoller];
  if (given !== undefined) return poll(Number(given)).then(() => []);
  const sizes = args.map(Number).filter((size) => size > 0);
  const figures: Figure[] = [];
  for (const megabytes of sizes.length > 0 ? sizes : usualSizes) figures.push(...(await oneSize(megabytes)));
  return figures;
}

async function oneSize(megabytes: number): Promise<Figure[]> {
  const server = await postgresServer();
  const folder = await mkdtemp(join(tmpdir(), "backout-bench-"));
  const contexts = await contextsFor(folder);
  try {
    await server.database("shop");
    await fill(server, megabytes);
    const options = target.options.parse({
      ...{ host: "127.0.0.1", port: server.port, user: "postgres", database: "shop", jobs, undoFor: "1ms" },
    }) as never;
    const taken = await contexts.take(target, options);
    const rounds = megabytes > 500 ? 1 : 3;
    const swaps: number[] = [];
    const totals: number[] = [];
    const olds: number[] = [];
    const plain: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const { outage, restore } = asPlaybooksDo(server, taken.folder);
      olds.push(outage);
      plain.push(restore);
      await server.sql("shop", "delete from orders where id % 10 = 0");
      const observed = await target.observe(options, await contexts.prove(taken), taken.part);
      const steps = planOrder(
        target.plan({ captured: taken.part, restoreMs: undefined, observed, options, intent: restoreOnly }),
      );
      const started = performance.now();
      swaps.push(
        await outageOf(server, async () => {
          for (const step of steps) await apply(step, options, taken, `bench-${round}`);
          totals.push(performance.now() - started);
        }),
      );
    }
    return report(megabytes, { swaps, totals, olds, plain });
  } finally {
    await contexts.cleanUp();
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }

  async function apply(step: StepSpec, options: never, from: Taken, runId: string): Promise<void> {
    const context = await contexts.step(from, `${runId}/${step.operation}`, 1);
    await target.apply(
      { operation: step.operation, input: step.input, options, captured: from.part },
      context,
    );
  }
}

async function fill(server: PostgresServer, megabytes: number): Promise<void> {
  const rows = Math.round((megabytes * 1e6) / bytesARow);
  await server.sql(
    "shop",
    `create table customers (id int primary key, name text not null);
     insert into customers select n, 'customer ' || n from generate_series(1, 10000) n;
     create table orders (id int primary key, customer int not null references customers, total numeric, note text);
     insert into orders select n, 1 + n % 10000, n % 977, repeat(md5(n::text), 4) from generate_series(1, ${rows}) n;
     create index on orders (customer); create index on orders (total);`,
  );
}

/** Drop, make, restore with the application stopped: nobody can use the database meanwhile. How long, and pg_restore alone. */
function asPlaybooksDo(server: PostgresServer, dump: string): { outage: number; restore: number } {
  const where = ["-h", "127.0.0.1", "-p", String(server.port), "-U", "postgres"];
  const program = (name: string): string => join(server.programs, name);
  const started = performance.now();
  timeProcess([program("dropdb"), ...where, "--force", "shop"]);
  timeProcess([program("createdb"), ...where, "shop"]);
  const restore = timeProcess([program("pg_restore"), ...where, "-d", "shop", "-j", String(jobs), dump]);
  return { outage: performance.now() - started, restore };
}

/** The longest time without an answer while that is done, as a client in a process of its own sees it. */
async function outageOf(server: PostgresServer, work: () => Promise<unknown>): Promise<number> {
  const poller = spawn(process.execPath, [process.argv[1] ?? "", area], {
    env: { ...process.env, [asPoller]: String(server.port) },
    stdio: ["pipe", "pipe", "inherit"],
  });
  let said = "";
  poller.stdout.on("data", (chunk: Buffer) => {
    said += chunk.toString();
  });
  const ended = once(poller, "close");
  while (!said.includes("ready")) await setTimeout(10);
  await work();
  await setTimeout(300);
  poller.stdin.end();
  await ended;
  return Number(/^gap (\S+)$/m.exec(said)?.[1]);
}

/** Asks all the time, and connects again at once where it was thrown out. */
async function poll(port: number): Promise<void> {
  let going = true;
  process.stdin.on("end", () => {
    going = false;
  });
  process.stdin.resume();
  let client: pg.Client | undefined;
  let [last, gap] = [performance.now(), 0];
  while (going) {
    try {
      if (client === undefined) {
        client = new pg.Client({ host: "127.0.0.1", port, user: "postgres", database: "shop" });
        client.on("error", () => {});
        await client.connect();
        if (gap === 0) console.log("ready");
      }
      await client.query("select count(*) from (select 1 from orders limit 10) few");
      gap = Math.max(gap, performance.now() - last);
      last = performance.now();
    } catch {
      await client?.end().catch(() => {});
      client = undefined;
    }
    await setTimeout(pollMs);
  }
  console.log(`gap ${gap}`);
  await client?.end();
}

interface Rounds {
  readonly swaps: readonly number[];
  readonly totals: readonly number[];
  readonly olds: readonly number[];
  readonly plain: readonly number[];
}

function report(megabytes: number, { swaps, totals, olds, plain }: Rounds): Figure[] {
  const what = `${megabytes} MB`;
  const old = summarise(olds).median;
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
  const ratios = totals.map((total, index) => total / (plain[index] ?? Number.NaN));
  return [
    figure({
      ...{ area, figure: `outage, ${what}`, unit: "ms", values: swaps, most: 1_000 },
      against: `drop, pg_restore -j ${jobs}: ${seconds(old)}`,
    }),
    figure({
      ...{ area, figure: `whole restore, ${what}`, unit: "times", values: ratios, most: 1.15 },
      against: `pg_restore -j ${jobs} alone: ${seconds(summarise(plain).median)}`,
    }),
  ];
}
