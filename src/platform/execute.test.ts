import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as after } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Command } from "../core/ports.js";
import { execute } from "./execute.js";
import { endAllGroups, endOrphanedGroup } from "./process-groups.js";
import { localProcesses, processExists } from "./process-identity.js";
import { redactor } from "./redactor.js";

let baseDir: string;
beforeAll(async () => {
  baseDir = await mkdtemp(join(tmpdir(), "backout-execute-"));
});
afterAll(() => rm(baseDir, { recursive: true, force: true }));

const hidden = redactor();
hidden.add("s3cret-token");
const run = (command: Command) => execute(command, { baseDir, redact: hidden.redact });
const script = (source: string, more: Partial<Command> = {}) => run({ argv: ["sh", "-c", source], ...more });

async function eventually(holds: () => boolean): Promise<boolean> {
  for (const end = performance.now() + 3_000; performance.now() < end; await after(20))
    if (holds()) return true;
  return holds();
}

const alive = (pid: number) => localProcesses.identify(pid) !== undefined;

describe("execute", () => {
  test("gives exit status and output as they came, whatever the status", async () => {
    const result = await script("printf 'out\\n'; printf err >&2; exit 3");
    expect(result).toMatchObject({
      exitCode: 3,
      signal: undefined,
      timedOut: false,
      stdout: "out\n",
      stderr: "err",
    });
    expect(result.ms).toBeGreaterThan(0);
  });

  test("names the signal that ended the program", async () => {
    expect(await script("kill -9 $$")).toMatchObject({ exitCode: undefined, signal: "SIGKILL" });
  });

  test("hands arguments over untouched: no shell reads them", async () => {
    const odd = ["$(id)", "a b", "'", '"', "*", ";", "", "ä\n"];
    const result = await run({
      argv: [process.execPath, "-e", "console.log(JSON.stringify(process.argv.slice(1)))", "--", ...odd],
    });
    expect(JSON.parse(result.stdout)).toEqual(odd);
  });

  test("input, environment and working folder", async () => {
    const result = await script('cat; printf "%s|%s|" "$ADDED" "${HOME-unset}"; pwd -P', {
      input: "given;",
      env: { ADDED: "1", HOME: undefined },
      cwd: "/",
    });
    expect(result.stdout).toBe("given;1|unset|/\n");
  });

  test("input that the program does not read is no failure", async () => {
    const result = await run({ argv: ["true"], input: new Uint8Array(2 ** 20) });
    expect(result.exitCode).toBe(0);
  });

  test("binary output is taken as UTF-8 with losses, never an error", async () => {
    expect((await script("printf 'a\\377\\000b'")).stdout).toBe("a\uFFFD\0b");
  });

  test("keeps only the end of long output, without the half of a secret", async () => {
    const source = `process.stdout.write("s3cret-token".repeat(200_000) + "end")`;
    const { stdout } = await run({ argv: [process.execPath, "-e", source] });
    expect(stdout.endsWith("end")).toBe(true);
    expect(stdout.length).toBeLessThanOrEqual(2 ** 20);
    expect(stdout).toMatch(/^\*+end$/);
    const long = `process.stdout.write("x".repeat(5_000_000) + "end")`;
    const bounded = await run({ argv: [process.execPath, "-e", long] });
    expect(bounded.stdout).toMatch(/^x+end$/);
    expect(bounded.stdout.length).toBeGreaterThan(1_000_000);
    expect(bounded.stdout.length).toBeLessThanOrEqual(2 ** 20);
  });

  test("H73 redacts output, lines and the arguments it reports", async () => {
    const lines: string[] = [];
    const result = await run({
      argv: ["sh", "-c", "echo s3cret-token; printf 'two\\r\\nthree'; echo bad >&2", "s3cret-token"],
      onLine: (line, stream) => lines.push(`${stream}:${line}`),
    });
    expect(result.stdout).toBe("***\ntwo\r\nthree");
    expect(result.argv.at(-1)).toBe("***");
    expect(lines.filter((line) => line.startsWith("stdout"))).toEqual([
      "stdout:***",
      "stdout:two",
      "stdout:three",
    ]);
    expect(lines).toContain("stderr:bad");
  });
});

