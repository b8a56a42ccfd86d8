import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Result } from "../../src/demo/story.js";

const program = fileURLToPath(new URL("../../dist/demo.js", import.meta.url));

let temporary: string;
let demo: ChildProcess;
let printed: { stdout: string; stderr: string };

beforeEach(() => {
  temporary = mkdtempSync(join(tmpdir(), "demo-test-"));
  printed = { stdout: "", stderr: "" };
});

afterEach(() => {
  demo.kill("SIGKILL");
  rmSync(temporary, { recursive: true, force: true });
});

function start(...args: string[]): void {
  const { NO_COLOR: _, FORCE_COLOR: __, ...env } = process.env;
  demo = spawn(process.execPath, [program, ...args], {
    // Build servers set CI, which some take for a wish for colours.
    env: { ...env, CI: "true", TMPDIR: temporary },
    stdio: ["ignore", "pipe", "pipe"],
  });
  for (const name of ["stdout", "stderr"] as const) {
    demo[name]?.setEncoding("utf8").on("data", (text: string) => {
      printed[name] += text;
    });
  }
}

/** All that the demo starts, directly or not, has its folder for temporary files. */
function leftRunning(): number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && pid !== demo.pid)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, "utf8").includes(temporary);
      } catch {
        return false;
      }
    });
}

function groupRuns(pid: number): boolean {
  try {
    return process.kill(-pid, 0);
  } catch {
    return false;
  }
}

const escape = String.fromCharCode(27);

test("the demo ends verified, keeps what it promises, and leaves only the report", async () => {
  start("--json", "--report", join(temporary, "report"));
  const [status] = (await once(demo, "close")) as [number];
  expect(printed.stderr).not.toContain(escape);
  expect(status, printed.stderr).toBe(0);
  const result = JSON.parse(printed.stdout) as Result & { readonly started: readonly number[] };
  expect(result).toMatchObject({ holds: true, outcome: "verified" });
  expect(result.requests.failed).toBeGreaterThan(0);
  expect(result.requests).toMatchObject({ failedAfter: 0 });
  expect(result.rows.lost).toBeGreaterThan(0);
  expect(result.rows.lost).toBeLessThanOrEqual(result.rows.announced);
  expect(result.rows.announced - result.rows.lost).toBeLessThanOrEqual(result.rows.unknown);
  expect(readFileSync(result.report, "utf8")).toContain("orders_fail");
  for (const command of ["check", "checkpoint --change v2", "watch --change v2", "history", "report"]) {
    expect(printed.stderr).toContain(`$ backout ${command}`);
  }
  expect(result.started.length).toBeGreaterThan(5);
  expect(result.started.filter(groupRuns)).toEqual([]);
  expect(leftRunning()).toEqual([]);
  expect(readdirSync(temporary)).toEqual(["report"]);
});

const moments = [
  "removed at the end",
  "$ backout checkpoint",
  "$ node deploy.mjs v2",
  "restarted",
  "executed by process",
];

test.each(moments)("Ctrl-C after “%s” leaves no process and no folder", async (moment) => {
  start();
  while (!printed.stdout.includes(moment)) {
    expect({ exitCode: demo.exitCode, printed }).toMatchObject({ exitCode: null });
    await sleep(20);
  }
  await sleep(100);
  expect(leftRunning().length).toBeGreaterThan(0);
  demo.kill("SIGINT");
  const [status] = (await once(demo, "close")) as [number];
  expect(status).toBe(130);
  expect(leftRunning()).toEqual([]);
  expect(readdirSync(temporary)).toEqual([]);
});

test("killed without a word, the demo takes the shop with it", async () => {
  start();
  while (!printed.stdout.includes("$ backout checkpoint")) await sleep(20);
  demo.kill("SIGKILL");
  await once(demo, "close");
  await expect.poll(leftRunning, { timeout: 15_000, interval: 200 }).toEqual([]);
});

test("--interactive without a terminal does not wait for ever", async () => {
  start("--interactive");
  await expect.poll(() => printed.stdout, { timeout: 15_000 }).toContain("$ backout checkpoint");
  demo.kill("SIGTERM");
  await once(demo, "close");
  expect(existsSync(temporary) && readdirSync(temporary)).toEqual([]);
});

test.each([
  [["--help"], 0, /^Usage: npm run demo/],
  [["--fast"], 2, /^demo: Unknown option '--fast'/],
])("%j ends with %i at once", async (args, status, text) => {
  start(...args);
  const [code] = (await once(demo, "close")) as [number];
  expect(code).toBe(status);
  expect(printed.stdout + printed.stderr).toMatch(text);
  expect(readdirSync(temporary)).toEqual([]);
});
