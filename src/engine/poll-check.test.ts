import { expect, test } from "vitest";
import type { Check } from "../core/driver.js";
import { pollCheck } from "./poll-check.js";

type Result = Check["result"] | "throws" | "nothing";

/** A clock that only moves when slept on; each question takes 100 ms. */
function asking(results: readonly Result[]) {
  let now = 0;
  let index = 0;
  const clock = {
    now: () => now,
    monotonic: () => now,
    sleep: async (ms: number, signal?: AbortSignal) => {
      signal?.throwIfAborted();
      now += ms;
    },
  };
  const ask = async (): Promise<Check[]> => {
    now += 100;
    const result = results[Math.min(index++, results.length - 1)] as Result;
    if (result === "throws") throw new Error("no route");
    return result === "nothing" ? [] : [{ name: "health", result }];
  };
  return { clock, ask, asked: () => index };
}

test.each<[string, Result[], { within: number; stable: number }, Result, number]>([
  ["passes at once", ["passed"], { within: 1000, stable: 0 }, "passed", 1],
  ["fails at once where there is no time", ["failed", "passed"], { within: 0, stable: 0 }, "failed", 1],
  ["passes later", ["failed", "error", "passed"], { within: 5000, stable: 0 }, "passed", 3],
  ["fails for as long as it may", ["failed"], { within: 900, stable: 0 }, "failed", 4],
  ["must keep passing", ["passed"], { within: 0, stable: 500 }, "passed", 3],
  [
    "begins anew when it did not keep passing",
    ["passed", "failed", "passed"],
    { within: 5000, stable: 500 },
    "passed",
    5,
  ],
  ["flaps until its time is over", ["passed", "failed"], { within: 350, stable: 300 }, "failed", 2],
  ["measures nothing", ["nothing"], { within: 400, stable: 0 }, "nothing", 2],
  ["cannot measure", ["throws"], { within: 400, stable: 0 }, "error", 2],
  ["could not measure at first", ["throws", "passed"], { within: 4000, stable: 0 }, "passed", 2],
])("a check %s", async (_, results, times, expected, asked) => {
  const { clock, ask, asked: count } = asking(results);
  const checks = await pollCheck(ask, times, clock, new AbortController().signal);
  expect(checks[0]?.result ?? "nothing").toBe(expected);
  expect(count()).toBe(asked);
});

test("a check that is told to end says why, not that it could not measure", async () => {
  const reason = new Error("cancelled");
  const { clock, ask } = asking(["throws"]);
  await expect(pollCheck(ask, { within: 0, stable: 0 }, clock, AbortSignal.abort(reason))).rejects.toBe(
    reason,
  );
});