describe("execute: what cannot be started", () => {
  test("tool missing", async () => {
    const error = {
      code: "TOOL_MISSING",
      effect: "none",
      hint: expect.stringContaining("install no-such-tool"),
    };
    await expect(run({ argv: ["no-such-tool"] })).rejects.toMatchObject(error);
  });

  test("interpreter missing is another fact than tool missing", async () => {
    await writeFile(join(baseDir, "odd"), "#!/no/such/interpreter\n", { mode: 0o755 });
    await expect(run({ argv: ["./odd"] })).rejects.toMatchObject({
      code: "TOOL_MISSING",
      message: expect.stringContaining("interpreter"),
    });
  });

  test("not executable", async () => {
    await writeFile(join(baseDir, "plain"), "x", { mode: 0o644 });
    await expect(run({ argv: ["./plain"] })).rejects.toMatchObject({ code: "DENIED", effect: "none" });
  });

  test("working folder missing is not taken for a missing tool", async () => {
    await expect(run({ argv: ["true"], cwd: "gone" })).rejects.toMatchObject({
      code: "NOT_FOUND",
      effect: "none",
      message: expect.stringContaining(join(baseDir, "gone")),
    });
  });

  test("aborted before the start: nothing is started", async () => {
    const reason = new Error("cancelled");
    const started: number[] = [];
    const command: Command = {
      argv: ["true"],
      signal: AbortSignal.abort(reason),
      onStart: (pid) => started.push(pid),
    };
    await expect(run(command)).rejects.toBe(reason);
    expect(started).toEqual([]);
  });
});

/** Writes the numbers of its two children to a file, then waits for them. */
async function family(name: string, prelude = "") {
  const file = join(baseDir, name);
  const source = `${prelude} sleep 300 & echo $! > ${name}.1; sleep 300 & echo $! > ${name}.2; wait`;
  const pids = async () => {
    const read = async (n: number) => Number(await readFile(`${file}.${n}`, "utf8").catch(() => "0"));
    for (;;) {
      const found = await Promise.all([read(1), read(2)]);
      if (found.every((pid) => pid > 0)) return found;
      await after(10);
    }
  };
  return { source, pids };
}

describe("execute: the whole process group ends", () => {
  test("on time-out, grandchildren too", async () => {
    const { source, pids } = await family("timeout");
    const result = await script(source, { timeoutMs: 300 });
    expect(result).toMatchObject({ timedOut: true, signal: "SIGTERM" });
    expect(result.ms).toBeLessThan(5_000);
    for (const pid of await pids()) expect(alive(pid)).toBe(false);
  });

  test("by SIGKILL where SIGTERM is ignored", async () => {
    const { source, pids } = await family("stubborn", "trap '' TERM;");
    const result = await script(source, { timeoutMs: 300 });
    expect(result).toMatchObject({ timedOut: true, signal: "SIGKILL" });
    expect(result.ms).toBeGreaterThan(5_000);
    for (const pid of await pids()) expect(alive(pid)).toBe(false);
  });

  test("on abort, which rejects with its reason once all are gone", async () => {
    const { source, pids } = await family("abort");
    const controller = new AbortController();
    const reason = new Error("cancelled by alice");
    const running = script(source, { signal: controller.signal });
    const family_ = await pids();
    controller.abort(reason);
    await expect(running).rejects.toBe(reason);
    for (const pid of family_) expect(alive(pid)).toBe(false);
  });

  test("on endAllGroups", async () => {
    const { source, pids } = await family("all");
    let leader = 0;
    const running = script(source, { onStart: (pid) => (leader = pid) });
    const children = await pids();
    await endAllGroups();
    expect((await running).signal).toBe("SIGTERM");
    for (const pid of [leader, ...children]) expect(alive(pid)).toBe(false);
  });

  test("of a dead backout: only while it is the same process", async () => {
    const { source, pids } = await family("orphan");
    let leader = 0;
    const running = script(source, { onStart: (pid) => (leader = pid) });
    const children = await pids();
    const identity = localProcesses.identify(leader);
    if (identity === undefined) throw new Error("not running");
    expect(await endOrphanedGroup({ ...identity, started: `${identity.started}0` })).toBe(false);
    expect(await endOrphanedGroup({ ...identity, host: "elsewhere" })).toBe(false);
    expect(children.every(alive)).toBe(true);
    expect(await endOrphanedGroup(identity)).toBe(true);
    for (const pid of children) expect(alive(pid)).toBe(false);
    await running;
    expect(await endOrphanedGroup(identity)).toBe(false);
  });

  test("a daemon that keeps stdout open after a normal end neither hangs the call nor is ended", async () => {
    const begun = performance.now();
    const result = await script("sleep 300 & echo $!");
    const daemon = Number(result.stdout);
    try {
      expect(result.exitCode).toBe(0);
      expect(performance.now() - begun).toBeLessThan(4_000);
      expect(alive(daemon)).toBe(true);
    } finally {
      process.kill(daemon, "SIGKILL");
    }
    expect(await eventually(() => !alive(daemon))).toBe(true);
  });

  test("a program with a time-out that ends in time is left alone", async () => {
    const { exitCode, timedOut } = await script("exit 0", { timeoutMs: 60_000 });
    expect({ exitCode, timedOut }).toEqual({ exitCode: 0, timedOut: false });
    expect(processExists(process.pid)).toBe(true);
  });
});
