import { existsSync, readFileSync } from "node:fs";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { CapturedPart, StepContext, TargetDriver } from "../../src/core/driver.js";
import type { BackoutError } from "../../src/core/errors.js";
import type { Json, JsonObject } from "../../src/core/json.js";
import { check, signal, target } from "../../src/drivers/command/index.js";
import { describeCheck } from "../../src/drivers/testing/check-contract.js";
import { type Contexts, contextsFor, type Taken } from "../../src/drivers/testing/contexts.js";
import { describeSignal } from "../../src/drivers/testing/signal-contract.js";
import { describeTarget } from "../../src/drivers/testing/target-contract.js";
import { rejection } from "../../src/drivers/testing/target-faults.js";
import type { TargetFixture } from "../../src/drivers/testing/target-fixture.js";
import { localHost } from "../../src/platform/local-host.js";

const node = process.execPath;
const script = (code: string): string[] => [
  node,
  "-e",
  `const fs = require("fs"); const sleep = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms); ${code}`,
];

const good = "version 41\nlimit 10\n";
const bad = "version 42\nlimit 99\n";

const capture = script(`process.stdout.write(fs.readFileSync("live.txt"))`);
/** Not in one step, on purpose: half of it can be seen. */
const restore = script(`
  const text = fs.readFileSync(process.env.BACKOUT_CAPTURED, "utf8");
  fs.writeFileSync("live.txt", text.slice(0, 12)); sleep(30); fs.appendFileSync("live.txt", text.slice(12));`);
const settle = script(`
  const now = fs.readFileSync("live.txt", "utf8");
  process.exit(now === fs.readFileSync(process.env.BACKOUT_CAPTURED, "utf8") ? 0 : now === ${JSON.stringify(bad)} ? 10 : 11);`);
const prove = script(`
  const copy = process.env.BACKOUT_SCRATCH + "/copy";
  fs.copyFileSync(process.env.BACKOUT_CAPTURED, copy);
  process.exit(/^version \\d+\\n/.test(fs.readFileSync(copy, "utf8")) ? 0 : 1);`);
const verify = script(`process.exit(fs.readFileSync("live.txt", "utf8").includes("limit 10") ? 0 : 1)`);

async function fixture(more: JsonObject): Promise<TargetFixture> {
  const folder = await mkdtemp(join(tmpdir(), "backout-command-"));
  const live = join(folder, "live.txt");
  await writeFile(live, good);
  return {
    folder,
    options: { capture, restore, prove, verify, claims: ["file:live.txt"], ...more },
    break: () => writeFile(live, bad),
    isGood: async () => expect(await readFile(live, "utf8")).toBe(good),
    world: () => readFile(live, "utf8"),
    cleanUp: () => rm(folder, { recursive: true, force: true }),
  };
}

const faults = [
  {
    name: "tool missing",
    options: ({ options }: TargetFixture) => ({
      ...options,
      capture: ["no-such-tool"],
      restore: ["no-such-tool"],
    }),
    code: "TOOL_MISSING",
    says: /no-such-tool/,
    on: ["check", "capture", "observe", "apply"],
  },
  {
    name: "program may not be run",
    options: ({ options }: TargetFixture) => ({
      ...options,
      capture: ["./live.txt"],
      restore: ["./live.txt"],
    }),
    code: "DENIED",
    says: /live\.txt/,
    on: ["capture", "observe", "apply"],
  },
  {
    name: "working folder missing",
    options: ({ options }: TargetFixture) => ({
      ...options,
      capture: { run: capture, cwd: "gone" },
      restore: { run: restore, cwd: "gone" },
    }),
    code: "NOT_FOUND",
    says: /gone/,
    on: ["capture", "observe", "apply"],
  },
  {
    name: "H41 what is looked at is gone",
    options: ({ options }: TargetFixture) => ({
      ...options,
      capture: script(`console.error("server gone away"); process.exit(2)`),
    }),
    code: "COMMAND_FAILED",
    says: /subject\.(capture|observe): .*exit status 2: server gone away/,
    on: ["capture", "observe"],
  },
] as const;

const keeping = (from: string): string[] =>
  script(`
  const kept = (key) => "kept-" + key.replaceAll("/", "-");
  const to = kept(process.env.BACKOUT_KEY);
  const text = fs.readFileSync(${from}, "utf8");
  if (!fs.existsSync(to)) fs.copyFileSync("live.txt", to);
  fs.writeFileSync("live.txt", text.slice(0, 12)); sleep(30); fs.appendFileSync("live.txt", text.slice(12));`);

