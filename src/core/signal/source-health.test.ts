import { describe, expect, test } from "vitest";
import { healthAfter, pauseAfter, type SourceHealth, unasked } from "./source-health.js";

const error = { code: "UNREACHABLE", message: "refused" } as const;

/** `g` good, `s` slow, `x` failed: one a second. */
function after(readings: string): SourceHealth {
  let health = unasked("p95", 0);
  for (const [index, reading] of [...readings].entries()) {
    const asking = { at: (index + 1) * 1_000, ms: reading === "s" ? 600 : 20 };
    health = healthAfter(health, reading === "x" ? { ...asking, error } : asking, 1_000);
  }
  return health;
}

describe("the health of a source", () => {
  test.each([
    ["", "waiting", 0, 0],
    ["g", "ok", 1_000, 0],
    ["ggg", "ok", 1_000, 0],
    ["x", "failing", 1_000, 1],
    ["ggxx", "failing", 3_000, 2],
    ["ggs", "slow", 3_000, 0],
    ["ggsg", "ok", 4_000, 0],
    ["xxg", "ok", 3_000, 0],
    ["gxgx", "failing", 4_000, 1],
    ["gxgxg", "flapping", 5_000, 0],
    ["gxgxgggggg", "flapping", 5_000, 0],
    ["gxgxggggggg", "ok", 11_000, 0],
    ["gsgsgsgs", "slow", 8_000, 0],
  ])("%s: %s since %d", (readings, state, since, failures) => {
    expect(after(readings)).toMatchObject({ state, since, failures });
  });

  test("the last error and the last value are remembered, and no more than ten readings", () => {
    const health = after("gxggggggggggggg");
    expect(health.lastError).toEqual({ at: 2_000, message: "refused" });
    expect(health.lastGood).toBe(15_000);
    expect(health.recent).toHaveLength(10);
    expect(JSON.parse(JSON.stringify(health))).toEqual(health);
  });
});

describe("how long a failing source is left alone", () => {
  test.each([
    [0, undefined, 5_000, 5_000],
    [1, "UNREACHABLE", 5_000, 5_000],
    [2, "UNREACHABLE", 5_000, 10_000],
    [3, "TIMEOUT", 5_000, 20_000],
    [4, "TIMEOUT", 5_000, 30_000],
    [50, "DENIED", 5_000, 30_000],
    [50, "UNREACHABLE", 1_000, 8_000],
    [50, "UNREACHABLE", 60_000, 60_000],
    [2_000, "UNREACHABLE", 10, 80],
    [9, "NOT_FOUND", 5_000, 5_000],
    [9, "CONFLICT", 5_000, 5_000],
  ] as const)("%d failures by %s, every %d ms: %d ms", (failures, code, every, pause) => {
    expect(pauseAfter(failures, code, every)).toBe(pause);
  });
});
