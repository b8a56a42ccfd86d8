import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { Redis } from "ioredis";
import type { DriverContext, StepContext } from "../../src/core/driver.js";
import { target } from "../../src/drivers/redis/index.js";
import { httpClient } from "../../src/platform/http-client.js";
import { localHost } from "../../src/platform/local-host.js";
import { systemClock as clock } from "../../src/platform/system-clock.js";
import { type Figure, figure } from "../figure.js";
import { inFolder } from "../run-plan.js";
import { timeProcess } from "../timed.js";

const names = [
  "sec_rl",
  "sync_rl",
  "dashboard",
  "stock",
  "sales",
  "delivery",
  "sync",
  "device",
  "chart",
  "health",
];
const doomed = 1_000_000;
const others = 1_000_000;
const rounds = 3;
const idleMs = 5000;
const warmMs = 500;
const port = 21_379;

/** A flush of ten namespaces beside what playbooks do, on the same keys. */
export const flushing = (): Promise<Figure[]> =>
  inFolder(async (folder) => {
    const server = await serverIn(folder);
    const client = new Redis({ port });
    client.on("error", () => {});
    try {
      const own: number[] = [];
      const pauses: number[] = [];
      const calls: number[] = [];
      for (let round = 0; round < rounds; round++) {
        await fill(client, names, others);
        await client.config("SET", "latency-monitor-threshold", "1");
        await client.latency("RESET");
        const measured = await flush(folder);
        calls.push(await longestCall(client));
        own.push(measured.ms);
        pauses.push(measured.pause);
        await expectFlushed(client);
      }
      await client.config("SET", "latency-monitor-threshold", "0");
      await fill(client, names.slice(0, 1), 0);
      let shellMs = 0;
      const shellPause = await pauseDuring(() => {
        shellMs = names.length * shellFlush(folder, names[0] ?? "");
      });
      await expectFlushed(client);
      const idlePause = await pauseDuring(() => setTimeout(idleMs));
      const against = `redis-cli --scan --pattern | xargs -L 100 redis-cli DEL: ${Math.round(shellMs)} ms, ten times the last namespace, for which the least is left to scan`;
      const keys = "1,000,000 of 2,000,000 keys";
      return [
        figure({ area: "redis", figure: `flush ${keys}`, unit: "ms", values: own, against }),
        figure({
          ...{ area: "redis", figure: "the same against the shell", unit: "times", most: 0.1 },
          values: own.map((ms) => ms / shellMs),
          against,
        }),
        figure({
          ...{ area: "redis", figure: "longest call at the server", unit: "ms", most: 20 },
          values: calls,
          against: "as Redis' own latency monitor saw it, whatever kept the clients from a processor",
        }),
        figure({
          ...{ area: "redis", figure: "longest pause of another", unit: "ms", most: 20 },
          values: pauses,
          against: `another process that sends a PING every millisecond meanwhile; ${Math.round(shellPause)} ms while the shell deletes, ${Math.round(idlePause)} ms in ${idleMs / 1000} s of an idle server`,
        }),
      ];
    } finally {
      client.disconnect();
      server.kill();
      await once(server, "exit");
    }
  });

async function serverIn(folder: string): Promise<ChildProcess> {
  const server = spawn(
    "redis-server",
    ["--port", String(port), "--bind", "127.0.0.1", "--dir", folder, "--save", "", "--logfile", "log"],
    { stdio: "ignore" },
  );
  await Promise.race([
    once(server, "spawn"),
    once(server, "error").then(() => {
      throw new Error("redis-server is not installed; on Debian: apt-get install redis-server");
    }),
  ]);
  preferred(server);
  return server;
}

