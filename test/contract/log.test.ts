import {
  appendFile,
  chmod,
  mkdir,
  mkdtemp,
  rename,
  rm,
  symlink,
  truncate,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { SignalContext } from "../../src/core/driver.js";
import type { JsonObject } from "../../src/core/json.js";
import { check, signal } from "../../src/drivers/log/index.js";
import { describeCheck } from "../../src/drivers/testing/check-contract.js";
import { type Contexts, contextsFor } from "../../src/drivers/testing/contexts.js";
import type { ReadingFixture } from "../../src/drivers/testing/reading-fixture.js";
import { describeSignal } from "../../src/drivers/testing/signal-contract.js";
import { rejection } from "../../src/drivers/testing/target-faults.js";

const ago = (seconds: number): string => new Date(Date.now() - seconds * 1_000).toISOString();

async function logged(options: JsonObject): Promise<ReadingFixture> {
  const folder = await mkdtemp(join(tmpdir(), "backout-log-"));
  const lines = [
    `${ago(900)} level=error an old one`,
    `${ago(120)} level=info started`,
    `${ago(110)} level=error no database`,
    "    at connect (db.js:12) level=error",
    `${ago(100)} level=error client gone`,
    `${ago(90)} level=info recovered`,
  ];
  await writeFile(join(folder, "app.log"), `${lines.join("\n")}\n`);
  await writeFile(join(folder, "plain.log"), "no time in here\nerror\n");
  await writeFile(join(folder, "old.log"), `${ago(4_000)} level=info the last that was written\n`);
  await writeFile(join(folder, "empty.log"), "");
  await mkdir(join(folder, "folder.log"));
  return { folder, options, cleanUp: () => rm(folder, { recursive: true, force: true }) };
}

const counted = { path: "app.log", pattern: "level=error", except: "client gone", over: "10m", time: "line" };
const of = (more: JsonObject) => ({ options: () => ({ ...counted, ...more }) });

describeSignal<ReadingFixture>(signal, {
  driver: "log",
  setUp: () => logged(counted),
  expect: (reading) => expect(reading).toEqual({ value: 0.2, unit: "lines/min" }),
  faults: [
    { name: "H41 missing", ...of({ path: "gone.log" }), code: "NOT_FOUND", says: /gone\.log/ },
    {
      name: "H41 missing, followed",
      ...of({ path: "gone.log", time: "arrival" }),
      code: "NOT_FOUND",
      says: /gone\.log/,
    },
    {
      name: "a folder",
      ...of({ path: "folder.log" }),
      code: "CONFLICT",
      says: /is a directory, not a plain file/,
    },
    {
      name: "lines without a time",
      ...of({ path: "plain.log" }),
      code: "CONFLICT",
      says: /no line of plain\.log has a time/,
    },
    {
      name: "not followed for long enough",
      ...of({ time: "arrival" }),
      code: "CONFLICT",
      says: /could not measure yet, app\.log is followed for 0 s of the 600 s/,
    },
  ],
});

describeCheck<ReadingFixture>(check, {
  driver: "log",
  setUp: () => logged({ path: "app.log", pattern: "level=fatal", over: "10m" }),
  failures: [
    {
      name: "W07 error lines in the last minutes",
      options: () => ({ path: "app.log", pattern: "level=error", over: "10m", atMost: 2 }),
      says: /"at most 2 in 10 min","3 of 5 lines".*no database.*client gone/,
    },
  ],
  faults: [
    { name: "H41 missing", options: () => ({ path: "gone.log", pattern: "x" }), says: /gone\.log/ },
    {
      name: "H41 no line in that time",
      options: () => ({ path: "old.log", pattern: "x" }),
      says: /nothing was written to it in 5 min/,
    },
    { name: "H41 empty", options: () => ({ path: "empty.log", pattern: "x" }), says: /nothing was written/ },
    {
      name: "lines without a time",
      options: () => ({ path: "plain.log", pattern: "x" }),
      says: /no line of plain\.log has a time/,
    },
  ],
});

describe("a file that is followed", () => {
  let folder: string;
  let path: string;
  let contexts: Contexts;
  let now: number;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "backout-log-"));
    path = join(folder, "app.log");
    contexts = await contextsFor(folder);
    now = 1_000_000;
  });
  afterEach(async () => {
    await contexts.cleanUp();
    await rm(folder, { recursive: true, force: true });
  });

  /** Reads five seconds after the time before. */
  function follower(more: JsonObject = {}) {
    const options = signal.options.parse({
      path: "app.log",
      pattern: "ERROR",
      value: "count",
      over: "10s",
      ...more,
    });
    return async (after = 5_000): Promise<number | undefined> => {
      now += after;
      const plain = contexts.plain();
      const context: SignalContext = { ...plain, clock: { ...plain.clock, monotonic: () => now } };
      try {
        return (await signal.read(options, context)).value;
      } catch (error) {
        if ((error as { code?: string }).code === "CONFLICT") return undefined;
        throw error;
      }
    };
  }

  test("only what comes from now on counts, and only within the window", async () => {
    await writeFile(path, "ERROR before\n");
    const read = follower();
    expect(await read()).toBeUndefined();
    await appendFile(path, "ERROR 1\nfine\nERROR 2\nERROR half a li");
    expect(await read()).toBeUndefined();
    await appendFile(path, "ne\n");
    expect(await read()).toBe(3);
    expect(await read()).toBe(1);
    expect(await read()).toBe(0);
  });

  test("rotated: the rest of the old file, then the new one", async () => {
    await writeFile(path, "");
    const read = follower();
    await read();
    await read();
    await appendFile(path, "ERROR last of the old\n");
    await rename(path, `${path}.1`);
    await expect(read()).rejects.toMatchObject({ code: "NOT_FOUND" });
    await writeFile(path, "ERROR first of the new\n");
    expect(await read(1_000)).toBe(2);
    await appendFile(path, "ERROR second\n");
    expect(await read(1_000)).toBe(3);
  });

  test("truncated: from the beginning", async () => {
    await writeFile(path, "something long before\n");
    const read = follower();
    await read();
    await read();
    await truncate(path);
    await appendFile(path, "ERROR\n");
    expect(await read()).toBe(1);
  });

  test("through a link that is pointed elsewhere", async () => {
    await writeFile(`${path}-1`, "");
    await symlink("app.log-1", path);
    const read = follower();
    await read();
    await read();
    await writeFile(`${path}-2`, "ERROR of the second\n");
    await rm(path);
    await symlink("app.log-2", path);
    expect(await read()).toBe(1);
  });

  test("missing at first: all of it is new", async () => {
    const read = follower({ over: "1s" });
    await expect(read()).rejects.toMatchObject({ code: "NOT_FOUND" });
    await writeFile(path, "ERROR\n");
    expect(await read()).toBeUndefined();
    await appendFile(path, "ERROR\nERROR\n");
    expect(await read(1_000)).toBe(2);
  });

  test("after a longer break than the window, what came in it is not taken for new", async () => {
    await writeFile(path, "");
    const read = follower();
    await read();
    expect(await read(10_000)).toBe(0);
    await appendFile(path, "ERROR\n".repeat(500));
    expect(await read(600_000)).toBeUndefined();
    await appendFile(path, "ERROR\n");
    expect(await read(10_000)).toBe(1);
  });

  test("H41 grown by more than can be read", async () => {
    await writeFile(path, "");
    const read = follower({ over: "1s" });
    await read();
    await truncate(path, 40 * 2 ** 20);
    const options = signal.options.parse({ path: "app.log", pattern: "x" });
    await rejection(() => signal.read(options, contexts.plain()));
    await expect(read()).rejects.toMatchObject({ code: "UNREACHABLE" });
  });

  test("a pattern that would take for ever elsewhere takes no time", async () => {
    await writeFile(path, "");
    const read = follower({ pattern: "(a+)+$", over: "1s" });
    await read();
    await appendFile(path, `${"a".repeat(60_000)}!\n`.repeat(20));
    expect(await read(1_000)).toBe(0);
  });

  test("lines that are too long are cut, and the rest is no line of its own", async () => {
    await writeFile(path, "");
    const read = follower({ over: "1s" });
    await read();
    await appendFile(path, `ERROR ${"x".repeat(3_000_000)} ERROR\nERROR\n`);
    expect(await read(1_000)).toBe(2);
  });

  test("H41 a file that may not be read", async () => {
    await writeFile(path, `${ago(1)} ERROR\n`);
    await chmod(path, 0o000);
    await chmod(folder, 0o755);
    await asNobody(async () => {
      const [result] = await check.run(check.options.parse({ path, pattern: "ERROR" }), contexts.plain());
      expect(result).toMatchObject({ result: "error", message: expect.stringMatching(/app\.log.*permi/i) });
      for (const time of ["arrival", "line"]) {
        const options = signal.options.parse({ path, pattern: "ERROR", time });
        expect((await rejection(() => signal.read(options, contexts.plain()))).code).toBe("DENIED");
      }
      const problems = await check.check?.(check.options.parse({ path, pattern: "ERROR" }), contexts.plain());
      expect(problems).toMatchObject([{ severity: "error", path: "subject.path" }]);
    });
  });
});

/** Root may read everything: as somebody else, where we are root. */
async function asNobody(work: () => Promise<void>): Promise<void> {
  const root = process.geteuid?.() === 0;
  if (root) process.seteuid?.("nobody");
  try {
    await work();
  } finally {
    if (root) process.seteuid?.(0);
  }
}

test.each<[options: JsonObject, says: string]>([
  [{ path: "x", pattern: "(" }, "is no pattern for RE2: error parsing regexp"],
  [{ path: "x", pattern: "(?=a)" }, "no look-around"],
  [{ path: "x", pattern: "(a)\\1" }, "no back references"],
  [{ path: "x", pattern: "a", over: "10ms" }, "less than 1s"],
])("options %j are refused", (options, says) => {
  expect(JSON.stringify(signal.options.safeParse(options).error?.issues)).toContain(says);
});
