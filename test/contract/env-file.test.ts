import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmod, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Json } from "../../src/core/json.js";
import { target } from "../../src/drivers/env-file/index.js";
import { describeTarget } from "../../src/drivers/testing/target-contract.js";
import { rejection } from "../../src/drivers/testing/target-faults.js";
import type { TargetFixture } from "../../src/drivers/testing/target-fixture.js";
import { type TargetSession, targetSession } from "../../src/drivers/testing/target-session.js";

const oldSecret = "postgres://app:hunter2-old@db/app";
const newSecret = "postgres://app:hunter2-new@db/app";
const good = `# production\nDATABASE_URL=${oldSecret}\nWORKERS=4\nLIMIT=10\n`;
const bad = `# production\nDATABASE_URL=${newSecret}\nNEW_FLAG=on-by-mistake\nLIMIT=50\n`;

/** A process manager in small: ends the process of the pid file, starts another one with the file's variables. */
const manager = `import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
const [file, keepOld] = process.argv.slice(2);
let old = {};
try {
  const pid = Number(readFileSync("app.pid", "utf8"));
  for (const entry of readFileSync("/proc/" + pid + "/environ", "utf8").split("\\0")) {
    const at = entry.indexOf("=");
    if (at > 0) old[entry.slice(0, at)] = entry.slice(at + 1);
  }
  process.kill(pid, "SIGKILL");
} catch {}
const lines = readFileSync(file, "utf8").split("\\n").filter((line) => /^\\w+=/.test(line));
const env = keepOld ? old : Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]));
if (keepOld === "fail") { process.stderr.write("cannot start with " + Object.values(old).join(" ") + "\\n"); process.exit(3); }
const child = spawn("/bin/sleep", ["100000"], { detached: true, stdio: "ignore", env });
writeFileSync("app.pid", String(child.pid));
child.unref();
`;

interface EnvFixture extends TargetFixture {
  readonly file: string;
  pid(): Promise<number>;
  roll(): void;
}

const environOf = async (pid: number): Promise<string> => readFile(`/proc/${pid}/environ`, "utf8");

