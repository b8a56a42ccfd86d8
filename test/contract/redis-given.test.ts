import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/core/json.js";
import { target } from "../../src/drivers/redis/index.js";
import { type Contexts, contextsFor } from "../../src/drivers/testing/contexts.js";
import { describeTarget } from "../../src/drivers/testing/target-contract.js";
import { rejection } from "../../src/drivers/testing/target-faults.js";
import type { TargetFixture } from "../../src/drivers/testing/target-fixture.js";
import { type RedisServer, redisServer } from "../support/redis-server.js";
import { redisWorld } from "../support/redis-world.js";
import { adopting, filesToGive, takeOver } from "../support/take-over.js";

/** What a backup of the server's file does. */
async function snapshot({ client, folder }: RedisServer, to: string): Promise<string> {
  await client.save();
  await copyFile(join(folder, "dump.rdb"), to);
  return to;
}

async function fill({ client }: RedisServer): Promise<void> {
  await client.mset("cart:1", "apples", "cart:2", "pears", "other:1", Buffer.from([0, 255, 10]));
  await client.rpush("cart:list", "a", "b");
  await client.hset("cart:hash", { one: "1", two: "2" });
  await client.zadd("cart:zset", 1, "x", 2, "y");
  await client.xadd("cart:stream", "1-1", "field", "value");
  await client.set("cart:later", "x", "PX", 86_400_000);
}

let given = "";

describeTarget(
  adopting(target, () => given),
  {
    ...{ driver: "redis", name: "redis, out of a snapshot that was given", kills: 0, faults: [] },
    setUp: async (): Promise<TargetFixture> => {
      const folder = await mkdtemp(join(tmpdir(), "backout-redis-given-"));
      const server = await redisServer();
      const { client } = server;
      await fill(server);
      given = await snapshot(server, join(folder, "last-night.rdb"));
      const good = await redisWorld(client);
      return {
        folder,
        options: { url: server.url, kept: "kept" },
        break: async () => {
          await client.mset("cart:1", "poison", "cart:3", "poison");
          await client.del("cart:2", "cart:hash");
        },
        isGood: async () => expect(await redisWorld(client)).toBe(good),
        world: () => redisWorld(client),
        cleanUp: async () => {
          await server.stop();
          await rm(folder, { recursive: true, force: true });
        },
      };
    },
  },
);

describe("redis: a snapshot that was given", () => {
  let server: RedisServer;
  let folder: string;
  let contexts: Contexts;
  const { path, spoilt, written } = filesToGive(() => folder, "good.rdb");
  const options = (more: JsonObject = {}): JsonObject =>
    target.options.parse({ url: server.url, ...more }) as JsonObject;
  const adopt = (file: string, more: JsonObject = {}) =>
    takeOver(target, options(more), file, { contexts, folder });

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "backout-redis-given-"));
    contexts = await contextsFor(folder);
    server = await redisServer();
    await fill(server);
    await snapshot(server, path("good.rdb"));
  });
  afterAll(async () => {
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test("L05 it is what a capture of the same state is, with counts, time and version out of itself", async () => {
    const taken = await adopt(path("good.rdb"));
    const captured = await contexts.take(target, options());
    expect(taken.part.identity).toBe(captured.part.identity);
    expect(taken.part.summary).toMatch(/^8 keys \(sha256:\w+\), out of good\.rdb$/);
    expect(taken.part.data).toMatchObject({ keys: 8, counts: { "cart:*": 7, "other:*": 1 } });
    expect(Math.abs(taken.part.at - Date.now())).toBeLessThan(3_600_000);
    expect(taken.part.given?.notes).toEqual([
      expect.stringMatching(
        /^the snapshot was written by Redis \d+\.\d+\.\d+, at 20\d\d-.*; which server that was, it does not say$/,
      ),
      "out of it come 8 keys; users, functions and configuration of the server stay as they are",
    ]);
    const proof = await target.prove?.(taken.part, options(), await contexts.prove(taken));
    expect(proof).toMatchObject({ level: "restored" });
  });

  test("of a server that is another one, only the namespaces, without those that have expired", async () => {
    const other = await redisServer({ args: ["--enable-debug-command", "yes"] });
    try {
      // So that what has expired stays in the snapshot.
      await other.client.call("DEBUG", "SET-ACTIVE-EXPIRE", "0");
      await other.client.mset("cart:1", "theirs", "session:1", "theirs");
      await other.client.set("cart:soon", "x", "PX", 1);
      const file = await snapshot(other, path("other.rdb"));
      const { part } = await adopt(file, { namespaces: ["cart:*"] });
      expect(part.data).toMatchObject({ keys: 1, counts: { "cart:*": 1 } });
      expect(part.given?.notes).toContain(
        "1 key of it had expired when it was taken over, and does not come back",
      );
    } finally {
      await other.stop();
    }
  });

  test.each<[name: string, make: () => Promise<string>, says: RegExp, hint: RegExp]>([
    [
      "cut short",
      () => spoilt("cut.rdb", (all) => all.subarray(0, all.length - 20)),
      /redis-check-rdb refuses it/,
      /cut short or damaged/,
    ],
    [
      "a bit of it flipped",
      () =>
        spoilt("flipped.rdb", (all) => {
          const at = all.indexOf("apples");
          all[at] = (all[at] ?? 0) ^ 1;
          return all;
        }),
      /redis-check-rdb refuses it: .*(CRC|checksum)/i,
      /cut short or damaged/,
    ],
    [
      "of a newer Redis",
      () => spoilt("newer.rdb", (all) => Buffer.concat([Buffer.from("REDIS0099"), all.subarray(9)])),
      /redis-check-rdb refuses it: .*99/,
      /written by a newer Redis/,
    ],
    [
      "an append-only file",
      () => written("appendonly.aof", "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n"),
      /is an append-only file/,
      /start a Redis with it/,
    ],
    ["gzipped", () => written("dump.rdb.gz", gzipSync("REDIS0010")), /is compressed with gzip/, /gunzip/],
    [
      "a dump of PostgreSQL",
      () => written("shop.dump", "PGDMP\x01\x0e"),
      /is no snapshot of Redis/,
      /name the \.rdb file/,
    ],
    ["a folder", async () => folder, /is a folder, and no snapshot/, /name the \.rdb file/],
    [
      "one of no keys",
      async () => {
        const empty = await redisServer();
        try {
          return await snapshot(empty, path("empty.rdb"));
        } finally {
          await empty.stop();
        }
      },
      /holds no key that is to come back: database 0, \*/,
      /name another snapshot/,
    ],
  ])("L05 %s: is refused with what it is, and nothing is changed", async (_name, make, says, hint) => {
    const before = await redisWorld(server.client);
    const file = await make();
    const error = await rejection(() => adopt(file));
    expect([error.code, error.effect]).toEqual(["REFUSED", "none"]);
    expect(error.message).toMatch(says);
    expect(error.hint).toMatch(hint);
    expect(error.message).toContain(file);
    expect(await redisWorld(server.client)).toBe(before);
  });

  test("where keys are only flushed, no file is taken", async () => {
    const error = await rejection(() => adopt(path("good.rdb"), { flush: ["cart:*"] }));
    expect([error.code, error.message]).toEqual([
      "REFUSED",
      expect.stringContaining("no keys of it are to come back") as string,
    ]);
  });
});
