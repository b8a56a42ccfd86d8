import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { freemem, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SignalContext } from "../../src/core/driver.js";
import type { JsonObject } from "../../src/core/json.js";
import { signal } from "../../src/drivers/host/index.js";
import { type Contexts, contextsFor } from "../../src/drivers/testing/contexts.js";
import type { ReadingFixture } from "../../src/drivers/testing/reading-fixture.js";
import { describeSignal } from "../../src/drivers/testing/signal-contract.js";
import { rejection } from "../../src/drivers/testing/target-faults.js";

async function machine(options: JsonObject): Promise<ReadingFixture> {
  const folder = await mkdtemp(join(tmpdir(), "backout-host-"));
  await writeFile(join(folder, "garbage.pid"), "not a number\n");
  await writeFile(join(folder, "gone.pid"), "4194303\n");
  return { folder, options, cleanUp: () => rm(folder, { recursive: true, force: true }) };
}

describeSignal<ReadingFixture>(signal, {
  driver: "host",
  setUp: () => machine({ measure: "memory" }),
  expect: ({ value, unit }) => {
    expect(unit).toBe("ratio");
    expect(value).toBeGreaterThan(0);
    expect(value).toBeLessThan(1);
    // What is free is available; caches are too.
    expect(value).toBeLessThan(1 - freemem() / totalmem() + 0.2);
  },
  faults: [
    {
      name: "no such process",
      options: () => ({ measure: "memory", process: "no-such-proc" }),
      code: "UNREACHABLE",
      says: /no process is called "no-such-proc"/,
    },
    {
      name: "a process that has ended",
      options: () => ({ measure: "cpu", pidFile: "gone.pid" }),
      code: "UNREACHABLE",
      says: /process 4194303 of gone\.pid does not run/,
    },
    {
      name: "a pid file with garbage",
      options: () => ({ measure: "memory", pidFile: "garbage.pid" }),
      code: "UNREACHABLE",
      says: /garbage\.pid has no process number in it: "not a number"/,
    },
    {
      name: "a missing pid file",
      options: () => ({ measure: "memory", pidFile: "nowhere.pid" }),
      code: "NOT_FOUND",
      says: /nowhere\.pid/,
    },
    {
      name: "no such control group",
      options: () => ({ measure: "memory", cgroup: "no/such.slice" }),
      code: "UNREACHABLE",
      says: /no\/such\.slice: there is no such control group/,
    },
    {
      name: "a path on no file system",
      options: () => ({ measure: "disk", path: "/no/such/folder" }),
      code: "UNREACHABLE",
      says: /no\/such\/folder.*No such file/,
    },
  ],
});

describe("this machine", () => {
  let contexts: Contexts;
  let folder: string;
  const children: ChildProcess[] = [];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "backout-host-"));
    contexts = await contextsFor(folder);
  });
  afterAll(async () => {
    for (const child of children) child.kill("SIGKILL");
    await contexts.cleanUp();
    await rm(folder, { recursive: true, force: true });
  });

  const read = async (options: JsonObject, context: SignalContext = contexts.plain()) =>
    (await signal.read(signal.options.parse(options), context)).value;

  /** A process that does nothing but use a CPU, or memory. */
  async function busy(script: string, name: string): Promise<number> {
    const child = spawn(process.execPath, ["-e", `process.title = '${name}'; ${script}; console.log('up')`], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    children.push(child);
    if (script.startsWith("setImmediate")) await once(child, "spawn");
    else await once(child.stdout, "data");
    return child.pid ?? 0;
  }

  test.each([["cpu"], ["load"], ["disk"]])("%s is a share", async (measure) => {
    const value = await read({ measure });
    expect(value).toBeGreaterThanOrEqual(0);
    if (measure !== "load") expect(value).toBeLessThanOrEqual(1);
  });

  test("V04 CPU of a process that uses one is more than that of one that sleeps", async () => {
    const spinning = await busy("const spin = () => setImmediate(spin); spin()", "bo-spins");
    const sleeping = await busy("setInterval(() => {}, 1000)", "bo-sleeps");
    await writeFile(join(folder, "spins.pid"), `${spinning}\n`);
    await writeFile(join(folder, "sleeps.pid"), `${sleeping}\n`);
    const options = signal.options.parse({ measure: "cpu", pidFile: "spins.pid" });
    const first = (await signal.read(options, contexts.plain())).value;
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const since = (await signal.read(options, contexts.plain())).value;
    const idle = await read({ measure: "cpu", pidFile: "sleeps.pid" });
    expect(Math.max(first, since)).toBeGreaterThan(0.01);
    expect(idle).toBeLessThan(Math.max(first, since));
    expect(await read({ measure: "cpu" })).toBeGreaterThan(0.01);
  });

  test("V04 memory of all processes of a name is that of them together", async () => {
    const script = "globalThis.kept = Buffer.alloc(120e6, 1); setInterval(() => {}, 1000)";
    await Promise.all([busy(script, "bo-remembers"), busy(script, "bo-remembers")]);
    const value = await read({ measure: "memory", process: "bo-remembers" });
    expect(value * totalmem()).toBeGreaterThan(240e6);
    expect(value * totalmem()).toBeLessThan(1_000e6);
  });
});

