import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "@photostructure/sqlite";
import { build } from "esbuild";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { contentDigest } from "../core/content-digest.js";
import type { Plan } from "../core/plan/plan.js";
import type { Fact } from "../core/run/fact.js";
import type { Lease, RunRecord } from "../core/run/run-journal.js";
import { type Journal, openJournal } from "./journal.js";

let base: string;
beforeAll(() => {
  base = mkdtempSync(join(tmpdir(), "backout-journal-"));
});
afterAll(() => rmSync(base, { recursive: true, force: true }));

const newFolder = (): string => mkdtempSync(join(base, "state-"));
const owner = { pid: 1, started: "", host: "here" };
const never = (): boolean => false;

function runOf(id: string): RunRecord {
  const body = { version: 1, system: "shop", environment: "live", steps: [] };
  return {
    id,
    system: "shop",
    environment: "live",
    plan: { digest: contentDigest(body), ...body } as unknown as Plan,
  };
}

const started = (seq: number): Fact => ({
  seq,
  at: 1_000 + seq,
  actor: "engine",
  type: "step.started",
  step: `s${seq}`,
  attempt: 1,
});

const requested = (run: RunRecord): Fact => ({
  seq: 1,
  at: 1_000,
  actor: "ann@here",
  type: "run.requested",
  planDigest: run.plan.digest,
  scenario: "back",
  reason: "a\ntest",
});

async function begin(journal: Journal, id = "run-1"): Promise<{ run: RunRecord; lease: Lease }> {
  const run = runOf(id);
  await journal.createRun(run, [requested(run)]);
  const want = { scope: `shop/${id}`, run: id, owner, expires: 5_000 };
  return { run, lease: (await journal.acquire(want, never)).lease };
}

async function withJournal<Result>(
  work: (journal: Journal, folder: string) => Promise<Result>,
): Promise<Result> {
  const folder = newFolder();
  const journal = await openJournal(folder);
  try {
    return await work(journal, folder);
  } finally {
    await journal.close();
  }
}

test("what was recorded is read back by another process's connection, run and plan included", async () => {
  const folder = newFolder();
  const journal = await openJournal(folder);
  const { run, lease } = await begin(journal);
  await journal.append(run.id, [started(2), started(3)], lease);
  const reader = await openJournal(folder);
  expect(await reader.run(run.id)).toEqual(run);
  expect(await reader.facts(run.id)).toEqual([requested(run), started(2), started(3)]);
  expect(await reader.facts(run.id, 2)).toEqual([started(3)]);
  expect(await reader.brokenAt(run.id)).toBeUndefined();
  await reader.close();
  await journal.close();
});

test("runs are listed oldest first, of their system and environment only", () =>
  withJournal(async (journal) => {
    for (const id of ["run-b", "run-a"]) await begin(journal, id);
    expect(await journal.runIds("shop", "live")).toEqual(["run-b", "run-a"]);
    expect(await journal.runIds("shop", "test")).toEqual([]);
    await expect(journal.run("run-c")).rejects.toThrow(expect.objectContaining({ code: "NOT_FOUND" }));
  }));

test("an append is all or none: a gap leaves nothing of it behind, answered requests included", () =>
  withJournal(async (journal) => {
    const { run, lease } = await begin(journal);
    await journal.request(run.id, { type: "cancel", actor: "ann", reason: "enough" });
    const [request] = await journal.requests(run.id);
    const gap = [started(2), started(4)];
    await expect(journal.append(run.id, gap, lease, [request?.id ?? 0])).rejects.toThrow(
      expect.objectContaining({ code: "CONFLICT", message: 'fact 4 of run "run-1" would follow fact 2' }),
    );
    await expect(journal.append(run.id, [started(1)], lease)).rejects.toThrow(
      expect.objectContaining({ code: "CONFLICT" }),
    );
    expect(await journal.facts(run.id)).toHaveLength(1);
    expect(await journal.requests(run.id)).toEqual([request]);
    await journal.append(run.id, [started(2)], lease, [request?.id ?? 0]);
    expect(await journal.requests(run.id)).toEqual([]);
  }));

