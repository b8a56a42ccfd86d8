import { execFile } from "node:child_process";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";
import { failed, type Load, startLoad } from "../../src/demo/load.js";
import { openScope, type Scope } from "../../src/demo/scope.js";
import { rowsMissing } from "../../src/demo/shop-database.js";
import { buildSystem, type System, startSystem } from "../../src/demo/system.js";

const example = fileURLToPath(new URL("../../examples/demo-app", import.meta.url));
const node = (cwd: string, ...args: string[]) => promisify(execFile)(process.execPath, args, { cwd });

interface Status {
  readonly state: string;
  readonly workers: readonly { readonly pid: number; readonly release: string }[];
}

let scope: Scope;
let system: System;
let load: Load;

async function appctl(operation: string): Promise<Status> {
  return JSON.parse((await node(scope.root, "appctl.mjs", operation)).stdout) as Status;
}

beforeEach(async () => {
  scope = openScope();
  system = await startSystem(scope, buildSystem(example, scope.root));
  await appctl("start");
  load = startLoad(system.port);
  await sleep(500);
});

afterEach(async () => {
  await load.stop();
  await scope.end();
});

test("restart under load fails no request, and loses no acknowledged order", async () => {
  const before = await appctl("status");
  for (let round = 0; round < 3; round++) await appctl("restart");
  const after = await appctl("status");
  await load.stop();
  expect(load.answers.filter(failed)).toEqual([]);
  expect(load.answers.length).toBeGreaterThan(60);
  expect(load.acknowledged.length).toBeGreaterThan(10);
  expect(rowsMissing(system.database, load.acknowledged)).toBe(0);
  expect(after.workers).toHaveLength(3);
  const pids = new Set(before.workers.map(({ pid }) => pid));
  expect(after.workers.filter(({ pid }) => pids.has(pid))).toEqual([]);
});

test("stop closes the database and answers 503 at once; start ends the outage", async () => {
  const stopped = await appctl("stop");
  const outage = Date.now();
  expect(stopped).toMatchObject({ state: "stopped", workers: [] });
  // The last connection empties the write-ahead log: everything is in the one file.
  expect((await stat(`${system.database}-wal`)).size).toBe(0);
  await sleep(400);
  await appctl("start");
  const back = Date.now();
  await sleep(400);
  await load.stop();
  const inside = load.answers.filter(({ at }) => at > outage && at < outage + 400);
  expect(inside.length).toBeGreaterThan(10);
  expect(inside.filter(({ status, ms }) => status !== 503 || ms > 300)).toEqual([]);
  expect(
    load.answers.filter((answer) => failed(answer) && (answer.at > back || answer.status !== 503)),
  ).toEqual([]);
});

test("the workers' environment block holds the settings that the last restart found", async () => {
  await appctl("restart");
  const pid = (await readFile(join(scope.root, "run", "worker.pid"), "utf8")).trim();
  const settings = (await readFile(join(scope.root, ".env"), "utf8")).trim().split("\n");
  const block = (await readFile(`/proc/${pid}/environ`, "utf8")).split("\0");
  expect(settings).toHaveLength(3);
  for (const setting of settings) expect(block).toContain(setting);
});

/** A connection to a worker that the deployment has just ended is reset: asked again, a new one answers. */
async function healthOfNew(): Promise<Response> {
  for (let left = 20; ; left--) {
    try {
      return await fetch(`http://127.0.0.1:${system.port}/health`);
    } catch (error) {
      if (left === 0) throw error;
      await sleep(100);
    }
  }
}

test("release v2 really is bad: two of five reads fail, no order can be placed, health looks fine", async () => {
  await node(scope.root, "deploy.mjs", "v2");
  const deployed = Date.now();
  expect(await (await healthOfNew()).json()).toEqual({ status: "ok", release: "v2", schema: 2 });
  await sleep(1_500);
  await load.stop();
  const since = load.answers.filter(({ at }) => at >= deployed);
  const ratio = since.filter(failed).length / since.length;
  expect(ratio).toBeGreaterThan(0.4);
  expect(ratio).toBeLessThan(0.7);
  expect(rowsMissing(system.database, load.acknowledged)).toBe(0);
});

test("a worker that dies is replaced by one of the same release", async () => {
  const [victim] = (await appctl("status")).workers;
  process.kill(victim?.pid ?? 0, "SIGKILL");
  await expect
    .poll(async () => (await appctl("status")).workers.filter(({ release }) => release === "v1").length, {
      timeout: 5_000,
      interval: 100,
    })
    .toBe(3);
  expect((await appctl("status")).workers.map(({ pid }) => pid)).not.toContain(victim?.pid);
});

test("killed without a word, the parent takes the whole application with it", async () => {
  const { workers } = await appctl("status");
  await load.stop();
  system.front.disconnect();
  const alive = (): number[] =>
    [system.front.pid ?? 0, ...workers.map(({ pid }) => pid)].filter((pid) => {
      try {
        return process.kill(pid, 0);
      } catch {
        return false;
      }
    });
  await expect.poll(alive, { timeout: 5_000 }).toEqual([]);
});
