import { createHash } from "node:crypto";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as after } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { CapturedPart, Proof } from "../../src/core/driver.js";
import { BackoutError } from "../../src/core/errors.js";
import type { CapturedDatabase } from "../../src/drivers/postgres/captured-database.js";
import { type Options, options } from "../../src/drivers/postgres/options.js";
import { prove } from "../../src/drivers/postgres/prove.js";
import { type Contexts, contextsFor } from "../../src/drivers/testing/contexts.js";
import { rejection } from "../../src/drivers/testing/target-faults.js";
import { type TakenDatabase, takeDatabase } from "../support/postgres-parts.js";
import { type PostgresServer, postgresServer } from "../support/postgres-server.js";
import { makeShop } from "../support/postgres-shop.js";

const database = `shop's "öl" a=b`;

type Part = CapturedPart<CapturedDatabase>;

describe("postgres: capture and proof", () => {
  let server: PostgresServer;
  let contexts: Contexts;
  let folder: string;
  let base: Options;
  let taken: TakenDatabase;

  const take = (given: Options): Promise<TakenDatabase> => takeDatabase(given, contexts, folder);
  const proof = async (from = taken, given = base): Promise<Proof> =>
    prove(from.part, given, await contexts.prove(from));
  const failedOf = ({ checks }: Proof) => checks.filter(({ result }) => result !== "passed");
  const scratches = () =>
    server.sql("postgres", "select count(*) from pg_database where datname like 'backout%'");

  beforeAll(async () => {
    server = await postgresServer();
    folder = await mkdtemp(join(tmpdir(), "backout-postgres-capture-"));
    contexts = await contextsFor(folder);
    base = options.parse({ url: await makeShop(server, database), keepProven: 0 });
    taken = await take(base);
  });
  afterAll(async () => {
    await contexts?.cleanUp();
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test("M04 H25 is restored once and is the same in everything; nothing is left of it", async () => {
    const proven = await proof();
    expect(failedOf(proven)).toEqual([]);
    expect(proven.level).toBe("restored");
    expect(proven.restoreMs).toBeGreaterThan(0);
    const names = proven.checks.map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining([
        "schema",
        "owners and privileges",
        "settings of the database",
        "sequences",
        "extensions",
      ]),
    );
    expect(names.filter((name) => name.startsWith("table "))).toHaveLength(
      Object.keys(taken.part.data.content.tables).length,
    );
    expect(await scratches()).toBe("0");
  });

  test("records what belongs to the database beside its rows", () => {
    const { data } = taken.part;
    expect(data.database).toMatchObject({ name: database, owner: "shop_owner", comment: "the shop's" });
    expect(data.content.settings).toEqual({
      " · app.tenant": "it's",
      " · search_path": 'public, "Sales Ø"',
      "shop_app · statement_timeout": "5s",
    });
    expect(Object.keys(data.content.extensions)).toEqual(["citext", "hstore", "plpgsql"]);
    expect(data.content.materializedViews).toEqual({ "public.totals": "populated" });
    expect(data.roles).toEqual(["postgres", "shop_app", "shop_owner", "shop_report"]);
    expect(data.ledgers).toEqual([
      { tool: "prisma", table: "public._prisma_migrations", applied: ["20240101_init", "20240301_orders"] },
    ]);
    expect(data.content.tables["public.orders"]).toMatchObject({ rows: 1000, key: ["id"] });
    expect(data.content.sequences["public.orders_id_seq"]).toBe("1000");
    expect(data.wal).toMatch(/^[0-9A-F]+\/[0-9A-F]+$/);
    expect(data.counters.tables["public.orders"]).toMatchObject({ inserted: 1000 });
    expect(data.dump.files["toc.dat"]).toMatch(/^sha256:/);
  });

  test("H26 H30 none of 200 altered dumps passes as restored", { timeout: 600_000 }, async () => {
    const random = seeded(20_260_101);
    let refused = 0;
    for (let number = 0; number < 200; number++) {
      const altered = await mutated(taken, random, number);
      // The checkpoint's digests tell at once; and where those were made anew, what the capture itself had seen.
      const forged =
        number % 2 === 0
          ? altered
          : { ...altered, part: { ...altered.part, artifacts: taken.part.artifacts } };
      const result = await proof(forged).then(
        ({ level }) => level,
        (error: unknown) => error,
      );
      expect(result, `dump ${number}`).not.toBe("restored");
      refused++;
      await rm(altered.folder, { recursive: true });
    }
    expect(refused).toBe(200);
    expect(await scratches()).toBe("0");
  });

  test("H22 H26 with every digest forged, restoring and comparing still tells", {
    timeout: 600_000,
  }, async () => {
    const random = seeded(7);
    const other = await foreignDump();
    for (let number = 0; number < 24; number++) {
      const altered = await mutated(taken, random, number);
      const forged = { ...altered, part: withDigests(altered.part) };
      const result = await proof(forged).catch((error: unknown) => error);
      expect(failed(result), `dump ${number}`).not.toBe("");
      await rm(altered.folder, { recursive: true });
    }
    const foreign = {
      ...other,
      part: { ...other.part, data: { ...taken.part.data, dump: other.part.data.dump } },
    };
    expect(failed(await proof(foreign))).toMatch(/table public.orders/);
    expect(await scratches()).toBe("0");
  });

  test("what a crashed proof left is removed by the next one, what others made is not", async () => {
    await server.sql("postgres", "create database backout_scratch_0000abcd");
    await server.sql("postgres", "create database backout_scratch_0000abce");
    await server.sql("postgres", "comment on database backout_scratch_0000abce is 'mine'");
    expect((await proof()).level).toBe("restored");
    expect(
      await server.sql("postgres", "select datname from pg_database where datname like 'backout%'"),
    ).toBe("backout_scratch_0000abce");
    await server.sql("postgres", "drop database backout_scratch_0000abce");
  });

  test("a role and an extension that the scratch server lacks are named; an older server cannot take it", async () => {
    const { data } = taken.part;
    const elsewhere = {
      ...data,
      server: { ...data.server, major: 99, version: "99.1" },
      roles: [...data.roles, "nobody_here"],
      content: { ...data.content, extensions: { ...data.content.extensions, no_extension: "1" } },
    };
    const proven = await proof({ ...taken, part: { ...taken.part, data: elsewhere } });
    expect(proven.level).toBe("captured");
    expect(proven.checks.map(({ result }) => result)).toEqual(["error", "error", "error"]);
    expect(proven.checks.map(({ message }) => message).join("\n")).toMatch(
      /is PostgreSQL \d+, the dump is of 99.1[^]*no role "nobody_here".*create role[^]*extension "no_extension"/,
    );
  });

  test("proves on another server where one is named", async () => {
    const spare = await postgresServer();
    try {
      const given = { ...base, scratch: { url: await spare.database("postgres") } };
      expect(failedOf(await proof(taken, given)).map(({ name }) => name)).toEqual([
        "role shop_app",
        "role shop_owner",
        "role shop_report",
      ]);
      for (const role of ["shop_app", "shop_owner", "shop_report"])
        await spare.sql("postgres", `create role ${role}`);
      expect(failedOf(await proof(taken, given))).toEqual([]);
    } finally {
      await spare.stop();
    }
  });

  test("the numbers are those of the dump, also while others write", async () => {
    let writing = true;
    let written = 0;
    const writer = (async () => {
      while (writing) {
        await server.sql(
          database,
          "insert into no_key select 'more' from generate_series(1, 100); select nextval('orders_id_seq')",
        );
        written++;
      }
    })();
    try {
      const busy = await take(base);
      expect(written).toBeGreaterThan(0);
      expect(failedOf(await proof(busy))).toEqual([]);
    } finally {
      writing = false;
      await writer;
    }
  });

  test("H27 a server that goes away in the middle ends capture and proof with a clear error", async () => {
    await server.sql(
      database,
      "create table slow as select i, repeat(md5(i::text), 20) from generate_series(1, 200000) i",
    );
    for (const call of [() => take({ ...base, compression: 9 }), () => proof()]) {
      const seen = contexts.lines.length;
      const ended = rejection(call);
      for (let round = 0; round < 500 && contexts.lines.length === seen; round++) await after(5);
      await server.crash();
      const error = await ended;
      await server.start();
      expect(error.code, error.message).toBe("UNREACHABLE");
    }
    await server.sql(database, "drop table slow");
    expect((await proof()).level).toBe("restored");
  });

  test("wrong password, no such database, no programs: refused with nothing written", async () => {
    const url = await server.passwordUser("reader", "ge'heim", database);
    const asked = async (given: object) => {
      const { code, message, hint } = await rejection(() => take(options.parse(given)));
      expect(`${message} ${hint}`).not.toContain("heim");
      return code;
    };
    expect(await asked({ url: url.replace("heim", "falsch") })).toBe("DENIED");
    expect(await asked({ url: `${url}x` })).toBe("NOT_FOUND");
    expect(await asked({ url: await server.database(database), programs: "nowhere" })).toBe("TOOL_MISSING");
  });

  async function foreignDump() {
    await server.database("other");
    await server.sql("other", "create table orders (id int primary key); insert into orders values (1)");
    return take(options.parse({ url: await server.database("other") }));
  }
});

const failed = (result: unknown): string => {
  if (result instanceof BackoutError) return result.message;
  if (!(typeof result === "object" && result !== null && "checks" in result)) throw result;
  const { checks } = result as Proof;
  return checks
    .filter((one) => one.result !== "passed")
    .map(({ name }) => name)
    .join(", ");
};

const seeded = (seed: number) => (below: number) => {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((seed / 2 ** 32) * below);
};

/** One file cut, emptied, missing, filled with something else, or with a bit flipped where gzip keeps data. */
async function mutated(
  { part, folder }: TakenDatabase,
  random: (below: number) => number,
  number: number,
): Promise<TakenDatabase> {
  const copy = await mkdtemp(`${folder}-altered-`);
  await cp(folder, copy, { recursive: true });
  const data = part.artifacts.filter(({ name }) => name !== "toc.dat" && name !== "blobs.toc");
  const { name } = (number % 4 === 0
    ? part.artifacts.find((one) => one.name === "toc.dat")
    : data[random(data.length)]) ?? { name: "" };
  const file = join(copy, name);
  const bytes = await readFile(file);
  const kind = number % 5;
  if (kind === 0) await writeFile(file, bytes.subarray(0, random(bytes.length)));
  else if (kind === 1) await writeFile(file, "");
  else if (kind === 2) await writeFile(file, Buffer.from("this is no dump ".repeat(20)));
  else if (name === "toc.dat") await writeFile(file, bytes.subarray(0, Math.floor(bytes.length * 0.6)));
  else {
    const at = 10 + random(bytes.length - 10);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << random(8));
    await writeFile(file, bytes);
  }
  const artifacts = await Promise.all(
    part.artifacts.map(async (artifact) => {
      const now = await readFile(join(copy, artifact.name));
      return {
        ...artifact,
        bytes: now.length,
        digest: `sha256:${createHash("sha256").update(now).digest("hex")}`,
      };
    }),
  );
  return { part: { ...part, artifacts }, folder: copy };
}

const withDigests = (part: Part): Part => ({
  ...part,
  data: {
    ...part.data,
    dump: {
      ...part.data.dump,
      files: Object.fromEntries(part.artifacts.map(({ name, digest }) => [name, digest])),
    },
  },
});
