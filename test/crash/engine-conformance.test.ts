import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { lastRun } from "../../src/app/find-run.js";
import { resumeRun } from "../../src/app/roll-back.js";
import { type PostgresServer, postgresServer } from "../support/postgres-server.js";
import { type Ended, type EngineUnderTest, embedded, look, overDbos } from "./engine/engines.js";
import { effectsOf, openPlace, type Place } from "./engine/place.js";
import { bundleWorker, type Worker } from "./engine/start-worker.js";

/** What a run may rely on whatever engine executes it. Each story is told on both. */

const base = mkdtempSync(join(tmpdir(), "backout-engine-"));
const home = { base, url: "" };
const alive = new Set<Worker>();
let server: PostgresServer;

beforeAll(async () => {
  server = await postgresServer();
  home.url = await server.database("engine");
  await bundleWorker(base, ["first", "second"]);
});
afterAll(async () => {
  for (const { process } of alive) process.kill("SIGKILL");
  await server.stop();
  rmSync(base, { recursive: true, force: true });
});

const started = async (worker: Worker | Promise<Worker>): Promise<Worker> => {
  const here = await worker;
  alive.add(here);
  void here.ended.then(() => alive.delete(here));
  return here;
};

const statuses = ({ found }: Ended): Record<string, string> =>
  Object.fromEntries([...found.state.steps].map(([id, { status }]) => [id, status]));

/** Like a run that nobody disturbed: the same end, every effect once, in an order that the plan allows. */
function expectWhole(ended: Ended): void {
  const { found, effects, broken } = ended;
  expect(found.state).toMatchObject({ status: "finished", outcome: "verified", changed: true });
  expect(new Set(Object.values(statuses(ended)))).toEqual(new Set(["succeeded"]));
  expect(broken).toBeUndefined();
  expect([...effects].sort()).toEqual(
    found.run.plan.steps
      .filter(({ kind }) => kind === "apply")
      .map(({ id }) => id)
      .sort(),
  );
  for (const { id, needs, kind } of found.run.plan.steps) {
    if (kind === "apply")
      for (const need of needs) expect(effects.indexOf(need)).toBeLessThan(effects.indexOf(id));
  }
  expect(effects[0]).toBe("fence.close");
  expect(effects.at(-1)).toBe("fence.open");
}

/** Two at a time: as many as the machine may have processors. */
async function each<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const left = [...items];
  const one = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all([one(), one()]);
}

type Story = (engine: EngineUnderTest) => Promise<void>;

