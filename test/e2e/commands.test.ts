import { rmSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { backout, type Ended, jsonLines, type Place, startBackout } from "../support/backout-process.js";
import { type SmallSystem, smallSystem } from "../support/small-system.js";

let system: SmallSystem;
let place: Place;

beforeEach(async () => {
  system = await smallSystem();
  place = { cwd: system.folder, environment: system.environment };
});

afterEach(() => system.remove());

const run = (...args: string[]): Promise<Ended> => backout(place, ...args);

async function ends(status: number, ...args: string[]): Promise<string> {
  const ended = await run(...args);
  expect(ended.status, `backout ${args.join(" ")}\n${ended.stdout}${ended.stderr}`).toBe(status);
  return `${ended.stdout}${ended.stderr}`;
}

test("a small system from its first check to the report of its rollback, in text", async () => {
  expect(await ends(0, "check")).toContain("no problem found");
  expect(await ends(0, "status")).toContain("none: there is nothing to go back to");
  expect(await ends(1, "plan", "full")).toContain("hint: backout checkpoint");
  const taken = await ends(0, "checkpoint", "--change", "v2");
  for (const target of ["code", "settings", "data", "work"]) {
    expect(taken).toContain(`✓ ${target}: proven to the level "restored"`);
  }
  const list = await ends(0, "checkpoints", "list");
  expect(list).toMatch(/cp-\S+ .* v2 .* restored/);
  expect(await ends(0, "checkpoints", "show", "latest")).toContain("database.sqlite");
  await ends(0, "checkpoints", "pin", "latest", "--reason", "audit");
  expect(await ends(0, "checkpoints")).toContain("pinned");
  await ends(0, "checkpoints", "unpin", "latest");
  expect(await ends(0, "checkpoints", "prune")).toContain("0 checkpoints removed, 1 kept");
  expect(await ends(0, "prove")).toContain("proven to restore");
  expect(await ends(0, "verify", "--checkpoint", "latest")).toContain("checks passed");
  expect(await ends(0, "watch", "--change", "v2", "--until", "1s")).toContain("it stayed GREEN");

  system.deploy();
  expect(await ends(3, "verify", "--checkpoint", "latest")).toContain("found     releases/v2");
  const plan = await ends(0, "plan", "full", "--change", "v2");
  expect(plan).toContain("1 inserted");
  expect(plan).toContain("API_KEY: (hidden) → changed (hidden)");
  expect(await ends(0, "versions")).toContain("v2  current");
  const rolled = await ends(0, "rollback", "full", "--yes", "--change", "v2", "--reason", "it was bad");
  expect(rolled).toContain("✓ rolled back and verified");
  expect(rolled).toContain("RTO");
  expect(system.items()).toEqual(["one", "two"]);
  expect(system.read("site/index.html")).toBe("one\n");
  expect(system.read(".env")).toContain(system.secrets.setting);
  expect(system.read("current/server.txt")).toBe("code of v1\n");

  expect(await ends(0, "status")).toContain("the last one ended verified");
  expect(await ends(0, "history")).toContain("it was bad");
  expect(await ends(0, "history", "--verify")).toContain("every fact is as it was written");
  const report = await ends(0, "report", "--output", "incident.md");
  expect(report).toContain("report written to incident.md");
  expect(system.read("incident.md")).toContain("it was bad");
  expect(await ends(1, "resume")).toContain("no run is waiting");
});

test("every command speaks JSON, one value a line", async () => {
  for (const args of [
    ["check"],
    ["checkpoint"],
    ["status"],
    ["checkpoints"],
    ["checkpoints", "show", "latest"],
    ["checkpoints", "prune", "--dry-run"],
    ["prove"],
    ["plan", "full"],
    ["verify"],
    ["watch", "--until", "500ms"],
    ["rollback", "full", "--yes"],
    ["history", "--verify"],
    ["history"],
    ["history", "latest"],
    ["report"],
    ["versions"],
    ["changes"],
  ]) {
    const { status, stdout, stderr } = await run(...args, "--json");
    expect(status, `${args.join(" ")}: ${stdout}${stderr}`).toBe(0);
    expect(jsonLines(stdout).length, args.join(" ")).toBeGreaterThan(0);
    expect(stderr, args.join(" ")).toBe("");
  }
  const refused = await run("plan", "nope", "--json");
  expect(refused.status).toBe(1);
  expect(jsonLines(refused.stdout)).toMatchObject([{ error: { code: "NOT_FOUND", exit: 1 } }]);
});

test("a watch that finds it bad goes back by itself", async () => {
  await ends(0, "checkpoint");
  system.deploy();
  system.answer(500);
  const watch = startBackout(place, "watch", "--change", "v2");
  await watch.said("by itself");
  system.answer(200);
  const ended = await watch.ended;
  expect(ended.status, `${ended.stdout}${ended.stderr}`).toBe(0);
  expect(ended.stdout).toContain("rolled back and verified");
  expect(system.items()).toEqual(["one", "two"]);
  expect(await ends(0, "report")).toContain("errors");
});

test("a failing step stops the line, and a person's words about it end it", async () => {
  await ends(0, "checkpoint");
  system.deploy();
  system.write("fail-start", "");
  const stopped = await ends(4, "rollback", "full", "--yes");
  expect(stopped).toContain("backout retry app.start");
  expect(stopped).not.toContain("app.start: app.start");
  const done = /(\d+) of (\d+) steps done/.exec(stopped)?.[0];
  expect(await ends(0, "status")).toContain(`stopped half-way, ${done}`);
  const again = await ends(1, "rollback", "full", "--yes");
  expect(again).toContain("hint: backout resume");
  expect(again).not.toContain("roll back by");
  const captured = await ends(1, "checkpoint");
  expect(captured).toContain("half rolled back");
  expect(await ends(0, "plan", "full")).toContain("it comes first");
  expect(await ends(1, "retry", "app.stop")).toContain("waiting for a decision: app.start");
  expect(await ends(1, "retry", "nope")).toContain("the run has no such step");
  expect(await ends(2, "skip", "app.start")).toContain("--reason");
  await ends(4, "retry", "app.start");
  expect(await ends(0, "skip", "app.start", "--reason", "started by hand")).toContain(
    "rolled back and verified",
  );

  system.deploy();
  // Within the cool-down, but a bad release is out again: that is no repeated request.
  await ends(4, "rollback", "full", "--yes");
  expect(await ends(4, "cancel", "--reason", "fixed by hand")).toContain("cancelled half-way");
  system.write("site/index.html", "three\n");
  await ends(4, "rollback", "full", "--yes");
  rmSync(system.path("fail-start"));
  expect(await ends(0, "resume")).toContain("rolled back and verified");
});

test("help for each command shows an example and its exit statuses", async () => {
  const names = (await run("--help")).stdout.matchAll(/^ {2}([a-z-]+) (?:\[options\]| {2,})/gm);
  const commands = [...names].map(([, name]) => name as string).filter((name) => name !== "help");
  expect(commands).toEqual(expect.arrayContaining(["init", "check", "rollback", "versions", "checkpoints"]));
  const groups = ["list", "show", "pin", "unpin", "prune"].map((name) => ["checkpoints", name]);
  const all = [...commands.filter((name) => name !== "checkpoints").map((name) => [name]), ...groups];
  await Promise.all(
    all.map(async (command) => {
      const { status, stdout } = await run(...command, "--help");
      expect(status).toBe(0);
      expect(stdout).toContain(`Examples:\n  $ backout ${command.join(" ")}`);
      expect(stdout).toMatch(/Exit status:\n {2}0 {4,}\w/);
    }),
  );
});