test("a lease has one holder; after a takeover the former one can neither append, renew nor release", () =>
  withJournal(async (journal) => {
    const { run, lease } = await begin(journal);
    const want = { ...lease, owner: { ...owner, pid: 2 } };
    expect(await journal.acquire(want, never)).toEqual({ taken: false, lease });
    const { taken, lease: next } = await journal.acquire(want, (holder) => holder.owner.pid === 1);
    expect([taken, next.fence]).toEqual([true, lease.fence + 1]);
    await expect(journal.append(run.id, [started(2)], lease)).rejects.toThrow(
      expect.objectContaining({ code: "FENCED" }),
    );
    expect(await journal.facts(run.id)).toHaveLength(1);
    expect(await journal.renew(lease, 9_000)).toBe(false);
    await journal.release(lease);
    expect(await journal.lease(lease.scope)).toEqual(next);
    expect(await journal.renew(next, 9_000)).toBe(true);
    await journal.release(next);
    expect((await journal.lease(lease.scope))?.expires).toBe(0);
    expect((await journal.acquire(want, never)).lease.fence).toBe(next.fence + 1);
  }));

test("any altered byte in any row of a run is found", async () => {
  const folder = newFolder();
  const journal = await openJournal(folder);
  const { run, lease } = await begin(journal);
  await journal.append(run.id, [2, 3, 4, 5].map(started), lease);
  await journal.close();
  const original = readFileSync(join(folder, "journal.db"));
  const columns = fc.constantFrom(
    "facts.body",
    "facts.actor",
    "facts.hash",
    "facts.at",
    "facts.seq",
    "runs.plan",
    "ends.seq",
    "ends.hash",
  );
  await fc.assert(
    fc.asyncProperty(
      columns,
      fc.nat(4),
      fc.nat(),
      fc.integer({ min: 1, max: 90 }),
      async (where, row, at, by) => {
        const copy = newFolder();
        writeFileSync(join(copy, "journal.db"), original);
        const [table, column] = where.split(".");
        const keys = {
          facts: `run = 'run-1' and seq = ${row + 1}`,
          ends: "run = 'run-1'",
          runs: "id = 'run-1'",
        };
        const key = keys[table as keyof typeof keys];
        const database = new DatabaseSync(join(copy, "journal.db"));
        const before = database.prepare(`select ${column} as value from ${table} where ${key}`).get() as {
          value: number | string;
        };
        const { value } = before;
        const after = typeof value === "number" ? value + by * 1000 : altered(value, at, by);
        database.prepare(`update ${table} set ${column} = ? where ${key}`).run(after);
        database.close();
        const opened = await openJournal(copy);
        const broken = await opened.brokenAt("run-1");
        await opened.close();
        rmSync(copy, { recursive: true });
        expect(broken).toBeDefined();
        if (table === "facts") expect(broken).toBeLessThanOrEqual(row + 2);
      },
    ),
    { numRuns: 80 },
  );
});

function altered(text: string, at: number, by: number): string {
  const index = at % text.length;
  const other = String.fromCharCode(32 + ((text.charCodeAt(index) - 32 + by) % 95));
  return text.slice(0, index) + other + text.slice(index + 1);
}

test("an altered plan is not handed out", async () => {
  const folder = newFolder();
  const journal = await openJournal(folder);
  await begin(journal);
  await journal.close();
  const database = new DatabaseSync(join(folder, "journal.db"));
  database.exec(`update runs set plan = replace(plan, '"shop"', '"ship"')`);
  database.close();
  const opened = await openJournal(folder);
  await expect(opened.run("run-1")).rejects.toThrow(expect.objectContaining({ code: "STATE_CORRUPT" }));
  expect(await opened.brokenAt("run-1")).toBe(0);
  await opened.close();
});

/** What turned each version's file into the next one's, backwards. */
const before: Readonly<Record<number, string>> = {
  2: `alter table runs add column last_seq integer not null default 0;
    alter table runs add column last_hash text not null default '';
    update runs set (last_seq, last_hash) = (select seq, hash from ends where run = id);
    drop table ends`,
  1: "alter table runs drop column last_seq; alter table runs drop column last_hash",
};

