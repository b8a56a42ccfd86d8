import { mkdirSync, rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
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
const start = (...args: string[]): Started => startBackout(place(), ...args);

function rewrite(from: RegExp | string, to: string): void {
  const before = system.read("backout.yaml");
  const after = before.replace(from, to);
  expect(after).not.toBe(before);
  system.write("backout.yaml", after);
}

const stateFile = ".backout/watch-default.json";

/** As a pipeline does: checkpoint, deploy, watch; the exit status decides whether it goes on. */
const pipeline = async (): Promise<Ended> => {
  const taken = await run("checkpoint", "--change", "v2");
  expect(taken.status, taken.stdout + taken.stderr).toBe(0);
  system.deploy();
  return run("watch", "--change", "v2", "--until", "2s");
};

test("the gate of a pipeline: 0 where it stayed GREEN, 3 where it did not, also where that was rolled back and verified", async () => {
  rewrite("timeout: 1s", "timeout: 30s");
  const good = await pipeline();
  expect(good.status, good.stdout + good.stderr).toBe(0);
  expect(good.stdout).toContain("it stayed GREEN");
  const watch = start("watch", "--change", "v2", "--until", "60s");
  await watch.said("GREEN");
  system.answer(500);
  await watch.said("roll back by");
  system.answer(200);
  const bad = await watch.ended;
  expect(bad.status, bad.stdout + bad.stderr).toBe(3);
  expect(bad.stdout).toContain("rolled back and verified");
  expect(system.items()).toEqual(["one", "two"]);
});

test("a gate does not pass on what is pending when its time is over, nor on what was never measured", async () => {
  rewrite("for: 300ms", "for: 4s");
  rewrite("mode: auto", "mode: advise");
  system.answer(500);
  const pending = await run("watch", "--until", "1s");
  expect(pending.status, pending.stdout + pending.stderr).toBe(3);
  expect(pending.stdout).toContain("worst verdict RED");
  rewrite(/(failing:\n {4}driver: http\n {4}with: \{ url: )"[^"]*"/, '$1"http://127.0.0.1:1/"');
  rewrite("value: failure-ratio, probes: 2", "value: { json: /n }");
  rmSync(system.path(stateFile));
  const blind = await run("watch", "--until", "3s");
  expect(blind.status, blind.stdout + blind.stderr).toBe(3);
  expect(blind.stdout).toContain("worst verdict UNKNOWN");
});

interface Line {
  readonly type: string;
  readonly text: string;
  readonly triggers?: readonly { readonly state: string; readonly since?: number }[];
}

const sinceIn = (output: string): number[] =>
  (jsonLines(output) as unknown as Line[]).flatMap(({ triggers }) =>
    (triggers ?? []).flatMap(({ state, since }) =>
      state === "pending" && since !== undefined ? [since] : [],
    ),
  );

test("killed and started again, a pending trigger goes on from where it was; a damaged or newer state is said", async () => {
  rewrite("for: 300ms", "for: 10m");
  rewrite("timeout: 1s", "timeout: 30s");
  system.answer(500);
  const first = start("watch", "--json");
  await first.said('"state":"pending"');
  await sleep(1_500);
  first.process.kill("SIGKILL");
  const [began = Number.NaN] = sinceIn((await first.ended).stdout);
  const restarted = Date.now();
  const second = start("watch", "--json");
  await second.said('"watch.verdict"');
  second.process.kill("SIGTERM");
  const [goesOn = Number.NaN] = sinceIn((await second.ended).stdout);
  // What nobody measured meanwhile does not count; the rest does.
  expect(goesOn).toBeGreaterThanOrEqual(began);
  expect(goesOn).toBeLessThan(restarted);

  system.answer(200);
  for (const [text, fact] of [
    ["{ cut", "is not JSON"],
    ['{"version":99}', "written by a later backout"],
  ] as const) {
    system.write(stateFile, text);
    const ended = await run("watch", "--until", "500ms");
    expect(ended.stdout).toContain(fact);
    expect(ended.stdout).toContain("it is not trusted, every trigger begins anew");
  }
  // That of a later version is left as it is.
  expect(system.read(stateFile)).toBe('{"version":99}');
});

test("a state that cannot be written is said, and judging goes on", async () => {
  mkdirSync(system.path(stateFile), { recursive: true });
  const ended = await run("watch", "--until", "1s");
  expect(ended.status, ended.stdout + ended.stderr).toBe(0);
  expect(ended.stdout).toContain("judging goes on, and a restart would begin anew");
});

test("of two watches of one environment the second only looks, and acts when the first has gone", async () => {
  const taken = await run("checkpoint");
  expect(taken.status, taken.stdout).toBe(0);
  system.deploy();
  const first = start("watch", "--service");
  await first.said("GREEN");
  const second = start("watch");
  await second.said("watches this environment; this one only looks, and starts no rollback");
  first.process.kill("SIGKILL");
  await first.ended;
  await second.said("this one acts now");
  system.answer(500);
  await second.said("by itself");
  system.answer(200);
  const ended = await second.ended;
  expect(ended.status, ended.stdout + ended.stderr).toBe(0);
  expect(ended.stdout).toContain("rolled back and verified");
});

test("H76 a service goes on after its rollback and starts no second one for what fires again", async () => {
  rewrite(/$/, "watch: { mute: 100ms, cooldown: 10m }\n");
  const taken = await run("checkpoint");
  expect(taken.status, taken.stdout).toBe(0);
  system.deploy();
  const watch = start("watch", "--service");
  await watch.said("GREEN");
  system.answer(500);
  await watch.said("by itself");
  system.answer(200);
  await watch.said("rolled back and verified");
  system.answer(500);
  await watch.said("it did not mend it, and the cool-down lasts until");
  watch.process.kill("SIGTERM");
  const ended = await watch.ended;
  expect(ended.status).toBe(0);
  expect(jsonLines((await run("history", "--json")).stdout)).toHaveLength(1);
});
