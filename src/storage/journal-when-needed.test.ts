import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { planOf, step } from "../../test/support/made-runs.js";
import { openJournal } from "./journal.js";
import { journalWhenNeeded } from "./journal-when-needed.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "backout-journal-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const run = { id: "run-1", system: "shop", environment: "live", plan: planOf([step("a.do")]) };

describe("a journal that is not there yet", () => {
  test("is empty for whoever reads, and no file is made", async () => {
    const journal = await journalWhenNeeded(join(folder, "state"));
    expect(await journal.runIds("shop", "live")).toEqual([]);
    expect(await journal.facts("run-1")).toEqual([]);
    expect(await journal.requests("run-1")).toEqual([]);
    expect(await journal.lease("shop/live")).toBeUndefined();
    for (const asked of [journal.run("run-1"), journal.brokenAt("run-1")]) {
      await expect(asked).rejects.toMatchObject({ code: "NOT_FOUND", message: 'there is no run "run-1"' });
    }
    await journal.close();
    expect(readdirSync(folder)).toEqual([]);
  });

  test("is made by the first write", async () => {
    const journal = await journalWhenNeeded(join(folder, "state"));
    await journal.createRun(run, []);
    expect(await journal.runIds("shop", "live")).toEqual(["run-1"]);
    await journal.close();
    expect(existsSync(join(folder, "state", "journal.db"))).toBe(true);
  });

  test("is found by whoever looks again after another process has made it", async () => {
    const journal = await journalWhenNeeded(folder);
    expect(await journal.runIds("shop", "live")).toEqual([]);
    const other = await openJournal(folder);
    await other.createRun(run, []);
    expect(await journal.runIds("shop", "live")).toEqual(["run-1"]);
    expect(await journal.run("run-1")).toEqual(run);
    await journal.close();
    await other.close();
  });
});

test("one that could not be made is tried again", async () => {
  const state = join(folder, "state");
  const journal = await journalWhenNeeded(state);
  writeFileSync(state, "in the way");
  await expect(journal.createRun(run, [])).rejects.toMatchObject({ code: "STATE_UNWRITABLE" });
  rmSync(state);
  await journal.createRun(run, []);
  expect(await journal.runIds("shop", "live")).toEqual(["run-1"]);
  await journal.close();
});

test("one that is there is opened at once, so that what is wrong with it is said before anything is done", async () => {
  writeFileSync(join(folder, "journal.db"), "no database, and longer than the header of one is".repeat(20));
  await expect(journalWhenNeeded(folder)).rejects.toMatchObject({ code: "STATE_CORRUPT" });
});
