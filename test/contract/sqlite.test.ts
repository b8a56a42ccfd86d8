import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  chmod,
  copyFile,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { DatabaseSync } from "@photostructure/sqlite";
import { describe, expect, test } from "vitest";
import type { StepSpec } from "../../src/core/driver.js";
import { target } from "../../src/drivers/sqlite/index.js";
import { describeTarget } from "../../src/drivers/testing/target-contract.js";
import { rejection } from "../../src/drivers/testing/target-faults.js";
import { type Fault, type TargetFixture, withoutTools } from "../../src/drivers/testing/target-fixture.js";
import { type TargetSession, targetSession } from "../../src/drivers/testing/target-session.js";

interface Fixture extends TargetFixture {
  readonly file: string;
}

const journalModes = ["delete", "wal"] as const;
type JournalMode = (typeof journalModes)[number];

const faults: readonly Fault<Fixture>[] = [
  {
    name: "file gone",
    arrange: ({ file }) => replacedBy(file, async () => undefined),
    code: "NOT_FOUND",
    says: /app\.db: does not exist/,
    on: ["check", "capture"],
  },
  {
    name: "folder gone",
    options: () => ({ file: "nowhere/app.db" }),
    code: "NOT_FOUND",
    says: /nowhere/,
    on: ["check", "capture", "observe", "apply"],
  },
  {
    name: "a folder in place of the file",
    arrange: ({ file }) => replacedBy(file, () => mkdir(file)),
    code: "REFUSED",
    says: /app\.db: is a directory/,
    on: ["check", "capture", "observe", "apply"],
  },
  {
    name: "an empty file",
    arrange: ({ file }) => replacedBy(file, () => writeFile(file, "")),
    code: "REFUSED",
    says: /app\.db: is empty/,
    on: ["check", "capture"],
  },
  {
    name: "garbage in the file",
    arrange: ({ file }) => replacedBy(file, () => writeFile(file, "no database ".repeat(1000))),
    code: "REFUSED",
    says: /app\.db: is not a SQLite database, or is encrypted/,
    on: ["check", "capture"],
  },
  {
    name: "H33 open in another process, idle",
    arrange: async ({ file }) => holder(file, ""),
    code: "CONFLICT",
    says: /app\.db: is open in process \d+/,
    on: ["apply"],
  },
  {
    name: "tool missing",
    host: withoutTools,
    code: "TOOL_MISSING",
    says: /ln/,
    on: ["apply"],
  },
  {
    name: "no room for a second copy",
    host: (host) => ({ ...host, files: { ...host.files, freeBytes: async () => 1000 } }),
    code: "STATE_FULL",
    says: /1000 bytes are free, a second copy needs \d+/,
    on: ["apply"],
  },
];

