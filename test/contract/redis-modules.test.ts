import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { JsonObject } from "../../src/core/json.js";
import { target } from "../../src/drivers/redis/index.js";
import { rejection } from "../../src/drivers/testing/target-faults.js";
import type { TargetFixture } from "../../src/drivers/testing/target-fixture.js";
import { type TargetSession, targetSession } from "../../src/drivers/testing/target-session.js";
import { doneWork, takenBack } from "../../src/drivers/testing/target-undo.js";
import { type RedisServer, redisServer } from "../support/redis-server.js";

const search = "/usr/lib/redis/modules/redisearch.so";

interface Fixture extends TargetFixture {
  readonly server: RedisServer;
}

/** What the module's own keys answer, and what they are. */
const theirs = async ({ client }: RedisServer): Promise<unknown> => [
  await client.call("FT.SUGGET", "names", "he"),
  await client.call("FT.SEARCH", "shop", "apples"),
  await Promise.all(["names", "idx:shop"].map((key) => client.type(key))),
];

/** A server with keys of a real module among others. */
async function setUp(options: JsonObject): Promise<Fixture> {
  if (!existsSync(search)) {
    throw new Error("these tests need a Redis module; on Debian: apt-get install redis-redisearch");
  }
  const folder = await mkdtemp(join(tmpdir(), "backout-redis-modules-"));
  const server = await redisServer({ args: ["--loadmodule", search] });
  const { client } = server;
  await client.mset("cart:1", "apples", "cart:2", "pears", "cache:1", "x");
  await client.call("FT.CREATE", "shop", "SCHEMA", "title", "TEXT");
  await client.call("FT.ADD", "shop", "product:1", "1.0", "FIELDS", "title", "green apples");
  await client.call("FT.SUGADD", "names", "hello", "1");
  const world = async (): Promise<string> =>
    JSON.stringify([await client.mget("cart:1", "cart:2", "cart:3", "cache:1"), await theirs(server)]);
  const good = await world();
  return {
    ...{ folder, server, world },
    options: { url: server.url, kept: "kept", ...options },
    break: async () => void (await client.mset("cart:1", "poison", "cart:3", "poison")),
    isGood: async () => expect(await world()).toBe(good),
    cleanUp: async () => {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function within(
  options: JsonObject,
  use: (session: TargetSession<Fixture>) => Promise<void>,
): Promise<void> {
  const session = await targetSession(target, {
    ...{ driver: "redis", faults: [] },
    setUp: () => setUp(options),
  });
  try {
    await use(session);
  } finally {
    await session.cleanUp();
  }
}

test("L05 beside keys of a module, chosen namespaces come back and are taken back; the module's are not touched", () =>
  within({ namespaces: ["cart:*"], modules: [search] }, async (session) => {
    const { fixture, taken, contexts, resolved } = session;
    expect(taken.part.data).toMatchObject({ keys: 2, counts: { "cart:*": 2 } });
    const proof = await target.prove?.(taken.part, resolved, await contexts.prove(taken));
    expect(proof?.level).toBe("restored");
    await fixture.break();
    const broken = await fixture.world();
    const work = await doneWork(session, "run");
    await fixture.isGood();
    expect((await session.verify()).filter(({ result }) => result !== "passed")).toEqual([]);
    await takenBack(target.undo, session, work, "back");
    expect(await fixture.world()).toBe(broken);
  }));

test("a key of an unknown type is counted, flushed and protected like any other", () =>
  within({ flush: ["names*", "cache:*"], protect: ["idx:*", "ft:*"] }, async (session) => {
    const { fixture, observe, steps, apply } = session;
    const { client } = fixture.server;
    expect((await observe()).data).toMatchObject({
      flush: [
        { pattern: "names*", keys: 1 },
        { pattern: "cache:*", keys: 1 },
      ],
      protected: [
        { pattern: "idx:*", keys: 1 },
        { pattern: "ft:*", keys: 3 },
      ],
    });
    for (const step of await steps()) await apply(step, "run");
    expect(await client.exists("names", "cache:1")).toBe(0);
    expect(await client.call("FT.SEARCH", "shop", "apples", "NOCONTENT")).toEqual([1, "product:1"]);
    expect(await client.mget("cart:1", "cart:2")).toEqual(["apples", "pears"]);
  }));

test("without the module at hand, or where its keys are to come back, it is said what to do, and nothing is changed", async () => {
  const fixture = await setUp({});
  const { url } = fixture.server;
  const capture = (options: JsonObject) =>
    rejection(() =>
      targetSession(target, {
        ...{ driver: "redis", faults: [] },
        setUp: async () => ({ ...fixture, options: { url, ...options }, cleanUp: async () => {} }),
      }),
    );
  try {
    const missing = await capture({ namespaces: ["cart:*"] });
    expect([missing.code, missing.hint]).toEqual([
      "CHECK_FAILED",
      expect.stringContaining("name the file of that module under `modules`") as string,
    ]);
    expect(missing.message).toMatch(/module/);
    const unknown = await capture({ modules: [search] });
    expect([unknown.code, unknown.message]).toEqual([
      "REFUSED",
      expect.stringMatching(/is of the type "(ft_\w+|trietype0)", which only its module can read/) as string,
    ]);
    await fixture.isGood();
  } finally {
    await fixture.cleanUp();
  }
});

test("check names the module and where its file is", () =>
  within({ namespaces: ["cart:*"], modules: [search] }, async ({ contexts, fixture }) => {
    const options = target.options.parse({ url: fixture.server.url, namespaces: ["cart:*"] });
    const problems = (await target.check?.(options, contexts.plain())) ?? [];
    expect(problems.map(({ severity, message, hint }) => [severity, message, hint])).toContainEqual([
      "warning",
      expect.stringContaining('has the module "ft"') as string,
      `name its file under \`modules\`: ${search}`,
    ]);
  }));
