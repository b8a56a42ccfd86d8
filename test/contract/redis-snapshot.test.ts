import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/core/json.js";
import type { Host } from "../../src/core/ports.js";
import { target } from "../../src/drivers/redis/index.js";
import type { Taken } from "../../src/drivers/testing/contexts.js";
import { rejection } from "../../src/drivers/testing/target-faults.js";
import type { TargetFixture } from "../../src/drivers/testing/target-fixture.js";
import { type TargetSession, targetSession } from "../../src/drivers/testing/target-session.js";
import { type RedisServer, redisServer } from "../support/redis-server.js";
import { redisWorld } from "../support/redis-world.js";

interface Fixture extends TargetFixture {
  readonly server: RedisServer;
}

async function within(
  { args = [], options = {} }: { args?: readonly string[]; options?: JsonObject },
  use: (session: TargetSession<Fixture>) => Promise<void>,
): Promise<void> {
  const setUp = async (): Promise<Fixture> => {
    const folder = await mkdtemp(join(tmpdir(), "backout-redis-world-"));
    const server = await redisServer({ args });
    const { client } = server;
    await client.mset("cart:1", "apples", "cart:2", "pears", "other:1", "x");
    const good = await redisWorld(client);
    return {
      folder,
      server,
      options: { url: server.url, kept: "kept", ...options },
      break: async () => {
        await client.mset("cart:1", "poison", "cart:3", "poison");
        await client.del("cart:2");
      },
      isGood: async () => expect(await redisWorld(client)).toBe(good),
      world: () => redisWorld(client),
      cleanUp: async () => {
        await server.stop();
        await rm(folder, { recursive: true, force: true });
      },
    };
  };
  const session = await targetSession(target, { driver: "redis", faults: [], setUp });
  try {
    await use(session);
  } finally {
    await session.cleanUp();
  }
}