for (const mode of journalModes) {
  describeTarget(target, {
    driver: "sqlite",
    kills: 8,
    name: `sqlite, journal mode ${mode}`,
    setUp: () => setUp(mode),
    faults,
  });

  describe(`sqlite, journal mode ${mode}`, () => {
    test("what is written between plan and swap is in the loss that the swap returns", () =>
      withSession(mode, async ({ fixture, steps, apply }) => {
        change(fixture.file, "INSERT INTO orders (customer, total) VALUES ('new', 1)");
        const [stage, swap] = await steps();
        expect(swap?.impact?.loses).toMatchObject([{ what: "orders", inserted: 1, updated: 0 }]);
        await apply(stage as StepSpec, "counted");
        change(
          fixture.file,
          "INSERT INTO orders (customer, total) VALUES ('newer', 2); UPDATE orders SET total = total + 1 WHERE id = 1;",
        );
        const { loses, data } = await apply(swap as StepSpec, "counted");
        expect(loses).toEqual([
          {
            what: "orders",
            inserted: 2,
            updated: 1,
            deleted: 0,
            basis: "every row compared by primary key (id); a row changed more than once counts once",
          },
        ]);
        expect(data).toEqual({ replaced: `${fixture.file}.replaced-counted-swap` });
        const kept = new DatabaseSync(String(data?.["replaced"]), { readOnly: true });
        expect(kept.prepare("PRAGMA journal_mode").get()).toEqual({ journal_mode: mode });
        kept.close();
      }));

    test("data written since the checkpoint is counted exactly, by primary key", () =>
      withSession(mode, async ({ fixture, steps }) => {
        change(
          fixture.file,
          `INSERT INTO orders (customer, total) VALUES ('new', 1), ('new', 2), ('new', 3);
           UPDATE orders SET total = total + 1 WHERE id IN (1, 2);
           UPDATE orders SET customer = upper(customer) WHERE id = 3;
           DELETE FROM orders WHERE id = 4;
           ALTER TABLE orders DROP COLUMN note;
           CREATE TABLE coupons (code TEXT PRIMARY KEY);
           INSERT INTO coupons VALUES ('X');`,
        );
        const [, swap] = await steps();
        const by = "every row compared by primary key (id)";
        expect(swap?.impact?.loses).toEqual([
          {
            what: "coupons",
            inserted: 1,
            updated: 0,
            deleted: 0,
            basis: "all rows: the table was added since",
          },
          {
            what: "orders",
            inserted: 3,
            updated: 3,
            deleted: 1,
            basis: `${by}; in the columns that both have; a row changed more than once counts once`,
          },
        ]);
        expect(swap?.impact?.changes).toContainEqual({
          what: "column orders.note",
          before: "was dropped",
          after: "exists",
        });
      }));

    test("H31 a dropped column and a dropped table come back with their data", () =>
      withSession(mode, async ({ fixture, bringBack }) => {
        change(fixture.file, "ALTER TABLE orders DROP COLUMN note; DROP TABLE customers;");
        await bringBack("run");
      }));

    test("a copy taken while another process writes is consistent", () =>
      withSession(mode, async ({ fixture, contexts, resolved }) => {
        const stop = await holder(
          fixture.file,
          `setInterval(() => {
             try { db.exec("BEGIN IMMEDIATE; INSERT INTO ledger VALUES (1); INSERT INTO ledger VALUES (-1); COMMIT"); }
             catch { if (db.isTransaction) db.exec("ROLLBACK"); }
           }, 1);`,
        );
        try {
          for (let times = 0; times < 5; times++) {
            const { folder } = await contexts.take(target, resolved);
            const copy = new DatabaseSync(join(folder, "database.sqlite"));
            expect(copy.prepare("SELECT total(amount) AS sum FROM ledger").get()).toMatchObject({ sum: 0 });
            copy.close();
          }
        } finally {
          await stop();
        }
      }));

    test("H50 the log or journal of a crashed writer is never applied to the file swapped in", () =>
      withSession(mode, async ({ fixture, bringBack }) => {
        await crashWhileWriting(fixture.file);
        const left = await readdir(fixture.folder);
        expect(left).toContain(mode === "wal" ? "app.db-wal" : "app.db-journal");
        change(fixture.file, "INSERT INTO orders (customer, total) VALUES ('bad', 0)");
        await crashWhileWriting(fixture.file);
        await bringBack("run");
        // Whoever reads makes an empty log again.
        for (const name of await readdir(fixture.folder)) {
          if (/^app\.db-(wal|journal)$/.test(name))
            expect((await stat(join(fixture.folder, name))).size).toBe(0);
        }
      }));

    test("H33 a writer that holds a lock keeps the swap from happening", () =>
      withSession(mode, async ({ fixture, steps, apply }) => {
        await fixture.break();
        const [stage, swap] = await steps();
        if (stage === undefined || swap === undefined) throw new Error("expected two steps");
        await apply(stage, "run");
        const writer = new DatabaseSync(fixture.file);
        writer.exec("BEGIN IMMEDIATE; UPDATE orders SET total = 0");
        const error = await rejection(() => apply(swap, "run"));
        expect([error.code, error.effect]).toEqual(["CONFLICT", "none"]);
        writer.exec("COMMIT");
        writer.close();
      }));

    test("H34 the name leads to a database at every moment of the swap", () =>
      withSession(mode, async ({ fixture, steps, apply }) => {
        await fixture.break();
        const planned = await steps();
        const watcher = program(
          `const fs = require("node:fs"); let misses = 0, looks = 0, go = true;
           process.on("SIGTERM", () => { go = false; });
           const look = () => {
             for (let n = 0; n < 2000; n++) { looks++; try { if (fs.statSync(process.argv[1]).size === 0) misses++; } catch { misses++; } }
             if (go) setImmediate(look); else { console.log(JSON.stringify({ misses, looks })); process.exit(); }
           };
           console.log("ready"); look();`,
          fixture.file,
        );
        let said = "";
        watcher.stdout?.on("data", (chunk: Buffer) => {
          said += chunk.toString();
        });
        await once(watcher.stdout ?? watcher, "data");
        for (const step of planned) await apply(step, "run");
        watcher.kill("SIGTERM");
        await once(watcher, "close");
        const seen = JSON.parse(said.split("\n")[1] ?? "{}") as { misses: number; looks: number };
        expect(seen.looks).toBeGreaterThan(0);
        expect(seen.misses).toBe(0);
        await fixture.isGood();
      }));

    test("the replaced file is kept whole, so that the rollback can be taken back", () =>
      withSession(mode, async ({ fixture, steps, apply, bringBack }) => {
        await fixture.break();
        const broken = await fixture.world();
        let replaced = "";
        for (const step of await steps()) replaced = String((await apply(step, "run")).data?.["replaced"]);
        await fixture.isGood();
        await rename(replaced, fixture.file);
        expect(await fixture.world()).toBe(broken);
        await bringBack("again");
      }));
  });
}

