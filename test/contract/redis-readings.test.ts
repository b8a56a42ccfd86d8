import { expect, test } from "vitest";
import type { JsonObject } from "../../src/core/json.js";
import { check, signal } from "../../src/drivers/redis/index.js";
import { describeCheck } from "../../src/drivers/testing/check-contract.js";
import { contextsFor } from "../../src/drivers/testing/contexts.js";
import type { ReadingFixture } from "../../src/drivers/testing/reading-fixture.js";
import { describeSignal } from "../../src/drivers/testing/signal-contract.js";
import { type RedisServer, redisServer } from "../support/redis-server.js";

interface Fixture extends ReadingFixture {
  readonly server: RedisServer;
}

const password = "s3cret-password";

async function setUp(options: JsonObject): Promise<Fixture> {
  const server = await redisServer({ password, args: ["--maxmemory", "100mb"] });
  for (let n = 0; n < 20; n++) await server.client.set(`cart:${n}`, "x");
  await server.client.lpush("bull:mails:wait", "1", "2", "3");
  return {
    server,
    folder: server.folder,
    options: { url: "redis://:${env:REDIS_PASSWORD}@127.0.0.1", ...options },
    resolved: { url: server.url, ...options },
    secrets: [password],
    cleanUp: () => server.stop(),
  };
}

const gone = {
  name: "server gone",
  options: () => ({ url: "redis://127.0.0.1:1", keys: "*" }),
  code: "UNREACHABLE",
  says: /127\.0\.0\.1:1: cannot be reached/,
} as const;

describeSignal<Fixture>(signal, {
  driver: "redis",
  name: "redis, keys",
  setUp: () => setUp({ keys: "cart:*" }),
  expect: ({ value, unit }) => expect([value, unit]).toEqual([20, "keys"]),
  faults: [
    gone,
    {
      name: "H42 wrong password",
      options: ({ server }) => ({ url: `redis://:wrong@127.0.0.1:${server.port}`, keys: "*" }),
      code: "DENIED",
      says: /refused the user or password/,
    },
    {
      name: "no such field",
      options: ({ server }) => ({ url: server.url, info: "no_such_field" }),
      code: "NOT_FOUND",
      says: /INFO has no number "no_such_field"/,
    },
    {
      name: "no number",
      options: ({ server }) => ({ url: server.url, info: "redis_version" }),
      code: "NOT_FOUND",
      says: /INFO has no number "redis_version" but "\d/,
    },
    {
      name: "no lookups",
      options: ({ server }) => ({ url: server.url, hitRatio: "10ms" }),
      code: "NOT_FOUND",
      says: /nobody looked up a key in this time/,
    },
  ],
});

test("queue length, INFO field and hit ratio over a time are read", async () => {
  const fixture = await setUp({});
  const contexts = await contextsFor(fixture.folder);
  const read = (more: JsonObject) =>
    signal.read(signal.options.parse({ url: fixture.server.url, ...more }), contexts.plain());
  try {
    expect(await read({ queue: { name: "mails" } })).toEqual({ value: 3, unit: "jobs" });
    expect((await read({ info: "used_memory" })).value).toBeGreaterThan(1000);
    const lookups = setInterval(() => {
      for (const key of ["cart:1", "cart:2", "cart:3", "none"]) void fixture.server.client.get(key);
    }, 5);
    const { value, unit } = await read({ hitRatio: "1s" });
    clearInterval(lookups);
    expect(unit).toBe("ratio");
    expect(value).toBeCloseTo(0.75, 1);
    expect(signal.options.safeParse({ url: "x", keys: "*", info: "y" }).error?.message).toContain(
      "info and keys",
    );
  } finally {
    await contexts.cleanUp();
    await fixture.cleanUp();
  }
});

describeCheck<Fixture>(check, {
  driver: "redis",
  name: "Z16 redis",
  setUp: () => setUp({ memory: 0.9, evictions: { over: "10ms" }, replicas: 0 }),
  failures: [
    {
      name: "memory nearly used up",
      options: ({ server }) => ({ url: server.url, memory: 0.0001 }),
      says: /memory of maxmemory/,
    },
    {
      name: "a replica missing",
      options: ({ server }) => ({ url: server.url, replicas: 1 }),
      says: /at least 1 replicas online.*0 online/,
    },
    {
      name: "keys evicted",
      options: ({ server }) => ({ url: server.url, evictions: { over: "2s" } }),
      arrange: async ({ server: { client } }) => {
        await client.config("SET", "maxmemory-policy", "allkeys-random", "maxmemory", "2mb");
        const writing = setInterval(() => {
          for (let n = 0; n < 50; n++) void client.set(`big:${Math.random()}`, "x".repeat(5000));
        }, 10);
        return async () => {
          clearInterval(writing);
          await client.config("SET", "maxmemory", "100mb");
        };
      },
      says: /evicted keys/,
    },
  ],
  faults: [
    { name: gone.name, options: () => ({ url: "redis://127.0.0.1:1" }), says: gone.says },
    {
      name: "H42 an authentication error",
      options: ({ server }) => ({ url: `redis://127.0.0.1:${server.port}` }),
      says: /wants a password \(NOAUTH/,
    },
    {
      name: "no limit to compare memory with",
      options: ({ server }) => ({ url: server.url, memory: 0.9 }),
      arrange: async ({ server: { client } }) => {
        await client.config("SET", "maxmemory", "0");
        return async () => void (await client.config("SET", "maxmemory", "100mb"));
      },
      says: /no `maxmemory`/,
    },
  ],
});