describe("redis snapshots", () => {
  test.each(["file", "replication"])(
    "M05 H49 by %s, the snapshot is the new one, with memory and counts beside it",
    (rdb) =>
      within({ options: { rdb } }, async ({ fixture, contexts, resolved, driver }) => {
        const { client } = fixture.server;
        await client.save();
        for (let n = 0; n < 500; n++) await client.set(`new:${n}`, "x");
        const taken = await contexts.take(driver, resolved);
        expect(taken.part.data).toMatchObject({
          keys: 503,
          counts: { "cart:*": 2, "new:*": 500, "other:*": 1 },
          server: {
            version: expect.stringMatching(/^\d+\.\d+\.\d+$/) as string,
            memoryBytes: expect.any(Number) as number,
            persistence: { save: "", appendOnly: false },
          },
        });
        const proof = await driver.prove?.(taken.part, resolved, await contexts.prove(taken));
        expect(proof?.checks).toContainEqual({
          name: "keys new:*",
          result: "passed",
          expected: "500",
          actual: "500",
        });
        expect(contexts.lines.join("\n")).toContain(
          rdb === "file" ? "snapshot by BGSAVE" : "snapshot by redis-cli --rdb",
        );
      }),
  );

  test("H49 a save that fails is an error, and the old snapshot is not taken for the new one", () =>
    within({}, async ({ fixture, contexts, resolved, driver }) => {
      await rm(join(fixture.server.folder, "dump.rdb"), { force: true });
      await mkdir(join(fixture.server.folder, "dump.rdb"));
      const error = await rejection(() => contexts.take(driver, resolved));
      expect([error.code, error.message]).toEqual([
        "COMMAND_FAILED",
        expect.stringContaining('BGSAVE failed, its status is "err"') as string,
      ]);
    }));

  test.each([
    {
      name: "H50 append-only files",
      args: ["--appendonly", "yes", "--appendfsync", "always"],
      signal: "SIGKILL",
    },
    { name: "H38 save points, stopped the plain way", args: ["--save", "3600 1"], signal: "SIGTERM" },
  ] as const)(
    "L05 $name: after a restart the restored keys are there, and not the old ones",
    ({ args, signal }) =>
      within({ args }, async ({ fixture, bringBack }) => {
        const { server } = fixture;
        await fixture.break();
        await bringBack("run");
        await server.end(signal);
        await server.start();
        await fixture.isGood();
      }),
  );

  test("chosen namespaces come back, the rest is left as it is, and protected keys are never touched", () =>
    within(
      { options: { namespaces: ["cart:*"], protect: ["cart:9*"] } },
      async ({ fixture, steps, apply, observe, taken }) => {
        const { client } = fixture.server;
        await fixture.break();
        await client.mset("other:1", "changed", "other:2", "new", "cart:9", "kept");
        const planned = await steps();
        expect(planned.at(-1)?.impact?.loses).toMatchObject([
          { what: "cart:*", inserted: 1, updated: 1, deleted: 1 },
        ]);
        for (const step of planned) await apply(step, "run");
        expect(await client.mget("cart:1", "cart:2", "cart:3", "cart:9", "other:1", "other:2")).toEqual([
          ...["apples", "pears", null, "kept", "changed", "new"],
        ]);
        expect((await observe()).identity).toBe(taken.part.identity);
      },
    ));

  test("a key whose time has come since is not missed, and comes back in no form", () =>
    within({}, async ({ fixture, contexts, resolved, driver }) => {
      const { client } = fixture.server;
      await client.set("cart:short", "x", "PX", 3000);
      const taken = await contexts.take(driver, resolved);
      await client.set("cart:short", "poison");
      await new Promise((resolve) => setTimeout(resolve, 3100));
      const proof = await driver.prove?.(taken.part, resolved, await contexts.prove(taken));
      expect(proof?.checks.filter(({ result }) => result !== "passed")).toEqual([]);
      const observed = await driver.observe(resolved, await contexts.prove(taken), taken.part);
      expect(observed.data).toMatchObject({ changes: [{ prefix: "cart:*", added: 1, changed: 0, gone: 0 }] });
    }));

  test("two restores at once end as one", () =>
    within({}, async ({ fixture, steps, apply }) => {
      await fixture.break();
      for (const step of await steps()) await Promise.all([apply(step, "one"), apply(step, "two")]);
      await fixture.isGood();
    }));

  test("the server gone in the middle of a restore: effect unknown, settled as partial, then ends the same", () =>
    within({}, async ({ fixture, steps, apply, driver, job, taken, contexts }) => {
      const { server } = fixture;
      const { files } = contexts.host;
      await fixture.break();
      const [preserve, restore] = await steps();
      if (preserve === undefined || restore === undefined) throw new Error("two steps are planned");
      await apply(preserve, "run");
      await server.client.save();
      const write: typeof files.write = async (path, data, more) => {
        await files.write(path, data, more);
        if (path.endsWith(".begun")) await server.end("SIGKILL");
      };
      const host = { ...contexts.host, files: { ...files, write } };
      const error = await rejection(() => apply(restore, "run", 1, { host }));
      expect([error.code, error.effect]).toEqual(["UNREACHABLE", "unknown"]);
      const settled = await driver.settle(job(restore), await contexts.step(taken, "run/restore", 1));
      expect(settled.state).toBe("partial");
      await server.start();
      await apply(restore, "run", 2);
      await fixture.isGood();
    }));

  test("the server gone in the middle of a capture leaves no checkpoint", () =>
    within({}, async ({ fixture, contexts, resolved, driver }) => {
      const host: Host = {
        ...contexts.host,
        exec: async (command) => {
          if (command.argv[0] === "redis-check-rdb") await fixture.server.end("SIGKILL");
          return contexts.host.exec(command);
        },
      };
      const error = await rejection(() => contexts.take(driver, resolved, host));
      expect(error.code).toBe("UNREACHABLE");
      await fixture.server.start();
    }));

  test.runIf(process.getuid?.() === 0).each(["file", "replication"])(
    "a full disk under what is kept is said as such, and nothing is replaced (by %s)",
    (rdb) =>
      within({ options: { rdb } }, async ({ fixture, steps, apply }) => {
        const kept = join(fixture.folder, "kept");
        await mkdir(kept);
        execFileSync("mount", ["-t", "tmpfs", "-o", "size=16k", "tmpfs", kept]);
        try {
          await fixture.server.client.set("cart:large", randomBytes(100_000));
          const [preserve] = await steps();
          if (preserve === undefined) throw new Error("nothing is planned");
          const before = await fixture.world();
          const error = await rejection(() => apply(preserve, "run"));
          expect([error.code, error.message]).toEqual([
            "STATE_FULL",
            expect.stringContaining("no space left for a snapshot") as string,
          ]);
          expect(await fixture.world()).toBe(before);
        } finally {
          execFileSync("umount", [kept]);
        }
      }),
  );

  test("a playbook that names other keys than the checkpoint is refused", () =>
    within({}, async ({ driver, fixture, taken, contexts }) => {
      const options = driver.options.parse({ url: fixture.server.url, namespaces: ["cart:*"] });
      const observed = await driver.observe(options, await contexts.prove(taken), taken.part);
      const intent = { restore: true, quiesce: false, restart: false, keep: [] };
      const plan = async () => driver.plan({ captured: taken.part, restoreMs: 1, observed, options, intent });
      expect((await rejection(plan)).message).toContain(
        "are not what they were when the checkpoint was taken",
      );
    }));

  test("what the user may not do is named by check, with the mend", () =>
    within({}, async ({ driver, fixture, contexts }) => {
      const { client, port } = fixture.server;
      await client.call("ACL", "SETUSER", "ops", "on", ">pw", "~*", "+@all", "-unlink", "-bgsave");
      const options = driver.options.parse({ url: `redis://ops:pw@127.0.0.1:${port}` });
      const problems = (await driver.check?.(options, contexts.plain())) ?? [];
      expect(
        problems.filter(({ severity }) => severity === "error").map(({ message, hint }) => [message, hint]),
      ).toEqual([
        [`redis://127.0.0.1:${port}: user "ops" may not use BGSAVE`, "ACL SETUSER ops +bgsave"],
        [`redis://127.0.0.1:${port}: user "ops" may not use UNLINK`, "ACL SETUSER ops +unlink"],
      ]);
    }));
});

