import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Redis } from "ioredis";
import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/core/json.js";
import { target } from "../../src/drivers/redis/index.js";
import { describeTarget } from "../../src/drivers/testing/target-contract.js";
import { rejection } from "../../src/drivers/testing/target-faults.js";
import type { TargetFixture } from "../../src/drivers/testing/target-fixture.js";
import { targetSession } from "../../src/drivers/testing/target-session.js";
import { redisCluster } from "../support/redis-cluster.js";
import { type RedisServer, redisServer } from "../support/redis-server.js";
import { redisWorld } from "../support/redis-world.js";

interface Fixture extends TargetFixture {
  readonly server: RedisServer;
}

/** As in the playbooks that this is for. */
const flush = "sec_rl sync_rl dashboard stock sales delivery sync device chart health"
  .split(" ")
  .map((name) => `${name}:*`);
const protect = "reports notifications alerts sync".split(" ").map((name) => `bull:${name}:*`);

/** Names that split where a shell splits, and would then name another key. */
const trap = "dashboard:x bull:sync:wait";
const odd = ["dashboard:\nbull:sync:wait", "stock:\"quoted\" 'more'", "sales:\0\0", "chart:\\", "sync:*"];

describeTarget(target, {
  driver: "redis",
  name: "redis, flush",
  kills: 2,
  artifacts: false,
  setUp: () => setUp({ flush, protect }),
  faults: [
    {
      name: "server gone",
      options: () => ({ url: "redis://127.0.0.1:1", flush, protect }),
      code: "UNREACHABLE",
      says: /127\.0\.0\.1:1: cannot be reached/,
      on: ["check", "capture", "observe", "apply"],
    },
  ],
});