describeTarget(target, {
  driver: "command",
  name: "command, by identity",
  setUp: () =>
    fixture({
      idempotent: true,
      restore: keeping("process.env.BACKOUT_CAPTURED"),
      undo: keeping("kept(process.env.BACKOUT_UNDOES)"),
    }),
  kills: 4,
  faults,
});

describeTarget(target, {
  driver: "command",
  name: "command, by its settle program",
  setUp: () => fixture({ settle }),
  undo: false,
  kills: 4,
  faults: [],
});

/** A folder with a good world, and steps of a target in it. */
interface Scene {
  readonly folder: string;
  readonly contexts: Contexts;
  take(options: JsonObject): Promise<Taken>;
  apply(options: JsonObject, operation: string, taken: Taken, more?: Partial<StepContext>): Promise<unknown>;
  settle(options: JsonObject, operation: string, taken: Taken): ReturnType<TargetDriver["settle"]>;
}

const scenes: Scene[] = [];

async function scene(): Promise<Scene> {
  const folder = await mkdtemp(join(tmpdir(), "backout-command-"));
  await writeFile(join(folder, "live.txt"), good);
  const contexts = await contextsFor(folder);
  const job = (options: JsonObject, operation: string, { part }: Taken) => ({
    operation,
    input: {},
    options: target.options.parse(options) as Json,
    captured: part,
  });
  const made: Scene = {
    folder,
    contexts,
    take: (options) => contexts.take(target, target.options.parse(options) as Json),
    apply: async (options, operation, taken, more) =>
      target.apply(job(options, operation, taken), {
        ...(await contexts.step(taken, `run/${operation}`, 1)),
        ...more,
      }),
    settle: async (options, operation, taken) =>
      target.settle(job(options, operation, taken), await contexts.step(taken, `run/${operation}`, 1)),
  };
  scenes.push(made);
  return made;
}

afterAll(async () => {
  for (const { folder, contexts } of scenes) {
    await contexts.cleanUp();
    await rm(folder, { recursive: true, force: true });
  }
});

/** One that has ended but that nobody has asked about (Z) runs no more. */
const alive = (pid: number): boolean => {
  const status = existsSync(`/proc/${pid}/status`)
    ? readFileSync(`/proc/${pid}/status`, "utf8")
    : "State:\tZ";
  return !/^State:\tZ/m.test(status);
};

