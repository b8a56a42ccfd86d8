import { expect, test } from "vitest";
import type { Clock } from "../core/ports.js";
import { Alarm } from "./alarm.js";

/** Its sleepers wake when they are told to. */
function handClock() {
  let now = 0;
  let sleepers: { readonly at: number; readonly wake: () => void }[] = [];
  const clock: Clock = {
    now: () => now,
    monotonic: () => now,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        const sleeper = { at: now + ms, wake: resolve };
        sleepers.push(sleeper);
        signal?.addEventListener("abort", () => {
          sleepers = sleepers.filter((one) => one !== sleeper);
          reject(signal.reason);
        });
      }),
  };
  return {
    clock,
    timers: () => sleepers.map(({ at }) => at),
    async to(time: number) {
      now = time;
      const due = sleepers.filter(({ at }) => at <= time);
      sleepers = sleepers.filter(({ at }) => at > time);
      for (const { wake } of due) wake();
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

const watched = (sleep: Promise<void>) => {
  const seen = { awake: false };
  void sleep.then(() => {
    seen.awake = true;
  });
  return seen;
};

test.each([
  { until: undefined, wakes: 250 },
  { until: 100, wakes: 100 },
  { until: 1_000, wakes: 250 },
  { until: -5, wakes: 1 },
])("told to sleep until $until, it wakes at $wakes", async ({ until, wakes }) => {
  const hand = handClock();
  const sleeping = watched(new Alarm(hand.clock, 250).sleep(until));
  await hand.to(wakes - 1);
  expect(sleeping.awake).toBe(false);
  await hand.to(wakes);
  expect(sleeping.awake).toBe(true);
});

test("woken before, it keeps its timer for the next sleep, unless that is to end earlier", async () => {
  const hand = handClock();
  const alarm = new Alarm(hand.clock, 250);
  const first = watched(alarm.sleep(undefined));
  alarm.wake();
  await hand.to(10);
  expect(first.awake).toBe(true);
  const second = watched(alarm.sleep(undefined));
  expect(hand.timers()).toEqual([250]);
  alarm.wake();
  const third = watched(alarm.sleep(60));
  expect(hand.timers()).toEqual([60]);
  await hand.to(60);
  expect([second.awake, third.awake]).toEqual([true, true]);
});

test("stopped, it leaves no timer behind", () => {
  const hand = handClock();
  const alarm = new Alarm(hand.clock, 250);
  void alarm.sleep(undefined);
  alarm.stop();
  expect(hand.timers()).toEqual([]);
});
