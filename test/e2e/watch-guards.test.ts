import { rmSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { backout, type Ended, jsonLines, type Started, startBackout } from "../support/backout-process.js";
import { type SmallSystem, smallSystem } from "../support/small-system.js";

let system: SmallSystem;

beforeEach(async () => {
  system = await smallSystem();
});
afterEach(() => system.remove());

const place = () => ({ cwd: system.folder, environment: system.environment });
const run = (...args: string[]): Promise<Ended> => backout(place(), ...args);

async function done(...args: string[]): Promise<void> {
  const ended = await run(...args);
  expect(ended.status, `${args.join(" ")}: ${ended.stdout}${ended.stderr}`).toBe(0);
}

async function stop(watch: Started): Promise<string> {
  watch.process.kill("SIGTERM");
  return (await watch.ended).stdout;
}

const runs = async (): Promise<number> => jsonLines((await run("history", "--json")).stdout).length;

test("cool-down: what fires without having fired anew after a rollback needs a person, and until when is said", async () => {
  await done("checkpoint", "--change", "v2");
  system.deploy();
  await done("rollback", "full", "--yes");
  // The next release is out: there is something to go back to, and a change.
  await done("checkpoint", "--change", "v2");
  system.deploy();
  const ended = await run("decide", "--answer", "errors=yes", "--json");
  expect(jsonLines(ended.stdout), ended.stdout + ended.stderr).toMatchObject([
    {
      recommendation: {
        asked: "auto",
        mode: "approve",
        held: [
          { guard: "cool-down", why: expect.stringMatching(/a short while ago .*: cool-down until \d{4}-/) },
        ],
      },
    },
  ]);
});

test("refused: a rollback that cannot start is said with its reason, needs a person, and nothing has moved", async () => {
  const before = system.read("backout.yaml");
  const after = before
    .replace("scenarios:\n", "scenarios:\n  release: { restore: [code] }\n")
    .replace("scenario: full, mode: auto", "scenario: release, mode: auto");
  system.write("backout.yaml", after);
  await done("checkpoint");
  system.answer(500);
  const watch = startBackout(place(), "watch", "--service");
  // Nothing was rolled out since: going back cannot mend it.
  await watch.said('"release" could not be started: release: everything is as the checkpoint has it');
  await watch.said('needs a person, backout rollback release, since "release" could not be started');
  await stop(watch);
  expect(await runs()).toBe(0);
});

test("not measured: what fires on what was measured before starts nothing by itself", async () => {
  const before = system.read("backout.yaml");
  const signal =
    "  failing: { driver: command, with: { program: [cat, level] }, every: 200ms, timeout: 10s }\n";
  const after = before.replace(/^ {2}failing:\n[^]*?(?=^triggers:)/m, signal);
  system.write("backout.yaml", after);
  system.write("level", "5");
  const watch = startBackout(place(), "watch", "--service");
  await watch.said("there is no checkpoint to go back to");
  rmSync(system.path("level"));
  await watch.said('"errors" fires on what was measured before');
  // What held it before is gone now, and it still needs a person.
  await done("checkpoint");
  system.deploy();
  await watch.said('needs a person, backout rollback full, since "errors" fires on what was measured before');
  expect(await runs()).toBe(0);
  // Measured again, it goes back by itself.
  system.write("level", "5");
  await watch.said("rolled back and");
  await stop(watch);
  expect(system.items()).toEqual(["one", "two"]);
});