/** A string, a module's value of the type "mymod-AAA", and no checksum. */
const moduleType = Buffer.concat([
  Buffer.from("REDIS0010\xfe\x00\x00\x01a\x01b\x07\x06module\x81", "latin1"),
  Buffer.from("9b29a0f8000001f4", "hex"),
  Buffer.from([0, 0xff, 0, 0, 0, 0, 0, 0, 0, 0]),
]);

describe("redis: a snapshot that does not restore is never proven", () => {
  test.each([
    { name: "cut off", harm: (rdb: Buffer) => rdb.subarray(0, rdb.length - 20) },
    { name: "empty", harm: () => Buffer.alloc(0) },
    {
      name: "of a newer Redis",
      harm: (rdb: Buffer) => Buffer.concat([Buffer.from("REDIS0099"), rdb.subarray(9)]),
    },
    { name: "with a bit flipped", harm: flipped },
    { name: "foreign", harm: () => Buffer.from("PGDMP something else entirely") },
    { name: "with a key of an unknown module", harm: () => moduleType },
  ])("$name", ({ harm }) =>
    within({}, async ({ driver, taken, contexts, resolved }) => {
      const folder = await mkdtemp(join(tmpdir(), "backout-redis-harm-"));
      try {
        const artifacts = await Promise.all(
          taken.part.artifacts.map(async (artifact) => {
            const bytes = await readFile(join(taken.folder, artifact.path));
            const after = artifact.name === "dump.rdb" ? harm(bytes) : bytes;
            await writeFile(join(folder, artifact.path), after);
            const digest = `sha256:${createHash("sha256").update(after).digest("hex")}`;
            return { ...artifact, digest, bytes: after.length };
          }),
        );
        const harmed: Taken = { folder, part: { ...taken.part, artifacts } };
        const error = await rejection(async () =>
          driver.prove?.(harmed.part, resolved, await contexts.prove(harmed)),
        );
        expect([error.code, error.message]).toEqual([
          "CHECK_FAILED",
          expect.stringMatching(
            /dump\.rdb: redis-check-rdb refuses it: \S|dump\.rdb: .*no matching module type/,
          ) as string,
        ]);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    }),
  );
});

function flipped(rdb: Buffer): Buffer {
  const copy = Buffer.from(rdb);
  const at = copy.indexOf("apples");
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}