async function setUp(options: JsonObject): Promise<Fixture> {
  const folder = await mkdtemp(join(tmpdir(), "backout-redis-world-"));
  const server = await redisServer();
  const { client } = server;
  await client.lpush("bull:sync:wait", "1", "2");
  await client.hset("bull:sync:1", "data", "{}");
  await client.set("bull:alerts:id", "7");
  await client.set("other:1", "x");
  const good = await redisWorld(client);
  return {
    folder,
    server,
    options: { url: server.url, kept: "kept", ...options },
    break: () => poison(client),
    isGood: async () => expect(await redisWorld(client)).toBe(good),
    world: () => redisWorld(client),
    cleanUp: async () => {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function poison(client: Redis): Promise<void> {
  for (const pattern of flush) {
    for (let n = 0; n < 20; n++) await client.set(pattern.replace("*", String(n)), "poison");
  }
  await client.hset("dashboard:hash", "a", "b");
  for (const key of [trap, ...odd]) await client.set(key, "poison");
}

const within = async (
  options: JsonObject,
  use: (session: Awaited<ReturnType<typeof targetSession<Fixture>>>) => Promise<void>,
): Promise<void> => {
  const session = await targetSession(target, { driver: "redis", faults: [], setUp: () => setUp(options) });
  try {
    await use(session);
  } finally {
    await session.cleanUp();
  }
};

describe("redis flush", () => {
  test("M17 M25 H61 namespaces are removed byte by byte, queues are intact and counted before and after", () =>
    within({ flush, protect }, async ({ fixture, steps, apply, contexts, observe }) => {
      await poison(fixture.server.client);
      expect((await observe()).data).toMatchObject({
        protected: protect.map((pattern) => ({
          pattern,
          keys: { "bull:sync:*": 2, "bull:alerts:*": 1 }[pattern] ?? 0,
        })),
      });
      const planned = await steps();
      expect(planned.map(({ operation, exclusive }) => [operation, exclusive])).toEqual([
        ["preserve", undefined],
        ["flush", true],
      ]);
      for (const step of planned) {
        const { data } = await apply(step, "run");
        if (step.operation !== "flush") continue;
        expect(data).toEqual({ removed: 207, protectedBefore: 3, protectedAfter: 3 });
      }
      expect(contexts.lines).toContain("bull:sync:*: 2 before, 2 after; not touched");
      await fixture.isGood();
    }));

  test("M25 H62 rate limits and sessions that are cleared stand in the plan as an effect on security", () =>
    within(
      { flush: [...flush, "sess:*", "odd:*"], protect, security: ["odd:*"] },
      async ({ fixture, steps }) => {
        await poison(fixture.server.client);
        await fixture.server.client.mset("sess:1", "x", "odd:1", "x");
        const impact = (await steps()).at(-1)?.impact;
        expect(impact?.security).toBe(
          [
            "sec_rl:*: rate limits are cleared, so that guessing is not slowed down",
            "sync_rl:*: rate limits are cleared, so that guessing is not slowed down",
            "sess:*: sessions are cleared, so that everybody has to log in again",
            "odd:*: the playbook names these keys as a matter of security",
          ].join("; "),
        );
      },
    ));

  test.each([
    { more: { flush: ["bull:*"], protect }, says: '"bull:*" of `flush` and "bull:reports:*" of `protect`' },
    { more: { flush: ["*"], protect }, says: '"*" of `flush`' },
    { more: { flush: ["a:*"], namespaces: ["a:1*"] }, says: '"a:*" of `flush` and "a:1*" of `namespaces`' },
  ])("M25 patterns that meet are refused when planned: $says", ({ more, says }) =>
    within(more, async ({ steps }) => {
      const error = await rejection(steps);
      expect([error.code, error.message]).toEqual(["REFUSED", expect.stringContaining(says) as string]);
    }),
  );

  test("the server gone in the middle is a clear error of unknown effect, and the next attempt ends the same", () =>
    within(
      { flush, protect, preserve: false },
      async ({ fixture, steps, apply, contexts, driver, job, taken }) => {
        const { server } = fixture;
        await poison(server.client);
        const [step] = await steps();
        if (step === undefined) throw new Error("nothing is planned");
        expect(step.impact?.irreversible).toContain("not kept");
        const dying = {
          ...contexts.host,
          files: {
            ...contexts.host.files,
            write: async (...call: Parameters<typeof contexts.host.files.write>) => {
              await contexts.host.files.write(...call);
              if (call[0].endsWith(".begun")) await server.end("SIGKILL");
            },
          },
        };
        const error = await rejection(() => apply(step, "run", 1, { host: dying }));
        expect([error.code, error.effect]).toEqual(["UNREACHABLE", "unknown"]);
        const settled = await driver.settle(job(step), await contexts.step(taken, "run/flush", 1));
        expect(settled.state).toBe("partial");
        await server.start();
        await poison(server.client);
        await apply(step, "run", 2);
        expect(await server.client.dbsize()).toBe(0);
      },
    ));

  test("M25 every master of a cluster is flushed; a node that is down is an error before anything goes", async () => {
    const cluster = await redisCluster();
    const folder = await mkdtemp(join(tmpdir(), "backout-redis-world-"));
    const [first, second, third] = cluster.nodes;
    if (first === undefined || second === undefined || third === undefined) throw new Error("three nodes");
    const sizes = () => Promise.all(cluster.nodes.map(({ client }) => client.dbsize()));
    const fill = async (): Promise<void> => {
      for (let n = 0; n < 300; n++) {
        for (const key of [`dashboard:${n}`, `bull:sync:${n}`, `stock:a b\n${n}`]) {
          for (const { client } of cluster.nodes) await client.set(key, "x").catch(() => {});
        }
      }
    };
    try {
      const session = await targetSession(target, {
        driver: "redis",
        faults: [],
        artifacts: false,
        setUp: async () => ({
          folder,
          options: { url: first.url, cluster: true, flush, protect, kept: "kept" },
          break: fill,
          isGood: async () => expect((await sizes()).reduce((sum, size) => sum + size, 0)).toBe(300),
          world: async () => String(await sizes()),
          cleanUp: async () => {},
        }),
      });
      try {
        await fill();
        expect((await sizes()).every((size) => size > 0)).toBe(true);
        await session.bringBack("cluster");
        expect((await sizes()).every((size) => size > 0)).toBe(true);

        await fill();
        const [step] = await session.steps();
        if (step === undefined) throw new Error("nothing is planned");
        await third.end("SIGKILL");
        const before = [await first.client.dbsize(), await second.client.dbsize()];
        const error = await rejection(() => session.apply(step, "node down"));
        expect([error.code, error.effect]).toEqual(["UNREACHABLE", "none"]);
        expect([await first.client.dbsize(), await second.client.dbsize()]).toEqual(before);
        const alone = target.options.parse({ url: first.url, flush });
        const [found] = (await target.check?.(alone, session.contexts.plain())) ?? [];
        expect(found?.message).toContain("is a node of a cluster");
      } finally {
        await session.cleanUp();
      }
    } finally {
      await cluster.stop();
      await rm(folder, { recursive: true, force: true });
    }
  });
});
