import { cpSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { backout, type Place, pictureOf } from "../support/backout-process.js";
import { type SmallSystem, smallSystem } from "../support/small-system.js";

let system: SmallSystem;
let folder: string;
let place: Place;

beforeEach(async () => {
  system = await smallSystem();
  folder = mkdtempSync(join(tmpdir(), "init ü 'n \"q-"));
  for (const name of ["releases", "current", ".env"]) {
    cpSync(system.path(name), join(folder, name), { recursive: true, verbatimSymlinks: true });
  }
  mkdirSync(join(folder, "my data"));
  cpSync(system.path("data", "shop.db"), join(folder, "my data", "Läden 'a\"b.db"));
  place = { cwd: folder, environment: {} };
});

afterEach(async () => {
  rmSync(folder, { recursive: true });
  await system.remove();
});

test("init writes a playbook that is right as written, whatever the names, and that rolls back", async () => {
  const before = pictureOf(folder);
  const shown = await backout(place, "init", "--dry-run");
  expect(shown.status).toBe(0);
  expect(shown.stdout).not.toMatch(/age1[a-z0-9]{20}/);
  expect(pictureOf(folder)).toEqual(before);

  const written = await backout(place, "init");
  expect(written.status, written.stderr).toBe(0);
  expect(written.stdout).toContain("hint: look it over, add a check, then: backout check");
  const checked = await backout(place, "check");
  expect(checked.status, checked.stdout).toBe(0);
  expect(checked.stdout).toContain("warning: checks: there is none");
  expect((await backout(place, "checkpoint")).status).toBe(0);
  rmSync(join(folder, "current"));
  cpSync(system.path(".env"), join(folder, ".env"));
  const rolled = await backout(place, "rollback", "--yes");
  expect(rolled.status, `${rolled.stdout}${rolled.stderr}`).toBe(0);
  expect(readdirSync(folder)).toContain("current");
});

test("a second init is refused, and after the playbook is gone it uses the key that is there", async () => {
  await backout(place, "init");
  const before = pictureOf(folder);
  const refused = await backout(place, "init");
  expect(refused.status).toBe(1);
  expect(refused.stderr).toContain("there is a playbook already");
  expect(pictureOf(folder)).toEqual(before);
  renameSync(join(folder, "backout.yaml"), join(folder, "old.yaml"));
  const again = await backout(place, "init");
  expect(again.status, again.stderr).toBe(0);
  const after = pictureOf(folder);
  expect(after["backout.yaml"]).toBe(before["backout.yaml"]);
  expect(after[".backout/identity.age"]).toBe(before[".backout/identity.age"]);
});

test("where nothing is recognised, the bare playbook's check says what to fill in", async () => {
  const empty = mkdtempSync(join(tmpdir(), "init-empty-"));
  try {
    const bare: Place = { cwd: empty, environment: {} };
    expect((await backout(bare, "init")).stdout).toContain("hint: add targets, then: backout check");
    const { status, stdout } = await backout(bare, "check");
    expect(status).toBe(1);
    expect(stdout).toContain("at least one target is needed");
  } finally {
    rmSync(empty, { recursive: true });
  }
});
