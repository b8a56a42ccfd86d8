import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "@photostructure/sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { backout, jsonLines, type Place, pictureOf } from "../support/backout-process.js";
import { type SmallSystem, smallSystem } from "../support/small-system.js";

const root = process.getuid?.() === 0;

let system: SmallSystem;
let place: Place;
let checkpoint: string;

beforeEach(async () => {
  system = await smallSystem();
  place = { cwd: system.folder, environment: system.environment };
  const [taken] = jsonLines((await backout(place, "checkpoint", "--json")).stdout).slice(-1);
  checkpoint = (taken as { checkpoint: { id: string } }).checkpoint.id;
  system.deploy();
});

afterEach(() => system.remove());

/** Each command is refused with these words, and changes neither the system nor the state. */
async function refused(commands: readonly string[], ...said: (string | RegExp)[]): Promise<void> {
  const before = pictureOf(system.folder);
  for (const command of commands) {
    const { status, stdout, stderr } = await backout(place, ...command.split(" "));
    const text = `${stdout}${stderr}`.replace(/\s+/g, " ");
    expect(status, `${command}: ${text}`).toBe(1);
    for (const one of said) expect(text, command).toMatch(one);
    expect(text).toContain("hint: ");
    expect(text).not.toContain("fault in backout");
  }
  expect(pictureOf(system.folder)).toEqual(before);
}

const all = ["status", "plan full", "rollback full --yes", "checkpoint"];
const journal = (): string => system.path(".backout", "journal.db");
const manifest = (): string => system.path(".backout", "checkpoints", checkpoint, "manifest.json");
const artifact = (): string =>
  system.path(".backout", "checkpoints", checkpoint, "parts", "data", "database.sqlite.age");

