import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as after } from "node:timers/promises";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";
import { localProcesses } from "../../src/platform/process-identity.js";
import { systemClock } from "../../src/platform/system-clock.js";
import { timeIds } from "../../src/platform/time-ids.js";
import { checkpointStore } from "../../src/storage/checkpoint-store.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "backout-crash-"));
  await build({
    entryPoints: [join(import.meta.dirname, "programs/write-checkpoints.ts")],
    outfile: join(folder, "writer.mjs"),
    bundle: true,
    platform: "node",
    format: "esm",
    logLevel: "silent",
  });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Runs the writer on the state folder, kills it some time after its first commit; gives what it said was committed. */
async function writeUntilKilled(state: string, ms: number): Promise<string[]> {
  const writer = spawn(process.execPath, [join(folder, "writer.mjs"), state], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  writer.stdout.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  await once(writer.stdout, "data");
  await after(ms);
  writer.kill("SIGKILL");
  await once(writer, "close");
  return said.split("\n").slice(0, -1);
}

test("a writer killed at any moment leaves each checkpoint whole or none of it, and the next one cleans up, after a minute what was not signed yet", async () => {
  const state = join(folder, "state");
  const ids = timeIds(systemClock);
  const store = checkpointStore({ folder: state, clock: systemClock, ids, processes: localProcesses });
  const origin = { system: "shop", environment: "test", by: "test" };
  const hidden = async (): Promise<string[]> =>
    (await readdir(join(state, "checkpoints"))).filter((name) => name.startsWith("."));
  const committed: string[] = [];
  let cutShort = 0;
  for (let round = 0; round < 12; round++) {
    committed.push(...(await writeUntilKilled(state, Math.random() * 150)));
    const names = await readdir(join(state, "checkpoints"));
    cutShort += names.filter((name) => name.startsWith(".tmp-")).length;
    const { checkpoints, damaged } = await store.list();
    expect(damaged).toEqual([]);
    for (const { id, parts } of checkpoints) {
      expect(Object.values(parts).map(({ artifacts }) => artifacts.length)).toEqual([5, 5]);
      expect(await store.verify(id)).toEqual([]);
    }
    const there = checkpoints.map(({ id }) => id);
    expect(there).toEqual(expect.arrayContaining(committed));

    const draft = await store.create(origin);
    for (const name of await hidden()) {
      if (name === `.tmp-${draft.id}`) continue;
      // Killed before it had signed its folder: for a minute it could still be about to.
      const signature = await readFile(join(state, "checkpoints", name, "writer.json"), "utf8").catch(
        () => "",
      );
      expect(signature.endsWith("}"), `${name} is signed`).toBe(false);
      const before = new Date(Date.now() - 61_000);
      await utimes(join(state, "checkpoints", name), before, before);
    }
    await draft.abandon();
    const later = await store.create(origin);
    expect(await hidden()).toEqual([`.tmp-${later.id}`]);
    await later.abandon();
  }
  expect(cutShort).toBeGreaterThan(0);
});