test.each([
  { what: "removed", harm: (file: string) => rm(file) },
  { what: "overwritten with garbage", harm: (file: string) => writeFile(file, "garbage ".repeat(5000)) },
  { what: "emptied", harm: (file: string) => writeFile(file, "") },
  {
    what: "cut off",
    harm: async (file: string) => writeFile(file, (await readFile(file)).subarray(0, 6000)),
  },
  { what: "damaged in a page", harm: (file: string) => overwritePage(file, 2) },
  { what: "damaged in its last page", harm: (file: string) => overwritePage(file, -1) },
])("a live file that was $what is brought back", async ({ harm }) => {
  await withSession("delete", async ({ fixture, bringBack, observe, taken }) => {
    await harm(fixture.file);
    expect((await observe()).identity).not.toBe(taken.part.identity);
    await bringBack("run");
  });
});

test("rows that are only in the log are seen, though the file's bytes are as captured", async () => {
  await withSession("wal", async ({ fixture, observe, taken }) => {
    const bytes = await readFile(fixture.file);
    expect(taken.part.data).toMatchObject({ resting: { bytes: bytes.length } });
    expect((await observe()).identity).toBe(taken.part.identity);
    await crashWhileWriting(fixture.file);
    expect((await readFile(fixture.file)).equals(bytes)).toBe(true);
    expect((await observe()).identity).not.toBe(taken.part.identity);
  });
});

test("the identity is of the rows, not of the pages: VACUUM keeps it, one bit in a large value does not", async () => {
  await withSession("delete", async ({ fixture, contexts, resolved, observe }) => {
    change(
      fixture.file,
      `CREATE TABLE files (data BLOB); INSERT INTO files VALUES (zeroblob(1000000)), (x''), (NULL), (zeroblob(5000000)), (1), (1.0);
       WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500) INSERT INTO files SELECT i FROM n;`,
    );
    const { part } = await contexts.take(target, resolved);
    change(fixture.file, "VACUUM");
    expect((await observe()).identity).toBe(part.identity);
    for (const sql of [
      "UPDATE files SET data = CAST(zeroblob(4999999) || x'01' AS BLOB) WHERE length(data) = 5000000",
      "UPDATE files SET data = 2501 WHERE rowid = 2006",
      "UPDATE files SET data = 1.0 WHERE rowid = 5",
    ]) {
      const before = (await observe()).identity;
      change(fixture.file, sql);
      expect((await observe()).identity).not.toBe(before);
    }
  });
});

