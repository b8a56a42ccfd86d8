import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openJournal } from "../../src/storage/journal.js";
import { breakSystem, copySystem, lookAt, makeSystem, marksOf, unaskable } from "./system/crash-system.js";
import { effectServer } from "./system/effect-server.js";
import { type Death, type Life, live, type RunSaid } from "./system/lives.js";
import { numbersFrom } from "./system/random.js";

/**
 * A rollback of more than thirty steps over real files, databases, programs and requests. Wherever it is killed, what
 * comes after ends like a run that nobody disturbed, with each effect made once; where that cannot be known it asks.
 * CRASH_ROUNDS: how many random moments; CRASH_SEED repeats those of an earlier run.
 */
const rounds = Number(process.env["CRASH_ROUNDS"] ?? 300);
const seed = Number(process.env["CRASH_SEED"] ?? Date.now() % 1_000_000);
const atOnce = 3;

let base: string;
let runner: string;
let server: Awaited<ReturnType<typeof effectServer>>;
let whole: Ended;

interface Ended {
  readonly life: Life;
  readonly said: RunSaid;
  readonly world: ReturnType<typeof lookAt>;
  readonly facts: readonly string[];
}

beforeAll(async () => {
  base = mkdtempSync(join(tmpdir(), "backout-crash-"));
  runner = join(base, "runner.mjs");
  await build({
    entryPoints: [join(import.meta.dirname, "runner.ts")],
    outdir: base,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting: true,
    minify: true,
    platform: "node",
    format: "esm",
    external: ["@photostructure/sqlite"],
    banner: {
      js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
    },
    logLevel: "silent",
  });
  symlinkSync(join(import.meta.dirname, "../../node_modules"), join(base, "node_modules"));
  server = await effectServer();
  const pristine = join(base, "pristine");
  mkdirSync(pristine);
  makeSystem(pristine, server.url("pristine"));
  await live(runner, [pristine, "checkpoint"]);
  breakSystem(pristine);
  const undisturbed = newSystem("whole");
  whole = await ended(undisturbed, await live(runner, [undisturbed]));
});
afterAll(async () => {
  await server.close();
  rmSync(base, { recursive: true, force: true });
});

function newSystem(name: string): string {
  const folder = join(base, name);
  copySystem(join(base, "pristine"), folder, server.url(name));
  return folder;
}

const nameOf = (folder: string): string => folder.slice(base.length + 1);

/** The last life of a run, and the person's answer where it asks: the mail was sent, or it was not. */
async function ended(folder: string, last: Life): Promise<Ended> {
  let { said } = last;
  if (said?.status === "stopped" && said.asks === unaskable) {
    const decision = marksOf(folder, unaskable) > 0 ? "skip" : "retry";
    ({ said } = await live(runner, [folder, decision, unaskable]));
    if (said !== undefined && decision === "skip") {
      expect(said.statuses[unaskable]).toBe("skipped");
      said = { ...said, statuses: { ...said.statuses, [unaskable]: "succeeded" } };
    }
  }
  if (said === undefined) throw new Error("the run says nothing of its end");
  const journal = await openJournal(join(folder, ".backout"));
  const facts = await journal.facts(said.run);
  expect(await journal.brokenAt(said.run)).toBeUndefined();
  await journal.close();
  const world = lookAt(folder, server.counts(nameOf(folder)));
  return { life: last, said, world, facts: facts.map(({ type }) => type) };
}

/** A story of one system: these deaths one after another, then a life to the end. Gives those that it really died. */
async function story<One extends Death>(name: string, deaths: readonly One[]): Promise<One[]> {
  const folder = newSystem(name);
  const told: string[] = [];
  const died: One[] = [];
  try {
    let life: Life | undefined;
    for (const death of deaths) {
      life = await live(runner, [folder], death);
      const where = `after "${life.moments.at(-1) ?? "its start"}"`;
      told.push(life.killed ? `killed at ${death.at ?? `${death.afterMs} ms`}, ${where}` : "ended by itself");
      if (!life.killed) break;
      died.push(death);
    }
    const last = life?.killed === false ? life : await live(runner, [folder]);
    const { said, world } = await ended(folder, last);
    const { run: _run, ...outcome } = said;
    const { run: _other, ...expected } = whole.said;
    expect({ outcome, world }).toEqual({ outcome: expected, world: whole.world });
  } catch (error) {
    throw new Error(`${name} (CRASH_SEED=${seed}): ${told.join("; ")}`, { cause: error });
  }
  rmSync(folder, { recursive: true, force: true });
  return died;
}

/** Some at a time: much of a life is waiting. */
async function each<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const left = items.values();
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (const item of left) await work(item);
    }),
  );
}

test("left alone, more than thirty steps are verified, and each effect has happened once", () => {
  expect(whole.said).toMatchObject({ status: "finished", outcome: "verified", changed: true });
  expect(Object.keys(whole.said.statuses).length).toBeGreaterThanOrEqual(30);
  expect(new Set(Object.values(whole.said.statuses))).toEqual(new Set(["succeeded"]));
  expect(Object.keys(whole.world.effects)).toHaveLength(20);
  expect(new Set(Object.values(whole.world.effects))).toEqual(new Set([1]));
  expect(whole.world).toMatchObject({
    current: "releases/v1",
    settings: "WORKERS=2\n",
    items: ["1 one", "2 two"],
  });
});

/**
 * Four deaths a story, far apart, so that each of its lives gets on; those that it leaves out come in shorter ones.
 * Whether a program's process is recorded by itself or together with its step's end is a matter of time.
 */
test("killed after every journal write and on both sides of every effect, it ends the same or asks", async () => {
  const moments = [...new Set(whole.life.moments)];
  const writes = moments.filter((moment) => moment.startsWith("wrote"));
  expect(writes.length).toBeGreaterThan(2 * 30);
  expect(moments.length - writes.length).toBeGreaterThan(2 * 20);
  const left = new Set(moments);
  for (const deaths of [4, 3, 2, 1]) {
    const open = [...left];
    const apart = Math.ceil(open.length / deaths);
    await each([...Array(apart).keys()], async (first) => {
      const planned = open.filter((_, index) => index % apart === first).map((at) => ({ at }));
      for (const { at } of await story(`moment-${deaths}-${first}`, planned)) left.delete(at);
    });
  }
  expect([...left].filter((moment) => !moment.startsWith("wrote step.process"))).toEqual([]);
}, 900_000);

test(
  `killed at ${rounds} random moments, it ends the same or asks`,
  async () => {
    const random = numbersFrom(seed);
    const span = whole.life.ms * 1.1;
    let killed = 0;
    for (let batch = 0; killed < rounds; batch++) {
      if (batch > rounds) throw new Error(`only ${killed} of the processes could be killed`);
      const stories = Array.from({ length: Math.min(30, rounds - killed) }, (_, index) => ({
        name: `random-${batch}-${index}`,
        deaths: Array.from({ length: 3 }, () => ({ afterMs: Math.round(random() * span) })),
      }));
      await each(stories, async ({ name, deaths }) => {
        killed += (await story(name, deaths)).length;
      });
    }
  },
  600_000 + rounds * 4_000,
);