test.each([1, 2])("a journal of version %d is brought up whole, and goes on", async (version) => {
  const folder = newFolder();
  const journal = await openJournal(folder);
  const { run, lease } = await begin(journal);
  await journal.append(run.id, [started(2)], lease);
  await journal.close();
  const database = new DatabaseSync(join(folder, "journal.db"));
  for (let one = 2; one >= version; one--) database.exec(before[one] ?? "");
  database.prepare("update runs set plan = ?").run(JSON.stringify(run.plan));
  database.exec(`pragma user_version = ${version}`);
  database.close();
  const opened = await openJournal(folder);
  expect(await opened.run(run.id)).toEqual(run);
  expect(await opened.brokenAt(run.id)).toBeUndefined();
  await opened.append(run.id, [started(3)], lease);
  expect(await opened.facts(run.id)).toEqual([requested(run), started(2), started(3)]);
  expect(await opened.facts(run.id, 1, 1)).toEqual([started(2)]);
  expect(await opened.brokenAt(run.id)).toBeUndefined();
  await opened.close();
});

describe("bad state folders", () => {
  const refused = async (folder: string): Promise<{ code: string; message: string; hint: string }> => {
    const error = await openJournal(folder).then(
      (journal) => journal.close(),
      (thrown: unknown) => thrown,
    );
    return error as { code: string; message: string; hint: string };
  };

  test("written by a later backout: refused, and left as it was", async () => {
    const folder = newFolder();
    await (await openJournal(folder)).close();
    const path = join(folder, "journal.db");
    const database = new DatabaseSync(path);
    database.exec("pragma user_version = 99");
    database.close();
    const before = readFileSync(path);
    expect(await refused(folder)).toMatchObject({
      code: "STATE_NEWER",
      hint: expect.stringContaining("upgrade"),
    });
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  test("no database at all: STATE_CORRUPT, and left as it was", async () => {
    const folder = newFolder();
    writeFileSync(join(folder, "journal.db"), "this is not a database, whatever its name says\n".repeat(50));
    expect(await refused(folder)).toMatchObject({
      code: "STATE_CORRUPT",
      message: expect.stringContaining(join(folder, "journal.db")),
    });
  });

  test("cut short: STATE_CORRUPT, when opened or when read", async () => {
    const folder = newFolder();
    const journal = await openJournal(folder);
    const { run, lease } = await begin(journal);
    for (let seq = 2; seq < 400; seq++) await journal.append(run.id, [started(seq)], lease);
    await journal.close();
    const path = join(folder, "journal.db");
    truncateSync(path, Math.floor(statSync(path).size / 2));
    const read = async (): Promise<void> => {
      const opened = await openJournal(folder);
      try {
        await opened.facts(run.id);
      } finally {
        await opened.close();
      }
    };
    await expect(read()).rejects.toMatchObject({ code: "STATE_CORRUPT" });
  });

  test("a file where the folder should be", async () => {
    const file = join(newFolder(), "state");
    writeFileSync(file, "");
    expect(await refused(file)).toMatchObject({ code: "STATE_UNWRITABLE" });
    expect(await refused(join(file, "below"))).toMatchObject({ code: "STATE_UNWRITABLE" });
  });

  test("a folder where the file should be", async () => {
    const folder = newFolder();
    execFileSync("mkdir", [join(folder, "journal.db")]);
    expect(await refused(folder)).toMatchObject({ code: "STATE_UNWRITABLE" });
  });
});

/** Children of our own: they append to the same journal, or try to open one that they may not write. */
const childSource = `
  import { openJournal } from "./journal.js";
  const [folder, id, count] = process.argv.slice(2);
  const journal = await openJournal(folder).catch((error) => { console.log(error.code); process.exit(0); });
  const fact = (seq) => ({ seq, at: seq, actor: "child", type: "step.started", step: "s" + seq, attempt: 1 });
  let lost = 0;
  const scope = "shop/shared";
  const owner = { pid: process.pid, started: "", host: "here" };
  for (let done = 0; done < Number(count); ) {
    const { lease } = await journal.acquire({ scope, run: id, owner, expires: 1 }, () => true);
    for (let turn = 0; turn < 5 && done < Number(count); turn++) {
      const seq = ((await journal.facts(id)).at(-1)?.seq ?? 0) + 1;
      try { await journal.append(id, [fact(seq), fact(seq + 1)], lease); done++; }
      catch (error) { if (!["FENCED", "CONFLICT"].includes(error.code)) throw error; lost++; break; }
    }
  }
  await journal.close();
  console.log("done");
`;

describe("processes", () => {
  let child: string;
  beforeAll(async () => {
    child = join(base, "child.mjs");
    const options = {
      bundle: true,
      platform: "node",
      format: "esm",
      outfile: child,
      external: ["@photostructure/sqlite"],
    };
    await build({
      ...options,
      stdin: { contents: childSource, resolveDir: import.meta.dirname, loader: "ts" },
    } as Parameters<typeof build>[0]);
    execFileSync("ln", ["-s", join(import.meta.dirname, "../../node_modules"), join(base, "node_modules")]);
    execFileSync("chmod", ["755", base]);
  });

  const start = (args: readonly string[]): Promise<{ status: number | null; output: string }> =>
    new Promise((resolve) => {
      const started = spawn(process.execPath, [child, ...args], { stdio: ["ignore", "pipe", "pipe"] });
      let output = "";
      started.stdout.on("data", (data) => (output += data));
      started.stderr.on("data", (data) => (output += data));
      started.on("close", (status) => resolve({ status, output: output.trim() }));
    });

  test("two that append at once, and take the lease from each other, never corrupt the run", async () => {
    const folder = newFolder();
    const journal = await openJournal(folder);
    const { run } = await begin(journal);
    const ended = await Promise.all([start([folder, run.id, "60"]), start([folder, run.id, "60"])]);
    expect(ended).toEqual([
      { status: 0, output: "done" },
      { status: 0, output: "done" },
    ]);
    expect((await journal.facts(run.id)).map((fact) => fact.seq)).toEqual(
      Array.from({ length: 241 }, (_, i) => i + 1),
    );
    expect(await journal.brokenAt(run.id)).toBeUndefined();
    await journal.close();
  });

  test("several that make the same journal at the same moment all get it", async () => {
    const folder = newFolder();
    const ended = await Promise.all(Array.from({ length: 5 }, () => start([folder, "none", "0"])));
    expect(ended.map(({ output }) => output)).toEqual(Array(5).fill("done"));
  });

  test.runIf(process.getuid?.() === 0)("one that may not write says STATE_UNWRITABLE", async () => {
    const folder = newFolder();
    await (await openJournal(folder)).close();
    execFileSync("chmod", ["755", folder]);
    const asNobody = (): string =>
      execFileSync("runuser", ["-u", "nobody", "--", process.execPath, child, folder, "none", "0"], {
        encoding: "utf8",
      }).trim();
    expect(asNobody()).toBe("STATE_UNWRITABLE");
    execFileSync("chmod", ["777", folder]);
    expect(asNobody()).toBe("STATE_UNWRITABLE");
  });
});

test.runIf(process.getuid?.() === 0)(
  "a full disk: STATE_FULL, nothing half written, and it goes on when there is room",
  async () => {
    const folder = newFolder();
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=400k", "tmpfs", folder]);
    try {
      const journal = await openJournal(folder);
      const { run, lease } = await begin(journal);
      const filler = join(folder, "filler");
      let seq = 2;
      const fill = async (): Promise<void> => {
        writeFileSync(filler, "x".repeat(150_000));
        for (; seq < 2000; seq++)
          await journal.append(run.id, [{ ...started(seq), actor: "x".repeat(3000) }], lease);
      };
      await expect(fill()).rejects.toThrow(expect.objectContaining({ code: "STATE_FULL" }));
      expect(await journal.facts(run.id)).toHaveLength(seq - 1);
      rmSync(filler);
      await journal.append(run.id, [started(seq)], lease);
      expect(await journal.facts(run.id)).toHaveLength(seq);
      expect(await journal.brokenAt(run.id)).toBeUndefined();
      await journal.close();
    } finally {
      execFileSync("umount", ["--lazy", folder]);
    }
  },
);