async function withProcess(): Promise<EnvFixture> {
  const folder = await mkdtemp(join(tmpdir(), "backout-env-"));
  const file = join(folder, ".env");
  await writeFile(join(folder, "manager.mjs"), manager);
  await writeFile(file, good, { mode: 0o640 });
  const roll = (): void => {
    const { status } = spawnSync(process.execPath, ["manager.mjs", ".env"], { cwd: folder });
    expect(status).toBe(0);
  };
  const pid = async (): Promise<number> => Number(await readFile(join(folder, "app.pid"), "utf8"));
  roll();
  return {
    folder,
    file,
    pid,
    roll,
    options: {
      file: ".env",
      restart: { command: [process.execPath, "manager.mjs", ".env"], timeout: "10s" },
      process: { pidFile: "app.pid" },
    },
    secrets: [oldSecret, newSecret, "hunter2", "on-by-mistake"],
    break: async () => {
      await writeFile(file, bad);
      await chmod(file, 0o644);
      roll();
    },
    isGood: async () => {
      expect(await readFile(file, "utf8")).toBe(good);
      expect((await stat(file)).mode & 0o777).toBe(0o640);
      const variables = (await environOf(await pid())).split("\0");
      expect(variables).toContain(`DATABASE_URL=${oldSecret}`);
      expect(variables.join()).not.toContain("NEW_FLAG");
    },
    world: async () => {
      const bytes = await readFile(file, "utf8").catch(() => "no plain file");
      const running = await pid();
      const parts = [
        bytes,
        await stat(file).then(
          ({ mode }) => mode,
          () => 0,
        ),
        running,
        await environOf(running),
      ];
      return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
    },
    likeness: async () =>
      JSON.stringify([await readFile(file, "utf8"), (await stat(file)).mode, await environOf(await pid())]),
    cleanUp: async () => {
      process.kill(await pid(), "SIGKILL");
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const movedAway = async ({ file }: { file: string }, replace: () => Promise<unknown>) => {
  await rename(file, `${file}.aside`);
  await replace();
  return async () => {
    await rm(file, { recursive: true, force: true });
    await rename(`${file}.aside`, file);
  };
};

describeTarget<EnvFixture>(target, {
  driver: "env-file",
  name: "env-file, encrypted, with its process",
  setUp: withProcess,
  kills: 6,
  faults: [
    {
      name: "file missing",
      arrange: (fixture) => movedAway(fixture, async () => undefined),
      on: ["check", "capture", "apply"],
      code: ["NOT_FOUND", "CONFLICT"],
      says: /\.env: (does not exist|was changed after the plan)/,
    },
    {
      name: "somebody else changed the file after the plan",
      arrange: (fixture) => movedAway(fixture, () => writeFile(fixture.file, "DATABASE_URL=third\n")),
      on: ["apply"],
      code: "CONFLICT",
      says: /\.env: was changed after the plan was made/,
    },
    {
      name: "restart program missing",
      options: (fixture) => ({ ...fixture.options, restart: { command: ["/nonexistent/pm2", "restart"] } }),
      on: ["check"],
      code: "TOOL_MISSING",
      says: /\/nonexistent\/pm2: does not exist/,
    },
  ],
});

interface ReferenceFixture extends TargetFixture {
  readonly file: string;
  readonly copy: string;
}

async function withReference(): Promise<ReferenceFixture> {
  const folder = await mkdtemp(join(tmpdir(), "backout-env-"));
  const [file, copy] = [join(folder, ".env"), join(folder, "team-copy")];
  await writeFile(file, good, { mode: 0o600 });
  await writeFile(copy, good, { mode: 0o600 });
  return {
    folder,
    file,
    copy,
    options: { file: ".env", capture: "reference", reference: "team-copy" },
    secrets: ["hunter2"],
    break: () => writeFile(file, bad),
    isGood: async () => expect(await readFile(file, "utf8")).toBe(good),
    world: async () =>
      createHash("sha256")
        .update(await readFile(file))
        .digest("hex"),
    cleanUp: () => rm(folder, { recursive: true, force: true }),
  };
}

describeTarget<ReferenceFixture>(target, {
  driver: "env-file",
  name: "env-file, reference",
  setUp: withReference,
  artifacts: false,
  kills: 4,
  faults: [
    {
      name: "the team's copy was altered",
      arrange: async ({ copy }) => {
        await writeFile(copy, "DATABASE_URL=other\n");
        return () => writeFile(copy, good);
      },
      on: ["check", "capture", "apply"],
      code: ["REFUSED", "ARTIFACT_ALTERED"],
      says: /team-copy/,
    },
    {
      name: "the team's copy is gone",
      arrange: async ({ copy }) => {
        await rename(copy, `${copy}.aside`);
        return () => rename(`${copy}.aside`, copy);
      },
      on: ["check", "capture", "apply"],
      code: ["REFUSED", "NOT_FOUND"],
      says: /team-copy/,
    },
  ],
});

describe("env-file, by itself", () => {
  let session: TargetSession<EnvFixture>;
  beforeAll(async () => {
    session = await targetSession(target, { driver: "env-file", setUp: withProcess, faults: [] });
  });
  afterAll(() => session.cleanUp());

  const plan = async (intent: { restore?: boolean; restart?: boolean; keep?: string[] }) =>
    target.plan({
      captured: session.taken.part,
      restoreMs: undefined,
      observed: await session.observe(),
      options: session.resolved,
      intent: { restore: true, quiesce: false, restart: false, keep: [], ...intent },
    });
  const withManager = (mode: string): Json =>
    session.parse({
      ...session.fixture.options,
      restart: { command: [process.execPath, "manager.mjs", ".env", mode], timeout: "1s" },
    });

  test("Z11 the plan names what changes and hides the values", async () => {
    await session.fixture.break();
    const changes = (await plan({})).flatMap(({ impact }) => impact?.changes ?? []);
    expect(changes.slice(0, 4)).toEqual([
      { what: "DATABASE_URL", before: "(hidden)", after: "changed (hidden)" },
      { what: "LIMIT", before: "(hidden)", after: "changed (hidden)" },
      { what: "NEW_FLAG", before: "(hidden)", after: "removed" },
      { what: "WORKERS", before: "not set", after: "set (hidden)" },
    ]);
    expect((await session.observe()).summary).toContain("DATABASE_URL: changed (hidden)");
    await session.bringBack("named");
  });

  test("H73 what is replaced is kept beside, for its owner's eyes only", async () => {
    await session.fixture.break();
    await session.bringBack("run-kept");
    const copy = `${session.fixture.file}.replaced-run-kept`;
    expect(await readFile(copy, "utf8")).toBe(bad);
    expect((await stat(copy)).mode & 0o777).toBe(0o600);
  });

  test("H51 a restart that keeps the old environment is no success", async () => {
    await session.fixture.break();
    const steps = await session.steps();
    for (const step of steps.slice(0, 2)) await session.apply(step, "old");
    const restart = steps[2];
    if (restart === undefined) throw new Error("no restart was planned");
    const error = await rejection(() =>
      session.apply(restart, "old", 1, { options: withManager("keep-old") }),
    );
    expect(error.code).toBe("TIMEOUT");
    expect(error.message).toMatch(/DATABASE_URL differs \(hidden\).*NEW_FLAG differs \(hidden\)/);
    expect(error.message).not.toContain("hunter2");
    const checks = await session.verify();
    expect(checks.filter(({ result }) => result === "failed").map(({ message }) => message)).toEqual([
      expect.stringContaining("DATABASE_URL: differs (hidden)"),
    ]);
    expect((await session.steps()).map(({ operation }) => operation)).toEqual(["restart"]);
    await session.bringBack("old");
  });

  test("H73 a restart program that prints its environment while it fails is not quoted with it", async () => {
    const [restart] = await plan({ restore: false, restart: true });
    if (restart === undefined) throw new Error("no restart was planned");
    const error = await rejection(() => session.apply(restart, "loud", 1, { options: withManager("fail") }));
    expect(error.code).toBe("COMMAND_FAILED");
    expect(error.message).toContain("cannot start with (hidden)");
    expect(error.message).not.toContain("hunter2");
    session.fixture.roll();
  });

  test("restarted for what lies below it, the process is another one though the file is the same", async () => {
    const before = await session.fixture.pid();
    const steps = await plan({ restore: false, restart: true });
    expect(steps.map(({ operation }) => operation)).toEqual(["restart"]);
    for (const step of steps) expect((await session.apply(step, "below")).changed).toBe(true);
    expect(await session.fixture.pid()).not.toBe(before);
    await session.fixture.isGood();
  });

  test("M15 a kept variable survives, verify knows it, and a second plan is empty", async () => {
    await session.fixture.break();
    for (const step of await plan({ keep: ["LIMIT"] })) await session.apply(step, "keep");
    expect(await readFile(session.fixture.file, "utf8")).toBe(good.replace("LIMIT=10", "LIMIT=50"));
    const context = { ...(await session.contexts.prove(session.taken)), keep: ["LIMIT"] };
    const checks = await target.verify?.(session.taken.part, session.resolved, context);
    expect(checks?.map(({ result }) => result)).toEqual(["passed", "passed"]);
    expect(await plan({ keep: ["LIMIT"] })).toEqual([]);
    await session.bringBack("no longer kept");
  });

  test("check names line, mode and encoding, never a value", async () => {
    await writeFile(session.fixture.file, "\uFEFFA=hunter2\r\nhunter2\nA=2\n");
    await chmod(session.fixture.file, 0o644);
    const problems = (await target.check?.(session.resolved, session.contexts.plain())) ?? [];
    const said = problems.map(({ message }) => message).join("\n");
    for (const part of [
      '"0644"',
      "byte order mark",
      "CRLF",
      "line 2 is neither",
      '"A" was already set in line 1',
    ])
      expect(said).toContain(part);
    expect(said).not.toContain("hunter2");
    await session.bringBack("after check");
  });

  test("init finds environment files, and no samples of them", async () => {
    await writeFile(join(session.fixture.folder, ".env.production"), "A=1\n");
    await writeFile(join(session.fixture.folder, ".env.example"), "A=\n");
    const found = (await target.discover?.(session.contexts.plain())) ?? [];
    const files = found.map((one) => one.with["file"]);
    expect(files).toContain(".env");
    expect(files).toContain(".env.production");
    expect(files).not.toContain(".env.example");
    expect(await readdir(session.fixture.folder)).toContain(".env.example");
  });
});
