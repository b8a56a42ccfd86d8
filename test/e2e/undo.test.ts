import { execFile } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { DatabaseSync } from "@photostructure/sqlite";
import { generateIdentity, identityToRecipient } from "age-encryption";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";

/** The built program, on a real small system: what a rollback did is taken back, and that too. */

const backout = fileURLToPath(new URL("../../dist/backout.js", import.meta.url));

const flags = `import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
const [what] = process.argv.slice(2);
const { BACKOUT_CAPTURED, BACKOUT_KEY = "", BACKOUT_UNDOES = "" } = process.env;
const kept = (key) => "kept-" + key.replaceAll("/", "-");
if (what === "show") process.stdout.write(readFileSync("flags", "utf8"));
else {
  const from = what === "restore" ? BACKOUT_CAPTURED : kept(BACKOUT_UNDOES);
  const text = readFileSync(from);
  copyFileSync("flags", kept(BACKOUT_KEY));
  writeFileSync("flags", text);
}
`;

const playbook = (undo: string): string => `backout: 1
system: small
encryption: { recipients: [${recipient}], identity: "\${env:UNDO_IDENTITY}" }
targets:
  code: { driver: release-dir, with: { releases: releases, current: current } }
  data: { driver: sqlite, with: { file: shop.db } }
  settings: { driver: env-file, with: { file: .env } }
  flags:
    driver: command
    with: { capture: [node, flags.mjs, show], restore: [node, flags.mjs, restore], idempotent: true${undo} }
  app:
    driver: command
    uses: [code, data, settings]
    with: { stop: [node, app.mjs, stop], start: [node, app.mjs, start], idempotent: true }
scenarios:
  full: { restore: [code, data, settings, flags], restart: [app], checks: [runs] }
  code: { restore: [code], checks: [runs] }
checks:
  runs: { driver: command, with: { program: [node, app.mjs, runs] }, within: 2s }
`;

const app = `import { existsSync, rmSync, writeFileSync } from "node:fs";
const [what] = process.argv.slice(2);
if (what === "stop") rmSync("running", { force: true });
if (what === "start") writeFileSync("running", "");
if (what === "runs" && !existsSync("running")) process.exit(1);
`;

let folder: string;
const path = (name: string): string => join(folder, name);
const write = (name: string, text: string): void => writeFileSync(path(name), text);

let identity: string;
let recipient: string;

beforeAll(async () => {
  identity = await generateIdentity();
  recipient = await identityToRecipient(identity);
});

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "undo-"));
  for (const release of ["v1", "v2"]) {
    mkdirSync(path(`releases/${release}`), { recursive: true });
    write(`releases/${release}/app.txt`, release);
  }
  symlinkSync("releases/v1", path("current"));
  write("flags.mjs", flags);
  write("app.mjs", app);
  write("running", "");
  write("flags", "checkout: old\n");
  write(".env", "MODE=old\n");
  chmodSync(path(".env"), 0o640);
  sql(
    "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO items (name) VALUES ('one'), ('two')",
  );
  write("backout.yaml", playbook(", undo: [node, flags.mjs, undo]"));
  expect((await run("checkpoint")).status).toBe(0);
  expect((await run("prove")).status).toBe(0);
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

const run = (...args: string[]): Promise<Ended> =>
  new Promise((done) => {
    const child = execFile(
      process.execPath,
      [backout, ...args],
      { cwd: folder, env: { ...process.env, UNDO_IDENTITY: identity } },
      (_, stdout, stderr) => done({ status: child.exitCode ?? -1, stdout, stderr }),
    );
  });

function sql(text: string): void {
  const database = new DatabaseSync(path("shop.db"));
  database.exec(text);
  database.close();
}

/** By a function, since a prepared statement would keep the file open. */
function items(): string[] {
  const database = new DatabaseSync(path("shop.db"), { readOnly: true });
  const names: string[] = [];
  database.function("take", (name: unknown) => {
    names.push(String(name));
    return null;
  });
  database.exec("SELECT take(name) FROM (SELECT name FROM items ORDER BY id)");
  database.close();
  return names;
}

/** All that users of the system see. */
const world = (): unknown => ({
  code: readlinkSync(path("current")),
  items: items(),
  settings: readFileSync(path(".env"), "utf8"),
  flags: readFileSync(path("flags"), "utf8"),
});

const old = { code: "releases/v1", items: ["one", "two"], settings: "MODE=old\n", flags: "checkout: old\n" };
const bad = {
  code: "releases/v2",
  items: ["one", "two", "bad"],
  settings: "MODE=new\nX=1\n",
  flags: "checkout: new\n",
};

function deploy(): void {
  unlinkSync(path("current"));
  symlinkSync("releases/v2", path("current"));
  write(".env", "MODE=new\nX=1\n");
  write("flags", "checkout: new\n");
  sql("INSERT INTO items (name) VALUES ('bad')");
  expect(world()).toEqual(bad);
}