describe("a restore that does not end well", () => {
  const half = script(`
    const text = fs.readFileSync(process.env.BACKOUT_CAPTURED, "utf8");
    fs.writeFileSync("live.txt", text.slice(0, 12)); console.error("half-way");
    if (process.env.BACKOUT_ATTEMPT === "1") { process.kill(process.pid, "SIGKILL"); sleep(5000); }
    fs.appendFileSync("live.txt", text.slice(12));`);

  test("killed: the settle program says partly, and the next attempt ends it", async () => {
    const { take, apply, settle: settled, folder } = await scene();
    const options = { capture, restore: half, settle };
    const taken = await take(options);
    await writeFile(join(folder, "live.txt"), bad);
    expect((await settled(options, "restore", taken)).state).toBe("not-applied");
    const error = await rejection(() => apply(options, "restore", taken));
    expect(error).toMatchObject({ code: "COMMAND_FAILED", effect: "unknown" });
    expect(error.message).toMatch(/^".*" failed, .*ended by SIGKILL: half-way$/);
    expect((await settled(options, "restore", taken)).state).toBe("partial");
    await apply(options, "restore", taken, { attempt: 2 });
    expect(await readFile(join(folder, "live.txt"), "utf8")).toBe(good);
    expect((await settled(options, "restore", taken)).state).toBe("applied");
  });

  test("H17 killed, and may not be run twice: put to a person", async () => {
    const { take, apply, settle: settled, folder } = await scene();
    const options = { capture, restore: half };
    const taken = await take(options);
    await writeFile(join(folder, "live.txt"), bad);
    await rejection(() => apply(options, "restore", taken));
    expect((await settled(options, "restore", taken)).state).toBe("unknown");
    expect((await settled({ ...options, idempotent: true }, "restore", taken)).state).toBe("partial");
  });

  test.each([1, 9, 12, 255])("a settle program's exit status %d is unknown", async (status) => {
    const { take, settle: settled } = await scene();
    const options = { capture, restore, settle: script(`process.exit(${status})`), idempotent: true };
    expect((await settled(options, "restore", await take(options))).state).toBe("unknown");
  });

  test("a process tree that ignores SIGTERM is gone after the time-out", async () => {
    const { take, apply, folder } = await scene();
    const stubborn = `process.on("SIGTERM", () => {}); fs.appendFileSync("pids", process.pid + "\\n"); setInterval(() => {}, 1000);`;
    const tree = script(
      `require("child_process").spawn(process.execPath, ["-e", ${JSON.stringify(`const fs = require("fs"); ${stubborn}`)}], { stdio: "ignore" }); ${stubborn}`,
    );
    const options = { capture, restore: { run: tree, timeout: "1s" } };
    const taken = await take(options);
    await writeFile(join(folder, "live.txt"), bad);
    const error = await rejection(() => apply(options, "restore", taken));
    expect(error).toMatchObject({ code: "TIMEOUT", effect: "unknown" });
    expect(error.message).toContain("not finished within 1 s");
    const pids = (await readFile(join(folder, "pids"), "utf8")).trim().split("\n").map(Number);
    expect(pids).toHaveLength(2);
    expect(pids.filter(alive)).toEqual([]);
  });

  test("cancelled: the reason comes through", async () => {
    const { take, apply, folder } = await scene();
    const options = { capture, restore: script("setInterval(() => {}, 1000)") };
    const taken = await take(options);
    await writeFile(join(folder, "live.txt"), bad);
    const reason = new Error("cancelled by the operator");
    const controller = new AbortController();
    const running = apply(options, "restore", taken, { signal: controller.signal });
    setTimeout(() => controller.abort(reason), 300);
    await expect(running).rejects.toBe(reason);
  });

  test("H73 what capture and observe print is state, and stays out of log and messages", async () => {
    const { take, contexts } = await scene();
    const shout = script(`console.log("row of a customer"); console.error("dumping"); process.exit(1)`);
    const error = await rejection(() => take({ capture: shout, restore }));
    expect(error.message).toContain("exit status 1: dumping");
    expect(contexts.lines).toContain("dumping");
    expect([error.message, ...contexts.lines].join()).not.toContain("row of a customer");
  });

  test("its output is kept, the last 200 lines of it", async () => {
    const { take, apply, folder, contexts } = await scene();
    const options = {
      capture,
      restore: script(`for (let n = 1; n <= 1000; n++) console.log("line " + n); process.exitCode = 4`),
    };
    const taken = await take(options);
    await writeFile(join(folder, "live.txt"), bad);
    const logged: string[] = [];
    const error = await rejection(() =>
      apply(options, "restore", taken, { log: (line) => logged.push(line) }),
    );
    expect(error.message).toContain("exit status 4: line 998 | line 999 | line 1000");
    expect(logged[0]).toBe("(800 earlier lines of output left out)");
    expect(logged.slice(1)).toEqual(Array.from({ length: 200 }, (_, n) => `line ${801 + n}`));
    expect(contexts.lines).toContain("line 1");
  });

  test("H64 a target too broken to be observed is restored all the same", async () => {
    const { take, apply, folder } = await scene();
    const options = { capture, restore };
    const taken = await take(options);
    await rm(join(folder, "live.txt"));
    expect(await apply(options, "restore", taken)).toMatchObject({ changed: true });
    expect(await readFile(join(folder, "live.txt"), "utf8")).toBe(good);
  });
});