test("a journal of a later version is refused and left as it is", async () => {
  const open = new DatabaseSync(journal());
  open.exec("pragma user_version = 99");
  open.close();
  await refused(
    all,
    /journal\.db: written by a later backout \(schema 99/,
    "npm install --global backout@latest",
  );
});

test("a journal that is none is refused and kept", async () => {
  writeFileSync(journal(), "this is no database, and much longer than a header would be".repeat(20));
  await refused(all, "journal.db: it is not a readable journal any more", "keep the file");
});

test("a process that was stopped while it wrote to the journal is named, and how to go on", async () => {
  expect((await backout(place, "rollback", "full", "--yes")).status).toBe(0);
  system.deploy();
  const holds = `const { DatabaseSync } = require("@photostructure/sqlite");
    new DatabaseSync(${JSON.stringify(journal())}).exec("begin immediate");
    console.log("held");
    setInterval(() => {}, 1000);`;
  const holder = spawn(process.execPath, ["-e", holds], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    await once(holder.stdout, "data");
    const works = await backout(place, "rollback", "full", "--yes");
    expect([works.status, works.stderr]).toEqual([
      5,
      expect.stringContaining(`process ${holder.pid} has held the journal for more than 10 s`),
    ]);
    holder.kill("SIGSTOP");
    const stopped = await backout(place, "rollback", "full", "--yes");
    expect([stopped.status, stopped.stderr]).toEqual([
      5,
      expect.stringContaining(`process ${holder.pid} is stopped and has held the journal`),
    ]);
    expect(stopped.stderr).toContain(`kill -CONT ${holder.pid}`);
  } finally {
    holder.kill("SIGKILL");
  }
  expect((await backout(place, "rollback", "full", "--yes")).status).toBe(0);
});

test("a file where the state folder should be is refused", async () => {
  rmSync(system.path(".backout"), { recursive: true });
  system.write(".backout", "x");
  await refused(all, "a file stands where the state folder should be", "state:");
});

test("a checkpoint of a later version, or cut short, is named as damaged and nothing older is taken", async () => {
  const text = system.read(`.backout/checkpoints/${checkpoint}/manifest.json`);
  writeFileSync(manifest(), text.replace(/"version": 1/, '"version": 9'));
  await refused(["plan full", "rollback full --yes"], "written by a later backout (manifest version 9");
  writeFileSync(manifest(), "{");
  await refused(
    ["plan full", "rollback full --yes", "checkpoints"],
    "is not JSON: it was cut or overwritten",
  );
  const { stdout } = await backout(place, "status");
  expect(stdout).toContain(`none that can be read, ${checkpoint} is damaged`);
});

test("an artifact that was altered, cut or removed is found before anything is touched", async () => {
  const bytes = execFileSync("cat", [artifact()]);
  const other = Buffer.from(bytes);
  other[300] = (other[300] ?? 0) ^ 1;
  writeFileSync(artifact(), other);
  await refused(["plan full", "rollback full --yes"], "cannot be relied on", "data:");
  writeFileSync(artifact(), bytes.subarray(0, 100));
  await refused(["plan full", "rollback full --yes"], /has 100 bytes instead of \d+/);
  rmSync(artifact());
  await refused(["plan full", "rollback full --yes"], "the artifact is missing");
});

test("a checkpoint of another system is refused by name and not found otherwise", async () => {
  const text = system.read("backout.yaml").replace("system: small", "system: other");
  system.write("other.yaml", text);
  const commands = ["plan full", "rollback full --yes"].map((one) => `${one} -f other.yaml`);
  await refused(commands, "there is no checkpoint of other/default");
  await refused(
    [...commands.map((one) => `${one} --checkpoint ${checkpoint}`), `prove ${checkpoint} -f other.yaml`],
    'is a checkpoint of "small/default", not of "other/default"',
  );
});

test.runIf(root)("a state folder that may not be written is refused", async () => {
  execFileSync("chmod", ["-R", "a+rX", system.folder]);
  const before = pictureOf(system.folder);
  for (const command of all) {
    const { status, stderr } = await backout({ ...place, user: "nobody" }, ...command.split(" "));
    expect(status, stderr).toBe(1);
    expect(stderr).toContain("journal.db: it cannot be written");
    expect(stderr).toContain("hint: check owner, mode and mount of the state folder");
  }
  expect(pictureOf(system.folder)).toEqual(before);
});

test.runIf(root)(
  "system folders that may not be written: check says so, and nothing is half done",
  async () => {
    execFileSync("chown", ["-R", "nobody", system.folder]);
    const nobody: Place = { ...place, user: "nobody", environment: { ...place.environment, HOME: tmpdir() } };
    chmodSync(system.path("data"), 0o555);
    const checked = await backout(nobody, "check");
    expect(checked.status).toBe(1);
    expect(checked.stdout).toMatch(/targets\.data.*not writable/);
    const ended = await backout(nobody, "rollback", "full", "--yes");
    expect([1, 4], `${ended.stdout}${ended.stderr}`).toContain(ended.status);
    expect(system.items()).toEqual(["one", "two", "three"]);
    chmodSync(system.path("data"), 0o755);
  },
);

test.runIf(root)("a full state folder: said as such, and no half checkpoint is left", async () => {
  const disk = mkdtempSync(join(tmpdir(), "full-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=400k", "tmpfs", disk]);
  try {
    system.write(
      "backout.yaml",
      system.read("backout.yaml").replace("system: small", `system: small\nstate: ${disk}`),
    );
    expect((await backout(place, "status")).status).toBe(0);
    execFileSync("dd", ["if=/dev/zero", `of=${join(disk, "fill")}`, "bs=1k", "count=330", "status=none"]);
    system.sql(
      "create table big (t text); insert into big select hex(randomblob(20000)) from (values (1),(2),(3),(4))",
    );
    const { status, stderr } = await backout(place, "checkpoint");
    expect(status, stderr).toBe(1);
    expect(stderr).toMatch(/no space left|disk is full/);
    expect(stderr).toContain("hint: ");
    const kept = readdirSync(disk).includes("checkpoints") ? readdirSync(join(disk, "checkpoints")) : [];
    expect(kept.filter((name) => name.startsWith("cp-"))).toEqual([]);
    execFileSync("sh", ["-c", `dd if=/dev/zero of=${join(disk, "more")} bs=1k status=none || true`], {
      stdio: "ignore",
    });
    const looked = await backout(place, "status");
    if (looked.status !== 0) expect(looked.stderr).toContain("the disk is full");
  } finally {
    execFileSync("umount", [disk]);
    rmSync(disk, { recursive: true });
  }
});

test.runIf(root)(
  "a disk that fills up while the database is staged: stopped, the live one as it was",
  async () => {
    const disk = mkdtempSync(join(tmpdir(), "small disk-"));
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=40m", "tmpfs", disk]);
    try {
      system.sql(
        "create table big (t text); insert into big select hex(randomblob(40000)) from (values (1),(2),(3))",
      );
      cpSync(system.path("data", "shop.db"), join(disk, "shop.db"));
      system.write(
        "backout.yaml",
        system.read("backout.yaml").replace("file: data/shop.db", `file: "${join(disk, "shop.db")}"`),
      );
      expect((await backout(place, "checkpoint")).status).toBe(0);
      const open = new DatabaseSync(join(disk, "shop.db"));
      open.exec("delete from items");
      open.close();
      execFileSync("sh", ["-c", `dd if=/dev/zero of='${join(disk, "fill")}' bs=1M count=30 status=none`]);
      const before = pictureOf(disk);
      const { status, stdout, stderr } = await backout(place, "rollback", "full", "--yes");
      expect([1, 4], `${stdout}${stderr}`).toContain(status);
      expect(`${stdout}${stderr}`).toMatch(/space|full|room/);
      expect(pictureOf(disk)["shop.db"]).toBe(before["shop.db"]);
      rmSync(join(disk, "fill"));
      const again = await backout(place, ...(status === 4 ? ["resume"] : ["rollback", "full", "--yes"]));
      expect(again.status, `${again.stdout}${again.stderr}`).toBe(0);
    } finally {
      execFileSync("umount", [disk]);
      rmSync(disk, { recursive: true });
    }
  },
);