test("mode is kept, and a link to the file stays a link", async () => {
  const fixture = await setUp("delete");
  const linked = join(fixture.folder, "linked.db");
  await symlink("app.db", linked);
  await chmod(fixture.file, 0o640);
  const session = await targetSession(target, {
    driver: "sqlite",
    faults: [],
    setUp: async () => ({ ...fixture, options: { file: "linked.db" } }),
  });
  try {
    await fixture.break();
    await session.bringBack("run");
    expect((await stat(fixture.file)).mode & 0o777).toBe(0o640);
    expect((await readFile(linked)).equals(await readFile(fixture.file))).toBe(true);
  } finally {
    await session.cleanUp();
  }
});

test("rows added after the swap do not make it unverified; captured ones that vanish do", async () => {
  await withSession("wal", async ({ fixture, bringBack, verify }) => {
    await fixture.break();
    await bringBack("run");
    change(
      fixture.file,
      "INSERT INTO orders (customer, total) VALUES ('after', 9); UPDATE orders SET total = 5 WHERE id = 7;",
    );
    expect((await verify()).filter((check) => check.result !== "passed")).toEqual([]);
    change(fixture.file, "DELETE FROM orders WHERE id = 7");
    expect((await verify()).filter((check) => check.result !== "passed")).toMatchObject([
      { name: expect.stringContaining("captured rows") as string, actual: "gone: orders: 1" },
    ]);
  });
});

test("a damaged database is no state to come back to: its capture is refused", async () => {
  await withSession("delete", async ({ fixture, contexts, resolved }) => {
    await overwritePage(fixture.file, -1);
    const error = await rejection(() => contexts.take(target, resolved));
    expect([error.code, error.message]).toEqual([
      "REFUSED",
      expect.stringContaining("app.db: is damaged") as string,
    ]);
  });
});

test("databases below the folder are discovered, other files named like them are not", async () => {
  await withSession("delete", async ({ fixture, contexts }) => {
    await mkdir(join(fixture.folder, "data/deep"), { recursive: true });
    await copyFile(fixture.file, join(fixture.folder, "data/deep/shop.sqlite3"));
    await mkdir(join(fixture.folder, "node_modules"));
    await copyFile(fixture.file, join(fixture.folder, "node_modules/no.db"));
    await writeFile(join(fixture.folder, "not.db"), "text");
    await writeFile(join(fixture.folder, "empty.db"), "");
    const found = (await target.discover?.(contexts.plain())) ?? [];
    expect(found.map((one) => [one.name, one.with])).toEqual([
      ["app", { file: "app.db" }],
      ["shop", { file: "data/deep/shop.sqlite3" }],
    ]);
  });
});

