import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import pg from "pg";
import { capture } from "../../src/drivers/postgres/capture.js";
import { observe } from "../../src/drivers/postgres/observe.js";
import { options } from "../../src/drivers/postgres/options.js";
import { plan } from "../../src/drivers/postgres/plan.js";
import { prove } from "../../src/drivers/postgres/prove.js";
import { apply } from "../../src/drivers/postgres/steps.js";
import { contextsFor } from "../../src/drivers/testing/contexts.js";
import { folderArtifacts } from "../../src/drivers/testing/folder-artifacts.js";
import { planOrder } from "../../src/drivers/testing/plan-order.js";
import { restoreOnly } from "../../src/drivers/testing/target-fixture.js";
import { type PostgresServer, postgresServer } from "../../test/support/postgres-server.js";
import { type Figure, figure, summarise } from "../figure.js";
import { timeProcess } from "../timed.js";

const area = "postgres-restore";
/** A process of this area that is given a port and a database asks there all the time. */
const asPoller = "BACKOUT_BENCH_POLL";
/** Megabytes of tables; `npm run bench -- postgres-restore 100` runs a small one. */
const usualSizes = [100, 1000];
const jobs = 2;
const roundsOf = (megabytes: number): number => (megabytes > 2_000 ? 2 : megabytes > 500 ? 4 : 5);
const pollMs = 10;
const bytesARow = 210;
const mostMs = 3_600_000;

/** The same database restored in turn: as playbooks do (stop, drop, pg_restore -j, start), beside with a swap, and by the copy that a proof has kept. */
export async function restoring(args: readonly string[]): Promise<Figure[]> {
  const given = process.env[asPoller];
  if (given !== undefined) {
    const [port, database = ""] = given.split("/");
    return poll(Number(port), database).then(() => []);
  }
  const sizes = args.map(Number).filter((size) => size > 0);
  const figures: Figure[] = [];
  for (const megabytes of sizes.length > 0 ? sizes : usualSizes) figures.push(...(await oneSize(megabytes)));
  return figures;
}

