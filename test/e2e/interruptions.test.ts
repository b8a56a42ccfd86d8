import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { backout, jsonLines, type Place, pictureOf, startBackout } from "../support/backout-process.js";
import { type SmallSystem, smallSystem } from "../support/small-system.js";

let system: SmallSystem;
let place: Place;

beforeEach(async () => {
  system = await smallSystem();
  place = { cwd: system.folder, environment: system.environment };
  const taken = await backout(place, "checkpoint");
  expect(taken.status, taken.stderr).toBe(0);
  system.deploy();
});

afterEach(() => system.remove());

const runs = async (): Promise<number> =>
  jsonLines((await backout(place, "history", "--json")).stdout).length;

async function isBack(): Promise<void> {
  expect(system.items()).toEqual(["one", "two"]);
  expect(system.read("current/server.txt")).toBe("code of v1\n");
  expect(system.read("site/index.html")).toBe("one\n");
  expect((await backout(place, "verify", "--checkpoint", "latest")).status).toBe(0);
}

test("Ctrl-C within a step lets it end, says how to go on, and resuming ends verified", async () => {
  system.write("slow-stop", "800");
  const rollback = startBackout(place, "rollback", "full", "--yes");
  await rollback.said("app.stop           started");
  rollback.process.kill("SIGINT");
  const ended = await rollback.ended;
  expect(ended.status).toBe(130);
  expect(ended.stdout).toContain("stopping: running steps may end");
  expect(ended.stdout).toMatch(/app\.stop +done/);
  expect(ended.stdout).not.toMatch(/data\.swap +started/);
  expect(ended.stdout).toContain("backout resume");
  const resumed = await backout(place, "resume");
  expect(resumed.status, resumed.stdout).toBe(0);
  expect(resumed.stdout).not.toMatch(/app\.stop +started/);
  await isBack();
});

test("Ctrl-C twice ends the running step, says what became of the run, and resuming ends verified", async () => {
  system.write("slow-stop", "20000");
  const rollback = startBackout(place, "rollback", "full", "--yes");
  await rollback.said("app.stop           started");
  rollback.process.kill("SIGINT");
  await rollback.said("once more to end them now");
  rollback.process.kill("SIGTERM");
  const ended = await rollback.ended;
  expect(ended.status).toBe(130);
  expect(ended.stdout).toContain("the run can be resumed");
  system.write("slow-stop", "0");
  const resumed = await backout(place, "resume");
  expect(resumed.status, `${resumed.stdout}${resumed.stderr}`).toBe(0);
  await isBack();
});

test("killed in the middle: status says so, a second rollback is refused, resume finishes", async () => {
  system.write("slow-stop", "1500");
  const rollback = startBackout(place, "rollback", "full", "--yes");
  await rollback.said("app.stop           started");
  rollback.process.kill("SIGKILL");
  expect((await rollback.ended).status).toBe("SIGKILL");
  expect((await backout(place, "status")).stdout).toContain("backout resume goes on from there");
  const second = await backout(place, "rollback", "full", "--yes");
  expect(second.status).toBe(1);
  expect(second.stderr).toContain("hint: backout resume");
  const resumed = await backout(place, "resume");
  expect(resumed.status, `${resumed.stdout}${resumed.stderr}`).toBe(0);
  expect(await runs()).toBe(1);
  await isBack();
});

test("two at once are one run, and both end verified", async () => {
  system.write("slow-stop", "500");
  const both = await Promise.all([
    backout(place, "rollback", "full", "--yes"),
    backout(place, "rollback", "full", "--yes"),
  ]);
  for (const { status, stdout, stderr } of both) expect(status, `${stdout}${stderr}`).toBe(0);
  expect(await runs()).toBe(1);
  await isBack();
});

test("another scenario is refused while one runs; whoever only watches a run does not end it", async () => {
  system.write("slow-stop", "3000");
  const rollback = startBackout(place, "rollback", "full", "--yes");
  await rollback.said("app.stop           started");
  const other = await backout(place, "rollback", "code", "--yes");
  expect(other.status).toBe(5);
  expect(other.stderr).toContain("is in progress; code would get in its way");
  const watching = startBackout(place, "rollback", "full", "--yes");
  await watching.said("app.stop           started");
  watching.process.kill("SIGINT");
  const watched = await watching.ended;
  expect(watched.status).toBe(130);
  expect(watched.stdout).toContain("goes on without being watched");
  expect(watched.stdout).not.toContain("can be resumed");
  expect((await rollback.ended).status).toBe(0);
  await isBack();
});

test("a reader that goes away does not end the rollback", async () => {
  const rollback = startBackout(place, "rollback", "full", "--yes");
  await rollback.said("roll back by");
  rollback.process.stdout.destroy();
  rollback.process.stderr.destroy();
  expect((await rollback.ended).status).toBe(0);
  await isBack();
});

test.each<[command: string, moment: number | string, signal: NodeJS.Signals]>([
  ["plan full", 300, "SIGINT"],
  ["plan full", 450, "SIGTERM"],
  ["checkpoint", "captured", "SIGINT"],
  ["checkpoint", "code: proven", "SIGINT"],
  ["prove", "app: proven", "SIGTERM"],
  ["check", 300, "SIGINT"],
  ["verify --checkpoint latest", 400, "SIGINT"],
  ["rollback full --yes", "roll back by", "SIGINT"],
  ["rollback full --yes", "code.switch        started", "SIGTERM"],
  ["rollback full --yes", "data.swap          started", "SIGINT"],
])("%s, at %s %s: ends, and the system is as it was or resumable", async (command, moment, signal) => {
  const outside = [".backout", "app.log"];
  const tree = (): Record<string, string> =>
    Object.fromEntries(
      Object.entries(pictureOf(system.folder)).filter(
        ([path]) => !outside.some((one) => path.startsWith(one)) && !path.startsWith("site/.git"),
      ),
    );
  const before = tree();
  const working = startBackout(place, ...command.split(" "));
  await (typeof moment === "number" ? sleep(moment) : working.said(moment));
  working.process.kill(signal);
  const ended = await working.ended;
  const { status } = ended;
  // Before the program listens, the signal simply ends it; after its work it comes too late.
  expect([0, 3, 130, signal], `${ended.stdout}${ended.stderr}`).toContain(status);
  expect(ended.stderr).not.toContain("fault in backout");
  const left = await backout(place, "status", "--json");
  const [said] = jsonLines(left.stdout);
  expect(said).not.toHaveProperty("damaged");
  if (said?.["run"] === undefined) expect(tree()).toEqual(before);
  else if ((said["run"] as { state: string }).state !== "finished") {
    const resumed = await backout(place, "resume");
    expect(resumed.status, `${resumed.stdout}${resumed.stderr}`).toBe(0);
  }
});

test("a watch ends by Ctrl-C without having done anything", async () => {
  const watch = startBackout(place, "watch", "--advise");
  await watch.said("GREEN");
  watch.process.kill("SIGINT");
  expect((await watch.ended).status).toBe(130);
  expect(await runs()).toBe(0);
});
