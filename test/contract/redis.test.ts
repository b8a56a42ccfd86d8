import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { target } from "../../src/drivers/redis/index.js";
import { describeTarget } from "../../src/drivers/testing/target-contract.js";
import { type Fault, type TargetFixture, withoutTools } from "../../src/drivers/testing/target-fixture.js";
import { type RedisServer, redisServer } from "../support/redis-server.js";
import { redisWorld } from "../support/redis-world.js";

interface Fixture extends TargetFixture {
  readonly server: RedisServer;
}

const password = "s3cret pass/word";

const faults: readonly Fault<Fixture>[] = [
  {
    name: "H42 wrong password",
    options: ({ server }) => ({ url: `redis://:wrong@127.0.0.1:${server.port}/1` }),
    code: "DENIED",
    says: /127\.0\.0\.1:\d+\/1: refused the user or password \(WRONGPASS/,
    on: ["check", "capture", "observe", "apply"],
  },
  {
    name: "H42 no password",
    options: ({ server }) => ({ url: `redis://127.0.0.1:${server.port}` }),
    code: "DENIED",
    says: /wants a password \(NOAUTH/,
    on: ["check", "capture", "observe", "apply"],
  },
  {
    name: "server gone",
    options: () => ({ url: "redis://127.0.0.1:1" }),
    code: "UNREACHABLE",
    says: /127\.0\.0\.1:1: cannot be reached/,
    on: ["check", "capture", "observe", "apply"],
  },
  {
    name: "not a URL",
    options: () => ({ url: "127.0.0.1" }),
    code: "REFUSED",
    says: /"127\.0\.0\.1" is not the URL of a Redis server/,
    on: ["check", "capture", "observe"],
  },
  {
    name: "tool missing",
    host: withoutTools,
    code: "TOOL_MISSING",
    says: /redis-(check-rdb|server)|cp/,
    on: ["check", "capture", "apply"],
  },
];

describeTarget(target, { driver: "redis", kills: 2, setUp: () => setUp("file"), faults });

async function setUp(rdb: "file" | "replication"): Promise<Fixture> {
  const folder = await mkdtemp(join(tmpdir(), "backout-redis-world-"));
  const server = await redisServer({ password });
  const { client } = server;
  await client.select(1);
  const soon = Date.now() + 3_600_000;
  const many = Array.from({ length: 6000 }, (_, n) => [`f${n}`, `v${n}`]).flat();
  await client.set("cart:1", "apples");
  await client.set(
    Buffer.from('cart: with blanks\n"quotes" and \0 zero \xff', "latin1"),
    Buffer.from([0, 1, 255]),
  );
  await client.set("cart:soon", "expires", "PXAT", soon);
  await client.hset("user:1", "name", "ann", "born", "1990");
  await client.hset("user:many", ...many);
  await client.sadd("tags", ...many.slice(0, 3000));
  await client.zadd("scores", 1, "a", 2.5, "b");
  await client.rpush("list", "x", "y", "z");
  await client.xadd("events", "1-1", "kind", "made");
  await client.xgroup("CREATE", "events", "readers", "0");
  for (let n = 0; n < 300; n++) await client.set(`item:${n}`, `value ${n}`);
  const good = await redisWorld(client);
  let times = 0;
  const options = { rdb, kept: "kept", url: `redis://:\${env:REDIS_PASSWORD}@127.0.0.1:${server.port}/1` };
  return {
    folder,
    server,
    options,
    resolved: { ...options, url: options.url.replace("${env:REDIS_PASSWORD}", encodeURIComponent(password)) },
    secrets: [password, encodeURIComponent(password)],
    break: async () => {
      times++;
      await client.set("cart:1", `poison ${times}`);
      await client.set(`cart:bad ${times}`, "new");
      await client.del("list", "item:7");
      await client.hset("user:many", "f5", `other ${times}`);
      await client.persist("cart:soon");
    },
    isGood: async () => expect(await redisWorld(client)).toBe(good),
    world: () => redisWorld(client),
    cleanUp: async () => {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