/** A thousand to a call: the server is filled in seconds. */
async function fill(client: Redis, namespaces: readonly string[], more: number): Promise<void> {
  const script = `for n = tonumber(ARGV[2]), tonumber(ARGV[3]) do redis.call("SET", ARGV[1] .. n, "value of some length") end`;
  const each = 5000;
  for (const name of namespaces) {
    for (let at = 0; at < doomed / names.length; at += each)
      await client.eval(script, 0, `${name}:`, at, at + each - 1);
  }
  for (let at = 0; at < more; at += each) await client.eval(script, 0, "bull:sync:", at, at + each - 1);
}

/** 0 where none took a millisecond. */
async function longestCall(client: Redis): Promise<number> {
  const events = (await client.latency("LATEST")) as [name: string, at: number, last: number, most: number][];
  return Math.max(0, ...events.map(([, , , most]) => most));
}

async function expectFlushed(client: Redis): Promise<void> {
  const left = await client.dbsize();
  if (left !== others) throw new Error(`${left} keys are left, not ${others}`);
}

/** The step as the engine calls it: counts before, removes, counts after. */
async function flush(folder: string): Promise<{ ms: number; pause: number }> {
  const context: DriverContext = {
    ...{
      name: "cache",
      host: localHost({ baseDir: folder, redact: (text) => text }),
      http: httpClient(),
      clock,
    },
    ...{ signal: AbortSignal.timeout(600_000), progress: () => {}, log: () => {} },
  };
  const missing = async (): Promise<never> => {
    throw new Error("not needed here");
  };
  const step: StepContext = {
    ...context,
    ...{ artifacts: { file: missing, read: missing }, scratch: folder },
    ...{ key: `run-${Math.random()}/flush`, attempt: 1 },
  };
  const options = target.options.parse({
    url: `redis://127.0.0.1:${port}`,
    flush: names.map((name) => `${name}:*`),
    protect: ["bull:*"],
    kept: join(folder, "kept"),
  });
  let ms = 0;
  const pause = await pauseDuring(async () => {
    const begun = performance.now();
    await target.apply(
      {
        ...{ operation: "flush", options, captured: undefined },
        input: { patterns: names.map((name) => `${name}:*`), protect: ["bull:*"] },
      },
      step,
    );
    ms = performance.now() - begun;
  });
  return { ms, pause };
}

/** Another process, with nothing else to do. */
const pinging = `
const socket = require("node:net").connect(${port}, "127.0.0.1").setNoDelay();
let [most, sent, counts] = [0, performance.now(), false];
const ping = () => { sent = performance.now(); socket.write("PING\\r\\n"); };
socket.on("connect", () => { console.log("ready"); ping(); });
socket.on("data", () => { if (counts) most = Math.max(most, performance.now() - sent); setTimeout(ping, 1); });
process.stdin.once("data", () => { counts = true; });
process.stdin.on("end", () => { console.log(most); process.exit(); });`;

async function pauseDuring(work: () => Promise<void> | void): Promise<number> {
  const child = spawn(process.execPath, ["-e", pinging], { stdio: ["pipe", "pipe", "inherit"] });
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => {
    said += chunk.toString();
  });
  await once(child.stdout, "data");
  preferred(child);
  // Its own first calls are slow, and came before it was preferred.
  await setTimeout(warmMs);
  child.stdin.write("count\n");
  await work();
  const ended = once(child, "close");
  child.stdin.end();
  await ended;
  return Number(said.split("\n")[1]);
}

/**
 * What is measured is how long the server keeps a client waiting, not how long both wait for a processor that others have. A nice
 * value would not do: it counts only among the processes of one session.
 */
function preferred({ pid }: ChildProcess): void {
  if (process.getuid?.() === 0 && pid !== undefined)
    timeProcess(["chrt", "--fifo", "--all-tasks", "--pid", "10", String(pid)]);
}

const shellFlush = (folder: string, name: string): number =>
  timeProcess(
    [
      "sh",
      "-c",
      `redis-cli -p ${port} --scan --pattern '${name}:*' | xargs -L 100 redis-cli -p ${port} DEL >/dev/null`,
    ],
    { cwd: folder },
  );
