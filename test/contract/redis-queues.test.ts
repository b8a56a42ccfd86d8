import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Queue, Worker } from "bullmq";
import { expect, test } from "vitest";
import type { DoneStep, StepSpec } from "../../src/core/driver.js";
import { target } from "../../src/drivers/redis/index.js";
import { restoreOnly, type TargetFixture } from "../../src/drivers/testing/target-fixture.js";
import { keyOf, type TargetSession, targetSession } from "../../src/drivers/testing/target-session.js";
import { type RedisServer, redisServer } from "../support/redis-server.js";

interface Fixture extends TargetFixture {
  readonly server: RedisServer;
  queue(name: string): Queue;
}

async function setUp(): Promise<Fixture> {
  const folder = await mkdtemp(join(tmpdir(), "backout-redis-queues-"));
  const server = await redisServer();
  const open: Queue[] = [];
  const queue = (name: string): Queue => {
    const made = new Queue(name, { connection: { host: "127.0.0.1", port: server.port } });
    made.on("error", () => {});
    open.push(made);
    return made;
  };
  const mails = queue("mails");
  await mails.add("good", { n: 1 });
  await mails.add("good later", { n: 2 }, { delay: 3_600_000 });
  await server.client.set("cache:1", "good");
  await new Promise((resolve) => setTimeout(resolve, 20));
  return {
    folder,
    server,
    queue,
    options: {
      url: server.url,
      kept: "kept",
      namespaces: ["*"],
      queues: [{ name: "mails", quarantine: true }, { name: "stopped" }],
    },
    break: async () => {
      await mails.add("bad", { n: 3 });
      await mails.add("bad later", { n: 4 }, { delay: 3_600_000 });
      await mails.add("bad and important", { n: 5 }, { priority: 2 });
      await server.client.set("cache:1", "poison");
    },
    isGood: async () => {
      expect(await server.client.get("cache:1")).toBe("good");
      expect(await namesOf(mails)).toEqual(["good", "good later"]);
    },
    world: async () => JSON.stringify([await server.client.get("cache:1"), await namesOf(mails)]),
    cleanUp: async () => {
      for (const one of open) await one.close();
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const namesOf = async (queue: Queue): Promise<string[]> =>
  (await queue.getJobs(["wait", "delayed", "prioritized"])).map(({ name }) => name).sort();

async function within(use: (session: TargetSession<Fixture>) => Promise<void>): Promise<void> {
  const session = await targetSession(target, { driver: "redis", faults: [], setUp });
  try {
    await use(session);
  } finally {
    await session.cleanUp();
  }
}

test("M25 queues are paused meanwhile and set to the state they had; jobs made since are moved, not deleted, and come back", () =>
  within(async (session) => {
    const { fixture, steps, apply, observe, contexts, taken, resolved, job } = session;
    const [mails, stopped] = [fixture.queue("mails"), fixture.queue("stopped")];
    await stopped.pause();
    await fixture.break();
    const observed = await observe();
    expect(observed.data).toMatchObject({
      queues: [
        { name: "mails", paused: false, since: 3, waiting: 5 },
        { name: "stopped", paused: true, since: 0 },
      ],
    });
    const planned = await steps();
    expect(planned.map(({ operation, phase }) => `${phase} ${operation}`)).toEqual([
      "fence pause-bull-mails",
      "preserve preserve",
      "restore restore",
      "restore quarantine-bull-mails",
      "resume resume-bull-mails",
    ]);
    const done: [StepSpec, DoneStep][] = [];
    for (const step of planned) {
      const { data } = await apply(step, "run");
      const { operation, phase, input } = step;
      const told = data === undefined ? {} : { data };
      done.push([step, { operation, phase, input, key: keyOf("run", step), endedAt: Date.now(), ...told }]);
      if (operation === "pause-bull-mails") expect(await mails.isPaused()).toBe(true);
      if (operation === "quarantine-bull-mails") expect(data).toEqual({ moved: 3, to: "mails-quarantine" });
    }
    await fixture.isGood();
    expect([await mails.isPaused(), await stopped.isPaused()]).toEqual([false, true]);
    const quarantine = fixture.queue("mails-quarantine");
    expect(await quarantine.isPaused()).toBe(true);
    expect(await namesOf(quarantine)).toEqual(["bad", "bad and important", "bad later"]);
    expect(
      (await quarantine.getJobs(["wait"]))
        .map(({ data }) => (data as { n: number }).n)
        .toSorted((a, b) => a - b),
    ).toEqual([3, 4, 5]);

    if (target.undo === undefined) throw new Error("there is no undo");
    const work = {
      steps: done.flatMap(([{ phase }, step]) => (phase === "resume" ? [] : [step])),
      captured: taken.part,
      left: { identity: observed.identity, summary: observed.summary },
    };
    const back = await target.undo.observe(work, resolved, await contexts.prove(taken));
    for (const step of target.undo.plan({
      done: work,
      observed: back,
      options: resolved,
      intent: restoreOnly,
    })) {
      await target.apply(job(step), await contexts.step(taken, keyOf("undo", step), 1));
    }
    expect(await fixture.server.client.get("cache:1")).toBe("poison");
    expect(await namesOf(mails)).toEqual(["bad", "bad and important", "bad later", "good", "good later"]);
    expect(await namesOf(quarantine)).toEqual([]);
    expect(await mails.getDelayedCount()).toBe(2);
    expect(await mails.getPrioritizedCount()).toBe(1);
  }));

test("after a rollback workers go on by themselves with what is left, and with it alone", () =>
  within(async ({ fixture, steps, apply }) => {
    const worked: string[] = [];
    await fixture.break();
    const worker = new Worker("mails", async ({ name }) => void worked.push(name), {
      connection: { host: "127.0.0.1", port: fixture.server.port },
      autorun: false,
      drainDelay: 1,
    });
    worker.on("error", () => {});
    try {
      for (const step of await steps()) {
        await apply(step, "run");
        if (step.operation === "pause-bull-mails") void worker.run();
      }
      for (let tries = 0; worked.length === 0 && tries < 600; tries++) {
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      expect(worked).toEqual(["good"]);
    } finally {
      await worker.close();
    }
  }));
