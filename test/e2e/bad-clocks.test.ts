import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import type { TriggerStatus } from "../../src/core/signal/trigger-state.js";
import { jsonLines } from "../support/backout-process.js";
import { fakeClock } from "../support/fake-clock.js";
import { rewrite, terminated, test } from "../support/system-test.js";

interface Event {
  readonly type: string;
  readonly at: number;
  readonly text: string;
  readonly triggers?: readonly TriggerStatus[];
}

const waits = 8_000;
const hour = 3_600;

/** By the clock of the watch: the first event in which its trigger is in that state. */
const firstAt = (output: string, state: TriggerStatus["state"]): number =>
  (jsonLines(output) as unknown as Event[]).find(({ triggers }) => triggers?.[0]?.state === state)?.at ??
  Number.NaN;

test.for([
  ["forward", hour, "the clock went forward by 3600"],
  ["back", -hour, "the clock was set back by 3600"],
] as const)(
  "the clock is set %s by an hour in mid-run: said, and what is pending fires after its time, neither at once nor an hour late",
  async ([, seconds, fact], { system, program }) => {
    rewrite(system, "for: 300ms", "for: 8s");
    rewrite(system, "timeout: 1s", "timeout: 30s");
    rewrite(system, "mode: auto", "mode: advise");
    const clock = fakeClock(system.folder);
    system.answer(500);
    const watch = program.startWith(clock.environment, "watch", "--json");
    await watch.said('"state":"pending"');
    clock.set(seconds);
    await watch.said(fact);
    await watch.said('"state":"firing"');
    const { stdout } = await terminated(watch);
    const waited = firstAt(stdout, "firing") - firstAt(stdout, "pending") - seconds * 1_000;
    // When the first event is told its trigger has been pending for a moment already.
    expect(waited).toBeGreaterThan(waits - 1_000);
    expect(waited).toBeLessThan(hour * 1_000);
  },
);

test("a process that was stopped for a while says that nobody judged, and nothing has ripened meanwhile", async ({
  system,
  program,
}) => {
  rewrite(system, "for: 300ms", "for: 8s");
  // What was read before says something for longer than the pause.
  rewrite(system, "timeout: 1s", "timeout: 5s\n    stale: 2m");
  system.answer(500);
  const watch = program.start("watch", "--json");
  await watch.said('"state":"pending"');
  watch.process.kill("SIGSTOP");
  await sleep(11_000);
  system.answer(200);
  watch.process.kill("SIGCONT");
  await watch.said("nobody judged for");
  await watch.said('"state":"inactive"');
  const { stdout } = await terminated(watch);
  expect(stdout).not.toContain('"state":"firing"');
  expect(stdout).not.toContain("the clock");
});