const stories: Readonly<Record<string, Story>> = {
  async "left alone, the run is verified and every effect happens once"(engine) {
    const place = await engine.place("alone");
    await engine.toItsEnd(place, await started(engine.begin(place)));
    expectWhole(await look(place));
  },

  async "killed after any fact, it ends the same in another process"(engine) {
    const whole = await engine.place("whole");
    await engine.toItsEnd(whole, await started(engine.begin(whole)));
    // The first fact is the request, which is not always the executing process's own.
    const boundaries = (await look(whole)).facts.length - 2;
    expect(boundaries).toBeGreaterThan(24);
    const counts = Array.from({ length: boundaries }, (_, index) => index + 1);
    await each(counts, async (fact) => {
      const place = await engine.place(`fact-${fact}`);
      const first = await started(engine.begin(place, { at: { fact, signal: "SIGKILL" } }));
      expect(await first.ended).toBe("SIGKILL");
      // The end is recorded together with what led to it.
      const over = (await look(place)).found.state.status === "finished";
      if (!over) await engine.toItsEnd(place, await started(engine.goOn(place)));
      expectWhole(await look(place));
    });
  },

  async "killed at any time, it ends the same in another process"(engine) {
    let killed = 0;
    await each([...Array(12).keys()], async () => {
      const place = await engine.place("time");
      const first = await started(engine.begin(place));
      await first.said("fact");
      setTimeout(() => first.process.kill("SIGKILL"), Math.random() * 120);
      await Promise.race([first.ended, engine.name === "embedded" ? first.ended : endOf(place)]);
      first.process.kill("SIGKILL");
      await first.ended;
      const { state } = (await look(place)).found;
      if (state.status === "finished") return;
      killed++;
      await engine.toItsEnd(place, await started(engine.goOn(place)));
      expectWhole(await look(place));
    });
    expect(killed).toBeGreaterThan(3);
  },

  async "stopped and continued, a process that has lost its run writes and does nothing more"(engine) {
    const place = await engine.place("stopped");
    const at = { fact: "step.started db.swap", signal: "SIGSTOP" } as const;
    const first = await started(engine.begin(place, { at }));
    await first.said("fact", at.fact);
    await engine.toItsEnd(place, await started(engine.goOn(place)));
    const before = await look(place);
    expectWhole(before);
    first.process.kill("SIGCONT");
    if (engine.name === "embedded") expect(await first.said("error")).toMatchObject({ error: "FENCED" });
    else await new Promise((resolve) => setTimeout(resolve, 1_500));
    first.process.kill("SIGKILL");
    await first.ended;
    const after = await look(place);
    expect(after.facts).toEqual(before.facts);
    expect(after.effects).toEqual(before.effects);
  },

  async "fifty requests at once make one run, and the other forty-nine see its result"(engine) {
    const place = await engine.place("fifty");
    const controller = engine.name === "dbos" ? await started(engine.goOn(place)) : undefined;
    const clients = Array.from({ length: 5 }, () =>
      started(engine.client(place, { do: "ask", times: 10, slow: 100 })),
    );
    const answers = await Promise.all(
      clients.map(async (client) => (await (await client).said("asked"))["asked"] as object[]),
    );
    controller?.process.kill("SIGTERM");
    const ended = await look(place);
    expectWhole(ended);
    expect(answers.flat()).toEqual(
      Array.from({ length: 50 }, () => ({ run: ended.found.run.id, outcome: "verified" })),
    );
    const services = await openPlace(place);
    expect(await services.journal.runIds(place.system, "live")).toHaveLength(1);
    await services.close();
  },

  async "steps that end in another order the second time end the same"(engine) {
    const place = await engine.place("order");
    const at = { fact: "step.succeeded files.copy", signal: "SIGKILL" } as const;
    const first = await started(engine.begin(place, { at }));
    expect(await first.ended).toBe("SIGKILL");
    await engine.toItsEnd(place, await started(engine.goOn(place, { reversed: true })));
    expectWhole(await look(place));
  },

  async "another build of the program goes on with what an older one has left"(engine) {
    const place = await engine.place("build");
    const at = { fact: "step.started db.swap", signal: "SIGKILL" } as const;
    const first = await started(engine.begin(place, { at, build: "first" }));
    expect(await first.ended).toBe("SIGKILL");
    await engine.toItsEnd(place, await started(engine.goOn(place, { build: "second" })));
    expectWhole(await look(place));
  },

  async "a cancel from elsewhere reaches the running steps and ends the run"(engine) {
    const place = await engine.place("cancel");
    const first = await started(engine.begin(place, { slow: 20_000 }));
    await first.said("fact", "step.started fence.close");
    const asked = performance.now();
    const client = await started(engine.client(place, { do: "cancel" }));
    expect(await client.said("outcome")).toEqual({ outcome: "cancelled" });
    // The effects take 20 s.
    expect(performance.now() - asked).toBeLessThan(15_000);
    const { found, effects } = await look(place);
    expect(found.state).toMatchObject({ status: "finished", cancelled: "wrong scenario" });
    expect(effects).toEqual([]);
    first.process.kill("SIGTERM");
    await first.ended;
  },

  async "without what it had recorded, nothing is begun anew by itself, and it is said"(engine) {
    const place = await engine.place("lost");
    const at = { fact: "step.started db.swap", signal: "SIGKILL" } as const;
    const first = await started(engine.begin(place, { at }));
    await first.ended;
    const before = effectsOf(place);
    const empty: Place =
      engine.name === "embedded"
        ? { ...place, folder: join(place.folder, "elsewhere") }
        : { ...place, url: await server.database("empty") };
    const services = await openPlace(empty);
    await expect(resumeRun(services, { reason: "test" })).rejects.toMatchObject({
      code: "NOT_FOUND",
      message: "no run is waiting: the last one is finished, or there was none",
      hint: "backout history",
    });
    await services.close();
    expect(effectsOf(place)).toEqual(before);
    await engine.toItsEnd(place, await started(engine.goOn(place)));
    expectWhole(await look(place));
  },
};

async function endOf(place: Place): Promise<void> {
  const services = await openPlace(place);
  while ((await lastRun(services))?.state.status !== "finished" && alive.size > 0) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await services.close();
}

describe.each([
  ["embedded", embedded],
  ["dbos", overDbos],
] as const)("the %s engine", (_, engineAt) => {
  test.each(Object.entries(stories))("%s", { timeout: 600_000 }, (__, story) => story(engineAt(home)));
});