async function oneSize(megabytes: number): Promise<Figure[]> {
  // Its workers would come at any moment, to one of both and not to the other.
  const server = await postgresServer({ settings: ["autovacuum=off"] });
  const folder = await mkdtemp(join(tmpdir(), "backout-bench-"));
  const contexts = await contextsFor(folder);
  const patient = { signal: AbortSignal.timeout(mostMs) };
  try {
    await server.database("shop");
    await fill(server, megabytes);
    const given = options.parse({
      ...{ host: "127.0.0.1", port: server.port, user: "postgres", database: "shop", jobs },
      keepProven: 2 * megabytes,
    });
    const artifacts = await folderArtifacts(await mkdtemp(join(folder, "artifacts-")));
    const captured = await capture(given, { ...contexts.plain(), ...patient, artifacts: artifacts.writer });
    const taken = { part: { ...captured, artifacts: artifacts.list(), at: 0 }, folder: artifacts.folder };
    const rounds: Round[] = [];
    for (let round = 0; round < roundsOf(megabytes); round++) {
      let plain = { outage: 0, restore: 0 };
      await nothingLeftToWrite(server);
      await longestGap(server, "postgres", () => {
        plain = asPlaybooksDo(server, taken.folder);
      });
      const beside = await restoreBeside(server, taken.folder);
      const made = await bringBack("made");
      const proof = await prove(taken.part, given, { ...(await contexts.prove(taken)), ...patient });
      if (proof.level !== "restored") throw new Error(JSON.stringify(proof.checks));
      const copy = await bringBack("copy");
      rounds.push({ ...made, copy, beside, ...plain });

      async function bringBack(way: string): Promise<Pick<Round, "gap" | "whole">> {
        await server.sql("shop", "delete from orders where id % 10 = 0");
        const observed = await observe(given, { ...contexts.plain(), ...patient }, taken.part);
        if (observed.data.proven !== (way === "copy")) throw new Error(`${way}: ${observed.data.proven}`);
        const steps = planOrder(
          plan({
            ...{ captured: taken.part, restoreMs: undefined, observed, options: given, intent: restoreOnly },
          }),
        );
        let whole = 0;
        await nothingLeftToWrite(server);
        const gap = await longestGap(server, "shop", async () => {
          const started = performance.now();
          for (const { operation, input } of steps) {
            const key = `bench-${way}-${round}/${operation}`;
            const context = { ...(await contexts.step(taken, key, 1)), ...patient };
            await apply({ operation, input, options: given, captured: taken.part }, context);
          }
          whole = performance.now() - started;
        });
        await dropKept(server);
        return { gap, whole };
      }
    }
    return report(megabytes, rounds);
  } finally {
    await contexts.cleanUp();
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** What has been left to be written, by the server or the system, is not to be written while another is measured. */
async function nothingLeftToWrite(server: PostgresServer): Promise<void> {
  await server.sql("postgres", "checkpoint");
  timeProcess(["sync"]);
}

/** Each round replaces one. */
async function dropKept(server: PostgresServer): Promise<void> {
  const kept = await server.sql(
    "postgres",
    "select datname from pg_database where datname like 'backout\\_kept%'",
  );
  for (const name of kept.split("\n").filter(Boolean))
    await server.sql("postgres", `drop database "${name}"`);
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
  const started = performance.now();
  timeProgram(server, "dropdb", "--force", "shop");
  const restore = createAndRestore(server, dump, "shop");
  return { outage: performance.now() - started, restore };
}

/** pg_restore alone, where backout restores: into another database, while the live one is still there. */
async function restoreBeside(server: PostgresServer, dump: string): Promise<number> {
  let restore = 0;
  await nothingLeftToWrite(server);
  await longestGap(server, "shop", () => {
    restore = createAndRestore(server, dump, "beside");
  });
  timeProgram(server, "dropdb", "beside");
  return restore;
}

function createAndRestore(server: PostgresServer, dump: string, database: string): number {
  timeProgram(server, "createdb", database);
  return timeProgram(server, "pg_restore", "-d", database, "-j", String(jobs), dump);
}

const timeProgram = ({ port, programs }: PostgresServer, name: string, ...args: string[]): number =>
  timeProcess([join(programs, name), "-h", "127.0.0.1", "-p", String(port), "-U", "postgres", ...args]);

/** The longest time without an answer while that is done, as a client in a process of its own sees it. */
async function longestGap(
  server: PostgresServer,
  database: string,
  work: () => Promise<void> | void,
): Promise<number> {
  const poller = spawn(process.execPath, [process.argv[1] ?? "", area], {
    env: { ...process.env, [asPoller]: `${server.port}/${database}` },
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
async function poll(port: number, database: string): Promise<void> {
  let going = true;
  process.stdin.on("end", () => {
    going = false;
  });
  process.stdin.resume();
  const table = database === "shop" ? "orders" : "pg_class";
  let client: pg.Client | undefined;
  let [last, gap] = [performance.now(), 0];
  let ready = false;
  while (going) {
    try {
      if (client === undefined) {
        client = new pg.Client({ host: "127.0.0.1", port, user: "postgres", database });
        client.on("error", () => {});
        await client.connect();
      }
      await client.query(`select count(*) from (select 1 from ${table} limit 10) few`);
      if (ready) gap = Math.max(gap, performance.now() - last);
      else console.log("ready");
      ready = true;
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

interface Round {
  /** Without an answer, and from its begin to its end. */
  readonly gap: number;
  readonly whole: number;
  /** The same by the copy that the proof has kept. */
  readonly copy: { readonly gap: number; readonly whole: number };
  /** As playbooks do: nobody can work, and pg_restore in it. */
  readonly outage: number;
  readonly restore: number;
  /** pg_restore alone into another database. */
  readonly beside: number;
}

function report(megabytes: number, rounds: readonly Round[]): Figure[] {
  const what = `${megabytes} MB`;
  const median = (values: readonly number[]): string => `${(summarise(values).median / 1000).toFixed(1)} s`;
  return [
    figure({
      ...{ area, figure: `outage, ${what}`, unit: "ms", values: rounds.map(({ gap }) => gap), most: 1_000 },
      against: `drop, pg_restore -j ${jobs}: ${median(rounds.map(({ outage }) => outage))}`,
    }),
    figure({
      ...{ area, figure: `outage, ${what}, proven copy`, unit: "ms", most: 1_000 },
      values: rounds.map(({ copy }) => copy.gap),
      against: "as above",
    }),
    figure({
      ...{ area, figure: `whole restore, ${what}, proven copy`, unit: "times", most: 1.15 },
      values: rounds.map(({ copy, beside }) => copy.whole / beside),
      against: `pg_restore -j ${jobs} alone into another database; by the copy: ${median(rounds.map(({ copy }) => copy.whole))}`,
    }),
    figure({
      ...{ area, figure: `whole restore, ${what}, no copy`, unit: "times", most: 1.15 },
      values: rounds.map(({ whole, beside }) => whole / beside),
      against: `pg_restore -j ${jobs} alone into another database: ${median(rounds.map(({ beside }) => beside))}`,
    }),
    figure({
      ...{ area, figure: `whole restore, ${what}, no copy, after a drop`, unit: "times" },
      values: rounds.map(({ whole, restore }) => whole / restore),
      against: `the same after the database was dropped: ${median(rounds.map(({ restore }) => restore))}`,
    }),
  ];
}
