import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";
import { localProcesses } from "../../src/platform/process-identity.js";
import { systemClock as clock } from "../../src/platform/system-clock.js";
import { scratchFolders } from "../../src/storage/scratch-folder.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "backout-crash-"));
  await build({
    entryPoints: [join(import.meta.dirname, "programs/hold-scratch.ts")],
    outfile: join(folder, "holder.mjs"),
    bundle: true,
    platform: "node",
    format: "esm",
    logLevel: "silent",
  });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function holder(state: string): Promise<{ process: ChildProcess; plain: string }> {
  const child = spawn(process.execPath, [join(folder, "holder.mjs"), state], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  child.stdout.setEncoding("utf8");
  for await (const text of child.stdout) {
    said += text as string;
    if (said.endsWith("\n")) break;
  }
  return { process: child, plain: join(said.trim(), "plain") };
}

const kill = async ({ process: child }: { process: ChildProcess }): Promise<void> => {
  child.kill("SIGKILL");
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
};

test("H73 decrypted files of a killed process are removed by the next one; those of a living one stay", async () => {
  const state = join(folder, "state");
  const scratch = join(state, "scratch");
  const dead = await holder(state);
  await kill(dead);
  expect(await readFile(dead.plain, "utf8")).toBe("nobody is to read this");
  const [unsigned, young] = [join(scratch, "prove-db-old"), join(scratch, "prove-db-young")];
  for (const path of [unsigned, young]) await mkdir(path);
  const daysAgo = new Date(clock.now() - 2 * 86_400_000);
  await utimes(unsigned, daysAgo, daysAgo);

  const living = await holder(state);
  try {
    const left = await readdir(scratch);
    expect(left).toHaveLength(2);
    expect(left).toContain("prove-db-young");
    expect(await readFile(living.plain, "utf8")).toBe("nobody is to read this");
    const own = scratchFolders({ state, clock, processes: localProcesses });
    const next = own("verify-db");
    expect(await readdir(await next.folder())).toEqual([]);
    expect(await readFile(living.plain, "utf8")).toBe("nobody is to read this");
    await kill(living);
    await next.done();
    const later = scratchFolders({ state, clock, processes: localProcesses })("later");
    await later.folder();
    await later.done();
    expect(await readdir(scratch)).toEqual(["prove-db-young"]);
  } finally {
    await kill(living);
  }
});

test("a scratch folder that nobody asks for is never made", async () => {
  const state = join(folder, "unused");
  await mkdir(state);
  await scratchFolders({ state, clock, processes: localProcesses })("observe-db").done();
  expect(await readdir(state)).toEqual([]);
});