describe("control groups, as the kernel would show them", () => {
  let folder: string;
  let contexts: Contexts;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "backout-cgroup-"));
    contexts = await contextsFor(folder);
  });
  afterAll(async () => {
    await contexts.cleanUp();
    await rm(folder, { recursive: true, force: true });
  });

  /** Files below another root: this machine has one version of control groups only. */
  async function group(files: Readonly<Record<string, string>>): Promise<SignalContext> {
    const root = await mkdtemp(join(folder, "sys-"));
    for (const [name, text] of Object.entries(files)) {
      await mkdir(join(root, name, ".."), { recursive: true });
      await writeFile(join(root, name), text);
    }
    const plain = contexts.plain();
    const { files: real } = plain.host;
    const moved = (path: string) => path.replace(/^\/sys\/fs\/cgroup/, root);
    const shown = {
      ...real,
      read: (path: string) => real.read(moved(path)),
      stat: (path: string) => real.stat(moved(path)),
    };
    return { ...plain, host: { ...plain.host, files: shown } };
  }

  const memory = { measure: "memory", cgroup: "/system.slice/shop.service" };
  const read = async (options: JsonObject, context: SignalContext) =>
    (await signal.read(signal.options.parse(options), context)).value;

  test("version 2", async () => {
    const context = await group({
      "cgroup.controllers": "cpu memory\n",
      "system.slice/shop.service/memory.current": "900000000\n",
      "system.slice/shop.service/memory.max": "1000000000\n",
      "system.slice/shop.service/memory.stat": "anon 5\ninactive_file 200000000\nactive_file 7\n",
    });
    expect(await read(memory, context)).toBeCloseTo(0.7);
  });

  test("version 1", async () => {
    const context = await group({
      "memory/system.slice/shop.service/memory.usage_in_bytes": "900000000\n",
      "memory/system.slice/shop.service/memory.limit_in_bytes": "1000000000\n",
      "memory/system.slice/shop.service/memory.stat": "cache 5\ntotal_inactive_file 100000000\n",
    });
    expect(await read(memory, context)).toBeCloseTo(0.8);
  });

  test("without a limit there is nothing to be a share of", async () => {
    const unlimited = { current: "900\n", stat: "inactive_file 0\n" };
    const context = await group({
      "cgroup.controllers": "memory\n",
      "system.slice/shop.service/memory.current": unlimited.current,
      "system.slice/shop.service/memory.max": "max\n",
      "system.slice/shop.service/memory.stat": unlimited.stat,
    });
    const error = await rejection(() => read(memory, context));
    expect(error.message).toContain('"/system.slice/shop.service" has no memory limit');
    const first = await group({
      "memory/system.slice/shop.service/memory.usage_in_bytes": "900\n",
      "memory/system.slice/shop.service/memory.limit_in_bytes": "9223372036854771712\n",
      "memory/system.slice/shop.service/memory.stat": "total_inactive_file 0\n",
    });
    expect((await rejection(() => read(memory, first))).message).toContain("has no memory limit");
  });

  test("CPU against the quota", async () => {
    const files = (used: number) => ({
      "cgroup.controllers": "cpu\n",
      "system.slice/shop.service/cpu.stat": `usage_usec ${used}\nuser_usec 1\n`,
      "system.slice/shop.service/cpu.max": "50000 100000\n",
    });
    const options = signal.options.parse({ measure: "cpu", cgroup: "system.slice/shop.service" });
    let now = 0;
    const at = async (used: number) => {
      const context = await group(files(used));
      const clock = { ...context.clock, monotonic: () => now, sleep: async () => void (now += 1_000) };
      return (await signal.read(options, { ...context, clock })).value;
    };
    expect(await at(1_000_000)).toBe(0);
    now += 10_000;
    expect(await at(3_000_000)).toBeCloseTo(0.4);
  });
});

test.each<[options: JsonObject, says: string]>([
  [{ measure: "disk", process: "node" }, "disk is of the machine"],
  [{ measure: "cpu", process: "node", cgroup: "x" }, "it is measured of one of them"],
  [{ measure: "cpu", process: "a-name-that-is-too-long" }, "15"],
  [{ measure: "temperature" }, "cpu"],
])("options %j are refused", (options, says) => {
  expect(JSON.stringify(signal.options.safeParse(options).error?.issues)).toContain(says);
});