const runs = async (): Promise<string[]> =>
  [...(await run("history")).stdout.matchAll(/run-\d{8}-\d{6}-\w+/g)].map(([id]) => id);

const newestReport = async () =>
  JSON.parse((await run("report", "--json")).stdout) as Record<string, unknown>;

test("a rollback is taken back from what it kept, and the undo as well", async () => {
  deploy();
  const rolledBack = await run("rollback", "full", "--yes");
  expect(rolledBack, rolledBack.stdout + rolledBack.stderr).toMatchObject({ status: 0 });
  expect(world()).toEqual(old);
  const [first = ""] = await runs();
  sql("INSERT INTO items (name) VALUES ('since')");

  const undone = await run("rollback", "--undo", "--yes");
  expect(undone, undone.stdout).toMatchObject({ status: 0, stderr: "" });
  expect(undone.stdout).toContain(`take back run ${first} ("full")`);
  expect(undone.stdout).toMatch(/lost\s+1 inserted/);
  expect(undone.stdout).toContain(`run ${first} taken back and verified`);
  expect(world()).toEqual(bad);
  expect(await newestReport()).toMatchObject({
    undoes: first,
    outcome: "verified",
    dataLost: [{ what: "items", inserted: 1, updated: 0, deleted: 0 }],
  });

  const again = await run("rollback", "--undo", "--yes");
  expect(again, again.stdout + again.stderr).toMatchObject({ status: 0 });
  expect(world()).toEqual({ ...old, items: ["one", "two", "since"] });
});

test("a rollback that was taken back no longer marks what it had left as bad", async () => {
  deploy();
  expect((await run("checkpoint")).status).toBe(0);
  expect((await run("prove")).status).toBe(0);
  const [forward = ""] = [
    ...(await run("checkpoints")).stdout.matchAll(/(?:cp|checkpoint)-\d{8}-\d{6}-\w+/g),
  ].map(([id]) => id);
  unlinkSync(path("current"));
  symlinkSync("releases/v1", path("current"));
  expect(forward).not.toBe("");
  expect((await run("rollback", "code", "--yes")).status).toBe(0);
  expect((await run("rollback", "--undo", "--yes")).status).toBe(0);
  const plan = await run("plan", "code");
  expect(plan.stdout + plan.stderr).not.toContain("known to be bad");
});

test.each([
  [
    "what was kept is gone",
    () => rmSync(path("releases/v2"), { recursive: true }),
    /release "v2" is no longer on disk/,
  ],
  ["what was kept was altered", () => write("releases/v2/app.txt", "patched"), /release "v2" was altered/],
  [
    "somebody has changed it since",
    () => write("flags", "checkout: newer\n"),
    /flags: it was changed since the run/,
  ],
  ["a program that takes it back is missing", () => write("backout.yaml", playbook("")), undefined],
])("refused with nothing changed where %s", async (_, spoil, says) => {
  deploy();
  expect((await run("rollback", "full", "--yes")).status).toBe(0);
  spoil();
  const before = world();
  const refused = await run("rollback", "--undo", "--yes");
  if (says === undefined) {
    // The plan of the run holds all that taking it back needs.
    expect(refused.status).toBe(0);
    expect(world()).toEqual(bad);
    return;
  }
  expect(refused.status).toBe(1);
  expect(refused.stderr).toMatch(says);
  expect(world()).toEqual(before);
});

test("every reason at once: irreversible, and touched by a later run", async () => {
  write("backout.yaml", playbook(""));
  deploy();
  expect((await run("rollback", "full", "--yes")).status).toBe(0);
  const [first = ""] = await runs();
  unlinkSync(path("current"));
  symlinkSync("releases/v2", path("current"));
  const later = await run("rollback", "code", "--yes", "--accept-known-bad");
  expect(later.status, later.stderr).toBe(0);
  const before = world();
  const refused = await run("rollback", "--undo", first, "--yes");
  expect(refused.status).toBe(1);
  expect(refused.stderr).toMatch(/flags.restore: cannot be taken back: there is no `undo` program/);
  expect(refused.stderr).toMatch(/code: run "run-.*" has changed it since/);
  expect(world()).toEqual(before);
});

test.each([
  [["rollback", "full", "--undo"], /--undo goes with a run alone/],
  [["rollback", "--no-checks"], /--no-checks goes with --undo alone/],
  [["rollback", "--undo"], /there has been no run yet/],
])("%j is refused", async (args, says) => {
  const refused = await run(...args);
  expect(refused.status).not.toBe(0);
  expect(refused.stderr).toMatch(says);
});

test("without checks an undo is said not to be asked, and compared with what was left", async () => {
  deploy();
  expect((await run("rollback", "code", "--yes")).status).toBe(0);
  rmSync(path("running"));
  const asked = await run("rollback", "--undo", "--yes", "--no-checks");
  expect(asked, asked.stdout).toMatchObject({ status: 0 });
  expect(asked.stdout).not.toContain("check.runs");
  expect(readlinkSync(path("current"))).toBe("releases/v2");
});
