import { mkdirSync, rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { type Ended, jsonLines } from "../support/backout-process.js";
import type { SmallSystem } from "../support/small-system.js";
import { type Program, rewrite, terminated, test } from "../support/system-test.js";

const stateFile = ".backout/watch-default.json";

/** As a pipeline does: checkpoint, deploy, watch; the exit status decides whether it goes on. */
const pipeline = async (system: SmallSystem, program: Program): Promise<Ended> => {
  await program.done("checkpoint", "--change", "v2");
  system.deploy();
  return program.run("watch", "--change", "v2", "--until", "2s");
};

test("the gate of a pipeline: 0 where it stayed GREEN, 3 where it did not, also where that was rolled back and verified", async ({
  system,
  program,
}) => {
  rewrite(system, "timeout: 1s", "timeout: 30s");
  const good = await pipeline(system, program);
  expect(good.status, good.stdout + good.stderr).toBe(0);
  expect(good.stdout).toContain("it stayed GREEN");
  const watch = program.start("watch", "--change", "v2", "--until", "60s");
  await watch.said("GREEN");
  system.answer(500);
  await watch.said("roll back by");
  system.answer(200);
  const bad = await watch.ended;
  expect(bad.status, bad.stdout + bad.stderr).toBe(3);
  expect(bad.stdout).toContain("rolled back and verified");
  expect(system.items()).toEqual(["one", "two"]);
});

test("a gate does not pass on what is pending when its time is over, nor on what was never measured", async ({
  system,
  program,
}) => {
  rewrite(system, "for: 300ms", "for: 4s");
  rewrite(system, "mode: auto", "mode: advise");
  system.answer(500);
  const pending = await program.run("watch", "--until", "1s");
  expect(pending.status, pending.stdout + pending.stderr).toBe(3);
  expect(pending.stdout).toContain("worst verdict RED");
  rewrite(system, /(failing:\n {4}driver: http\n {4}with: \{ url: )"[^"]*"/, '$1"http://127.0.0.1:1/"');
  rewrite(system, "value: failure-ratio, probes: 2", "value: { json: /n }");
  rmSync(system.path(stateFile));
  const blind = await program.run("watch", "--until", "3s");
  expect(blind.status, blind.stdout + blind.stderr).toBe(3);
  expect(blind.stdout).toContain("worst verdict UNKNOWN");
});

const level = (file: string): string =>
  `  failing: { driver: command, with: { program: [cat, ${file}] }, every: 200ms, timeout: 30s }\n`;

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

test("killed and started again, a pending trigger goes on from where it was; a damaged or newer state is said", async ({
  system,
  program,
}) => {
  rewrite(system, "for: 300ms", "for: 10m");
  rewrite(system, "timeout: 1s", "timeout: 30s");
  system.answer(500);
  const first = program.start("watch", "--json");
  await first.said('"state":"pending"');
  await sleep(1_500);
  first.process.kill("SIGKILL");
  const [began = Number.NaN] = sinceIn((await first.ended).stdout);
  const restarted = Date.now();
  const second = program.start("watch", "--json");
  await second.said('"watch.verdict"');
  const [goesOn = Number.NaN] = sinceIn((await terminated(second)).stdout);
  // What nobody measured meanwhile does not count; the rest does.
  expect(goesOn).toBeGreaterThanOrEqual(began);
  expect(goesOn).toBeLessThan(restarted);

  system.answer(200);
  for (const [text, fact] of [
    ["{ cut", "is not JSON"],
    ['{"version":99}', "written by a later backout"],
  ] as const) {
    system.write(stateFile, text);
    const ended = await program.run("watch", "--until", "500ms");
    expect(ended.stdout).toContain(fact);
    expect(ended.stdout).toContain("it is not trusted, every trigger begins anew");
  }
  // That of a later version is left as it is.
  expect(system.read(stateFile)).toBe('{"version":99}');
});

test("a window that was measured of another source does not count after a restart, and that is said", async ({
  system,
  program,
}) => {
  const windowed = `errors: { when: 'increase(failing, "10m") > 50', for: 0s, level: RED }`;
  rewrite(system, /^ {2}failing:\n[^]*?(?=^triggers:)/m, level("first"));
  rewrite(system, "errors: { when: failing > 0.5, for: 300ms, level: RED }", windowed);
  system.write("first", "1");
  system.write("second", "1000");
  const first = program.start("watch", "--service");
  await expect.poll(() => system.read(stateFile), { timeout: 120_000 }).toContain('"history"');
  await terminated(first);
  rewrite(system, "[cat, first]", "[cat, second]");
  const second = program.start("watch", "--service");
  await second.said(
    'signals.failing was changed since the last watch: what was remembered of "failing" is forgotten',
  );
  await second.said('"errors" begins anew');
  await second.said("GREEN");
  // What it remembers now is of the new one.
  system.write("second", "1100");
  await second.said("RED");
  await terminated(second);
  const third = program.start("watch", "--service");
  await third.said("RED");
  const { stdout } = await terminated(third);
  expect(stdout).not.toContain("was changed");
});

test("a state that cannot be written is said, and judging goes on", async ({ system, program }) => {
  rewrite(system, "timeout: 1s", "timeout: 30s");
  mkdirSync(system.path(stateFile), { recursive: true });
  const ended = await program.run("watch", "--until", "1s");
  expect(ended.status, ended.stdout + ended.stderr).toBe(0);
  expect(ended.stdout).toContain("judging goes on, and a restart would begin anew");
});

test("of two watches of one environment the second only looks, and acts when the first has gone", async ({
  system,
  program,
}) => {
  await program.done("checkpoint");
  system.deploy();
  const first = program.start("watch", "--service");
  await first.said("GREEN");
  const second = program.start("watch");
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

test("H76 a service goes on after its rollback and starts no second one for what fires again", async ({
  system,
  program,
}) => {
  rewrite(system, /$/, "watch: { mute: 100ms, cooldown: 10m }\n");
  await program.done("checkpoint");
  system.deploy();
  const watch = program.start("watch", "--service");
  await watch.said("GREEN");
  system.answer(500);
  await watch.said("by itself");
  system.answer(200);
  await watch.said("rolled back and verified");
  system.answer(500);
  await watch.said("it did not mend it, and the cool-down lasts until");
  const ended = await terminated(watch);
  expect(ended.status).toBe(0);
  expect(jsonLines((await program.run("history", "--json")).stdout)).toHaveLength(1);
});