describe("what is captured", () => {
  const anything = script(`process.stdout.write("x")`);
  const print = (code: string): JsonObject => ({ capture: script(code), restore: anything });

  test.each<[name: string, options: JsonObject, says: RegExp]>([
    ["more than fits", print(`process.stdout.write("x".repeat(600 * 1024))`), /more than 512 KiB/],
    ["far more than fits", print(`process.stdout.write("x".repeat(3 << 20))`), /more than 512 KiB/],
    ["no text", print(`process.stdout.write(Buffer.from([0, 255, 254]))`), /not UTF-8/],
    ["H73 a secret, which redaction has taken out", print(`process.stdout.write("a hunter2 b")`), /a secret/],
    ["nothing", print(""), /printed nothing/],
    [
      "a file without a look at the state",
      print(`fs.writeFileSync(process.env.BACKOUT_ARTIFACT, "x")`),
      /observe: missing/,
    ],
    [
      "what changes meanwhile",
      {
        ...print(`fs.appendFileSync("live.txt", "more"); console.log(1)`),
        observe: capture,
      },
      /changed while/,
    ],
  ])("refused: %s", async (_name, options, says) => {
    const { contexts, folder } = await scene();
    const host = localHost({ baseDir: folder, redact: (text) => text.replaceAll("hunter2", "***") });
    const error = await rejection(() => contexts.take(target, target.options.parse(options) as Json, host));
    expect(error.message).toMatch(says);
    expect(error.effect).toBe("none");
    expect(error.hint).toBeTruthy();
  });

  test("a file of any bytes comes back as it was", async () => {
    const { take, apply, folder } = await scene();
    const bytes = Buffer.from([0, 255, 254, 42, 42, 42, 10]);
    await writeFile(join(folder, "live.txt"), bytes);
    const options = {
      capture: script(`fs.copyFileSync("live.txt", process.env.BACKOUT_ARTIFACT)`),
      observe: script(
        `console.log(require("crypto").createHash("sha256").update(fs.readFileSync("live.txt")).digest("hex"))`,
      ),
      restore: script(`fs.copyFileSync(process.env.BACKOUT_CAPTURED, "live.txt")`),
    };
    const taken = await take(options);
    await writeFile(join(folder, "live.txt"), bad);
    expect(await apply(options, "restore", taken)).toMatchObject({ changed: true });
    expect(await readFile(join(folder, "live.txt"))).toEqual(bytes);
    expect(await apply(options, "restore", taken)).toEqual({
      summary: "already as captured",
      changed: false,
    });
  });

  test("a failed prove program fails the proof", async () => {
    const { take, contexts } = await scene();
    const options = { capture, restore, prove: script(`console.error("2 rows missing"); process.exit(1)`) };
    const taken = await take(options);
    const proof = await target.prove?.(
      taken.part,
      target.options.parse(options),
      await contexts.prove(taken),
    );
    expect(proof?.level).toBe("readable");
    expect(proof?.checks.at(-1)).toMatchObject({
      result: "failed",
      message: "exit status 1: 2 rows missing",
    });
  });
});

describe("a target that is only stopped and started", () => {
  const count = (what: string): string[] =>
    script(
      `fs.appendFileSync("calls", "${what} " + process.env.BACKOUT_KEY + " " + process.env.BACKOUT_ATTEMPT + "\\n")`,
    );
  const options = { stop: count("stop"), start: count("start"), restart: count("restart") };

  test("each operation runs its program, with key and attempt", async () => {
    const { take, apply, folder } = await scene();
    const taken = await take(options);
    for (const operation of ["stop", "start", "restart"]) await apply(options, operation, taken);
    const calls = await readFile(join(folder, "calls"), "utf8");
    expect(calls).toBe("stop run/stop 1\nstart run/start 1\nrestart run/restart 1\n");
  });

  test("asked again, the settle program spares the second run", async () => {
    const { take, apply, folder } = await scene();
    const asked = { ...options, settle: script(`process.exit(fs.existsSync("calls") ? 0 : 10)`) };
    const taken = await take(asked);
    expect(await apply(asked, "restart", taken, { attempt: 2 })).toMatchObject({ changed: true });
    expect(await apply(asked, "restart", taken, { attempt: 3 })).toMatchObject({ changed: false });
    expect(await readFile(join(folder, "calls"), "utf8")).toBe("restart run/restart 2\n");
  });

  test("an operation that the playbook no longer has is refused", async () => {
    const { take, apply } = await scene();
    const error: BackoutError = await rejection(async () => apply(options, "restore", await take(options)));
    expect(error).toMatchObject({ code: "REFUSED", effect: "none" });
  });
});

test("check finds programs and folders, and what is missing", async () => {
  const { contexts, folder } = await scene();
  await writeFile(join(folder, "tool.sh"), "#!/bin/sh\n");
  await chmod(join(folder, "tool.sh"), 0o755);
  const options = target.options.parse({
    capture: ["cat", "live.txt"],
    restore: ["./tool.sh"],
    verify: ["./live.txt"],
    prove: ["no-such-tool"],
    observe: { run: ["cat"], cwd: "gone" },
    settle: { run: ["tool.sh"], env: { PATH: "." } },
  });
  const problems = (await target.check?.(options, contexts.plain())) ?? [];
  expect(problems.map(({ path, severity }) => `${severity} ${path}`).sort()).toEqual([
    "error subject.observe.cwd",
    "error subject.prove.run",
    "error subject.verify.run",
  ]);
});

test("claims of files are whole paths", () => {
  const options = target.options.parse({ restore: ["x"], claims: ["file:data/app.db", "queue:mails"] });
  expect(target.claims?.(options, (path) => `/srv/${path}`)).toEqual([
    "file:/srv/data/app.db",
    "queue:mails",
  ]);
});

