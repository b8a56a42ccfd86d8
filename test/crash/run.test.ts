import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Fact } from "../../src/core/run/fact.js";
import { openJournal } from "../../src/storage/journal.js";

/** A run that is killed at any moment and resumed ends like one that never was, and every effect happens once. */

let base: string;
let runner: string;
let whole: Ended;

beforeAll(async () => {
  base = mkdtempSync(join(tmpdir(), "backout-crash-"));
  runner = join(base, "runner.mjs");
  await build({
    entryPoints: [join(import.meta.dirname, "runner.ts")],
    outfile: runner,
    bundle: true,
    platform: "node",
    format: "esm",
    external: ["@photostructure/sqlite"],
  });
  symlinkSync(join(import.meta.dirname, "../../node_modules"), join(base, "node_modules"));
  whole = await toItsEnd(newFolder("whole"));
});
afterAll(() => rmSync(base, { recursive: true, force: true }));

function newFolder(name: string): string {
  const folder = join(base, name);
  mkdirSync(folder);
  return folder;
}

interface Life {
  readonly signal: NodeJS.Signals | null;
  readonly said: string;
  /** From the first fact of its own to its end. */
  readonly ms: number;
}

/** One process: dies after so many facts, or is killed so long after it began. */
function live(folder: string, dieAfter = 0, killAfterMs?: number): Promise<Life> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [runner, folder, String(dieAfter)], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let said = "";
    let complaint = "";
    let began = 0;
    child.stderr.on("data", (data) => (complaint += data));
    child.stdout.on("data", (data) => {
      said += data;
      if (began > 0) return;
      began = performance.now();
      if (killAfterMs !== undefined) setTimeout(() => child.kill("SIGKILL"), killAfterMs);
    });
    child.on("close", (status, signal) => {
      if (signal === null && status !== 0) reject(new Error(`the runner ended with ${status}: ${complaint}`));
      else resolve({ signal, said: said.split("\n")[1] ?? "", ms: performance.now() - began });
    });
  });
}

interface Ended {
  readonly state: unknown;
  readonly effects: readonly string[];
  readonly facts: readonly Fact[];
  readonly ms: number;
}

async function toItsEnd(folder: string): Promise<Ended> {
  const { said, ms } = await live(folder);
  const journal = await openJournal(folder);
  const facts = await journal.facts("run-1");
  expect(await journal.brokenAt("run-1")).toBeUndefined();
  await journal.close();
  const effects = readFileSync(join(folder, "effects"), "utf8").trim().split("\n");
  return { state: JSON.parse(said), effects, facts, ms };
}

function expectTheSame(ended: Ended): void {
  expect(ended.state).toEqual(whole.state);
  expect([...ended.effects].sort()).toEqual([...whole.effects].sort());
  const at = (id: string): number => ended.effects.indexOf(id);
  for (const [before, after] of [
    ["fence.close", "db.stage"],
    ["db.stage", "app.stop"],
    ["app.stop", "db.swap"],
    ["db.swap", "app.start"],
    ["app.start", "front.start"],
    ["front.start", "fence.open"],
  ] as const) {
    expect(at(before)).toBeLessThan(at(after));
  }
}

/** Two at a time: as many as the machine may have processors. */
async function each<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const left = [...items];
  const one = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all([one(), one()]);
}

test("left alone, the run is verified", () => {
  expect(whole.state).toMatchObject({ outcome: "verified", status: "finished", changed: true });
  expect(new Set(whole.effects).size).toBe(11);
  expect(whole.effects).toHaveLength(11);
});

test("killed after any fact and resumed, it ends the same, every effect once", async () => {
  const counts = Array.from({ length: whole.facts.length - 1 }, (_, index) => index + 1);
  expect(counts.length).toBeGreaterThan(24);
  await each(counts, async (count) => {
    const folder = newFolder(`fact-${count}`);
    expect((await live(folder, count)).signal).toBe("SIGKILL");
    expectTheSame(await toItsEnd(folder));
  });
});

test("killed at any time and resumed, it ends the same, every effect once", async () => {
  const times = Array.from({ length: 40 }, (_, index) => ((index + Math.random()) / 40) * whole.ms);
  let killed = 0;
  await each(times, async (ms) => {
    const folder = newFolder(`time-${ms}`);
    if ((await live(folder, 0, ms)).signal === "SIGKILL") {
      killed++;
      expectTheSame(await toItsEnd(folder));
    }
  });
  expect(killed).toBeGreaterThan(10);
});

test("killed again and again, it gets to the same end", async () => {
  const folder = newFolder("again");
  let lives = 0;
  // A new life asks what became of up to four steps and starts them again: nine facts before one can end.
  while ((await live(folder, 10)).signal === "SIGKILL") {
    if (++lives > 60) throw new Error("it makes no headway");
  }
  expect(lives).toBeGreaterThan(1);
  expectTheSame(await toItsEnd(folder));
});