async function setUp(mode: JournalMode): Promise<Fixture> {
  const folder = await mkdtemp(join(tmpdir(), "backout-sqlite-"));
  const file = join(folder, "app.db");
  change(
    file,
    `PRAGMA journal_mode = ${mode};
     CREATE TABLE customers (name TEXT PRIMARY KEY COLLATE NOCASE, data BLOB) WITHOUT ROWID;
     CREATE TABLE orders (id INTEGER PRIMARY KEY AUTOINCREMENT, customer TEXT COLLATE NOCASE, total REAL, note TEXT);
     CREATE INDEX orders_by_customer ON orders (customer);
     CREATE TABLE ledger (amount INTEGER);
     CREATE VIRTUAL TABLE search USING fts5(text);
     INSERT INTO search VALUES ('first words'), ('more words');
     INSERT INTO customers VALUES ('ann', x'00ff'), ('bob', NULL), ('čeněk', 'text');
     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
       INSERT INTO orders (customer, total, note) SELECT 'customer ' || i, i / 3.0, printf('%.*c', 100, 'x') FROM n;`,
  );
  const good = digestOf(file);
  let times = 0;
  return {
    folder,
    file,
    options: { file: "app.db" },
    break: async () => {
      times++;
      change(
        file,
        `INSERT INTO orders (customer, total) VALUES ('bad ${times}', 0); DELETE FROM orders WHERE id = 5;
         ALTER TABLE orders DROP COLUMN note; UPDATE search SET text = 'changed';`,
      );
    },
    isGood: async () => expect(digestOf(file)).toBe(good),
    world: async () => digestOf(file),
    cleanUp: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Reads by itself, not by the driver's code; `exec` alone, since a prepared statement keeps the file open for a while. */
function digestOf(file: string): string {
  const database = new DatabaseSync(file, { readOnly: true });
  const hash = createHash("sha256");
  let names: string[] = [];
  database.function("take", { varargs: true, useBigIntArguments: true }, (...row: unknown[]) => {
    names.push(String(row[0]));
    for (const value of row)
      hash.update(value instanceof Uint8Array ? value : `${typeof value} ${String(value)};`);
    return null;
  });
  const ask = (sql: string): string[] => {
    names = [];
    database.exec(sql);
    return names;
  };
  try {
    ask("SELECT take(name, sql) FROM sqlite_schema ORDER BY rowid");
    for (const table of ask(
      "SELECT take(name) FROM pragma_table_list WHERE type IN ('table', 'virtual')",
    ).sort()) {
      const columns = ask(`SELECT take(name) FROM pragma_table_info('${table}')`);
      if (columns.length > 0 && table !== "sqlite_schema") {
        ask(`SELECT take(${columns.map((column) => `"${column}"`).join(", ")}) FROM "${table}"`);
      }
    }
    return hash.digest("hex");
  } finally {
    database.close();
  }
}

function change(file: string, sql: string): void {
  const database = new DatabaseSync(file, { timeout: 5000 });
  try {
    database.exec(sql);
  } finally {
    database.close();
  }
}

async function withSession(
  mode: JournalMode,
  use: (session: TargetSession<Fixture>) => Promise<void>,
): Promise<void> {
  const session = await targetSession(target, { driver: "sqlite", faults: [], setUp: () => setUp(mode) });
  try {
    await use(session);
  } finally {
    await session.cleanUp();
  }
}

async function replacedBy(file: string, make: () => Promise<unknown>): Promise<() => Promise<void>> {
  await rename(file, `${file}.away`);
  await make();
  return async () => {
    await rm(file, { recursive: true, force: true });
    await rename(`${file}.away`, file);
  };
}

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Ends with this process, however that ends. */
const program = (source: string, file: string): ChildProcess =>
  spawn(process.execPath, ["-e", `process.stdin.resume().on("end", () => process.exit()); ${source}`, file], {
    cwd: root,
    stdio: ["pipe", "pipe", "inherit"],
  });

/** Another process that has the database open, and does what `more` says. */
async function holder(file: string, more: string): Promise<() => Promise<void>> {
  const child = program(
    `const { DatabaseSync } = require("@photostructure/sqlite");
     const db = new DatabaseSync(process.argv[1], { timeout: 2000 });
     db.prepare("SELECT count(*) FROM orders").get();
     setInterval(() => {}, 1000); console.log("ready"); ${more}`,
    file,
  );
  await once(child.stdout ?? child, "data");
  return async () => {
    const closed = once(child, "close");
    child.kill("SIGKILL");
    await closed;
  };
}

/** Leaves a log with committed rows (wal), or a hot journal (delete), as SIGKILL does. */
async function crashWhileWriting(file: string): Promise<void> {
  const stop = await holder(
    file,
    `db.exec("PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = 5; BEGIN; UPDATE orders SET customer = 'crashed ' || id;");
     if (db.prepare("PRAGMA journal_mode").get().journal_mode === "wal") db.exec("COMMIT");
     console.log("written");`,
  );
  await new Promise((resolve) => setTimeout(resolve, 500));
  await stop();
}

async function overwritePage(file: string, page: number): Promise<void> {
  const { size } = await stat(file);
  const handle = await open(file, "r+");
  await handle.write(Buffer.alloc(4096, 0xa5), 0, 4096, page < 0 ? size - 4096 : (page - 1) * 4096);
  await handle.close();
}
