import { expect, test } from "vitest";
import { systemClock } from "./system-clock.js";
import { timeIds } from "./time-ids.js";

test("ids carry the time, sort by it, and differ within the same second", () => {
  let now = Date.UTC(2026, 10, 22, 5, 46, 44, 900);
  const ids = timeIds({ ...systemClock, now: () => now });
  expect(ids.next("run")).toMatch(/^run-20261122-054644-[0-9a-hjkmnp-tv-z]{4}$/);
  const many = Array.from({ length: 50 }, () => ids.next("run"));
  expect(new Set(many).size).toBeGreaterThan(45);
  now += 1_000;
  const later = ids.next("run");
  expect([later, ...many].sort().at(-1)).toBe(later);
});

test("the clock sleeps as long as asked, and its durations never step back", async () => {
  const before = systemClock.monotonic();
  await systemClock.sleep(30);
  expect(systemClock.monotonic() - before).toBeGreaterThanOrEqual(29);
  expect(Math.abs(systemClock.now() - Date.now())).toBeLessThan(1_000);
});

test.each([10, 2 ** 40])("a sleep of %i ms ends with the signal's reason", async (ms) => {
  const reason = new Error("cancelled");
  await expect(systemClock.sleep(ms, AbortSignal.abort(reason))).rejects.toBe(reason);
  const controller = new AbortController();
  setTimeout(() => controller.abort(reason), 1);
  await expect(systemClock.sleep(Math.max(ms, 5_000), controller.signal)).rejects.toBe(reason);
});