test("a target without identity is verified by its program alone", async () => {
  const { contexts, take } = await scene();
  const raw = { restore: ["x"], verify };
  const { part }: { part: CapturedPart } = await take(raw);
  const checks = await target.verify?.(part, target.options.parse(raw), contexts.plain());
  expect(checks).toEqual([{ name: "verify program", result: "passed" }]);
});

async function folderOnly() {
  const folder = await mkdtemp(join(tmpdir(), "backout-command-"));
  await writeFile(join(folder, "depth.json"), '{"queue":{"depth":17}}');
  return {
    folder,
    options: { program: ["cat", "depth.json"], value: { json: "/queue/depth" } } satisfies JsonObject,
    cleanUp: () => rm(folder, { recursive: true, force: true }),
  };
}

describeSignal(signal, {
  driver: "command",
  setUp: folderOnly,
  expect: (reading) => expect(reading).toEqual({ value: 17 }),
  faults: [
    {
      name: "tool missing",
      options: () => ({ program: ["no-such-tool"] }),
      code: "TOOL_MISSING",
      says: /no-such-tool/,
    },
    {
      name: "H41 a failed program that printed a number",
      options: () => ({ program: script("console.log(0); process.exit(1)") }),
      code: "COMMAND_FAILED",
      says: /subject\.program: .*exit status 1$/,
    },
    {
      name: "too slow",
      options: () => ({ program: { run: ["sleep", "30"], timeout: "200ms" } }),
      code: "TIMEOUT",
      says: /not finished within 0\.2 s/,
    },
    {
      name: "too slow for its exit status",
      options: () => ({ program: { run: ["sleep", "30"], timeout: "200ms" }, value: "exit" }),
      code: "COMMAND_FAILED",
      says: /could not measure.*not finished/,
    },
    {
      name: "NaN",
      options: () => ({ program: ["echo", "NaN"] }),
      code: "COMMAND_FAILED",
      says: /could not measure, the output "NaN" is not a number/,
    },
    {
      name: "nothing there",
      options: () => ({ program: ["cat", "depth.json"], value: { json: "/queue/length" } }),
      code: "COMMAND_FAILED",
      says: /nothing at "\/queue\/length"/,
    },
  ],
});

describe("signal values", () => {
  let contexts: Contexts;
  let folder: string;
  beforeAll(async () => {
    ({ contexts, folder } = await scene());
  });
  test.each<[options: JsonObject, value: number]>([
    [{ program: ["echo", "0.25"] }, 0.25],
    [{ program: { run: script("console.log(7); process.exit(3)"), exit: [3] } }, 7],
    [{ program: script("process.exit(5)"), value: "exit" }, 5],
    [{ program: { run: ["cat"], input: "12" }, unit: "ms" }, 12],
  ])("%j", async (options, value) => {
    expect(folder).toBeTruthy();
    const reading = await signal.read(signal.options.parse(options), contexts.plain());
    expect(reading.value).toBe(value);
    expect(reading.unit).toBe(options["unit"]);
  });
});

describeCheck(check, {
  driver: "command",
  setUp: async () => ({
    ...(await folderOnly()),
    options: { program: ["cat", "depth.json"], output: { contains: "depth", matches: '"depth":\\d+' } },
  }),
  failures: [
    {
      name: "exit status",
      options: () => ({ program: script(`console.error("index missing"); process.exit(3)`) }),
      says: /exit status 3.*index missing/,
    },
    {
      name: "H42 an answer that exits 0 but says something else",
      options: () => ({ program: ["echo", "NOAUTH Authentication required"], output: { matches: "^PONG$" } }),
      says: /NOAUTH/,
    },
    {
      name: "text missing",
      options: () => ({ program: ["cat", "depth.json"], output: { contains: "width" } }),
      says: /width/,
    },
  ],
  faults: [
    { name: "tool missing", options: () => ({ program: ["no-such-tool"] }), says: /no-such-tool/ },
    {
      name: "too slow",
      options: () => ({ program: { run: ["sleep", "30"], timeout: "200ms" } }),
      says: /not finished within 0\.2 s/,
    },
    {
      name: "ended from outside",
      options: () => ({ program: script(`process.kill(process.pid, "SIGKILL"); sleep(5000)`) }),
      says: /ended by SIGKILL/,
    },
  ],
});

test("a check's pattern must be a regular expression", () => {
  const options = { program: ["x"], output: { matches: "(" } };
  expect(check.options.safeParse(options).error?.issues[0]?.message).toBe("not a regular expression");
});
