import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { capture } from "../../src/drivers/postgres/capture.js";
import { type Options, options } from "../../src/drivers/postgres/options.js";
import { prove } from "../../src/drivers/postgres/prove.js";
import { contextsFor } from "../../src/drivers/testing/contexts.js";
import { folderArtifacts } from "../../src/drivers/testing/folder-artifacts.js";
import { type PostgresServer, postgresServer } from "../../test/support/postgres-server.js";
import { type Figure, figure } from "../figure.js";
import { timeProcess } from "../timed.js";

const area = "postgres-capture";
const jobs = 2;
/** Megabytes of the whole database, about; `npm run bench -- postgres-capture 100` measures one. */
const usualSizes = [100, 1000];
const roundsOf = (megabytes: number): number => (megabytes > 500 ? 2 : 5);
const rowsOf = (megabytes: number): number => Math.round(megabytes * 5_400);

/** The same database in turn: pg_dump and pg_restore as they are, and capture with proof, which compares in full. */
export async function capturing(args: readonly string[]): Promise<Figure[]> {
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
    const url = await server.database("shop");
    const without = options.parse({ url, jobs, keepProven: 0 });
    const keeping = options.parse({ url, jobs, keepProven: 2 * megabytes });
    await fill(server, megabytes);
    const size = await server.sql("shop", "select pg_size_pretty(pg_database_size('shop'))");
    const own = async (given: Options): Promise<number> => {
      const begun = performance.now();
      const artifacts = await folderArtifacts(await mkdtemp(join(folder, "artifacts-")));
      const captured = await capture(given, { ...contexts.plain(), artifacts: artifacts.writer });
      const part = { ...captured, artifacts: artifacts.list(), at: 0 };
      const proof = await prove(part, given, await contexts.prove({ part, folder: artifacts.folder }));
      const ms = performance.now() - begun;
      if (proof.level !== "restored") throw new Error(JSON.stringify(proof.checks));
      await rm(artifacts.folder, { recursive: true });
      return ms;
    };
    const [plain, mine, kept]: [number[], number[], number[]] = [[], [], []];
    for (let round = 0; round <= roundsOf(megabytes); round++) {
      const ms = [plainly(server, join(folder, "plain")), await own(without), await own(keeping)];
      await rm(join(folder, "plain"), { recursive: true });
      // The first warms up.
      if (round > 0) [plain, mine, kept].map((list, index) => list.push(ms[index] ?? Number.NaN));
    }
    const against = `pg_dump -Fd -j ${jobs} and pg_restore -j ${jobs} of the same ${size}: ${plain.map(Math.round).join(", ")} ms`;
    return [
      figure({ area, figure: `capture and proof, ${megabytes} MB`, unit: "ms", values: mine, against }),
      figure({
        ...{ area, figure: `against plain, ${megabytes} MB`, unit: "times", most: 1.1, against },
        values: mine.map((ms, index) => ms / (plain[index] ?? Number.NaN)),
      }),
      figure({
        ...{ area, figure: `against plain, ${megabytes} MB, copy kept`, unit: "times", most: 1.1 },
        values: kept.map((ms, index) => ms / (plain[index] ?? Number.NaN)),
        against: `as above; ${kept.map(Math.round).join(", ")} ms`,
      }),
    ];
  } finally {
    await contexts.cleanUp();
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function fill(server: PostgresServer, megabytes: number): Promise<void> {
  await server.sql(
    "shop",
    `create table customers (id int primary key, name text not null, email text unique);
     insert into customers select n, 'customer ' || n, n || '@example.org' from generate_series(1, 50000) n;
     create table orders (id int primary key, customer int not null references customers, total numeric, at timestamptz, note text);
     insert into orders select n, 1 + n % 50000, n % 977, '2025-01-01'::timestamptz + n * interval '1 s', md5(n::text)
       from generate_series(1, ${rowsOf(megabytes)}) n;
     create index on orders (customer); create index on orders (at);`,
  );
  await server.sql("shop", "vacuum analyze");
}

function plainly(server: PostgresServer, folder: string): number {
  const where = ["-h", "127.0.0.1", "-p", String(server.port), "-U", "postgres"];
  const run = (program: string, ...args: string[]): number =>
    timeProcess([join(server.programs, program), ...where, ...args]);
  const ms =
    run("pg_dump", "-Fd", "-j", String(jobs), "-f", folder, "shop") +
    run("createdb", "plain") +
    run("pg_restore", "-j", String(jobs), "-d", "plain", folder);
  run("dropdb", "plain");
  return ms;
}
