import { expect, it } from "vitest";
import { countText, durationText, listText, plural, utcText } from "./measures.js";

it.each([
  [0, "0 ms"],
  [84.4, "84 ms"],
  [1000, "1 s"],
  [1249, "1.2 s"],
  [9960, "10 s"],
  [59_600, "1 min"],
  [80_000, "1 min 20 s"],
  [7_500_000, "2 h 5 min"],
  [90_000_000, "1 d 1 h"],
  [-1200, "-1.2 s"],
])("%d ms is %s", (ms, text) => expect(durationText(ms)).toBe(text));

it.each([
  [0, "0"],
  [999, "999"],
  [12_345, "12,345"],
  [1_234_567, "1,234,567"],
])("%d is counted %s", (count, text) => expect(countText(count)).toBe(text));

it.each([
  [[], ""],
  [["a"], "a"],
  [["a", "b"], "a and b"],
  [["a", "b", "c", "d"], "a, b, c and d"],
  [["a", "b", "c", "d", "e"], "a, b, c and 2 more"],
])("%j is listed as %s", (names, text) => expect(listText(names)).toBe(text));

it("speaks of one and of many", () => {
  expect([plural(1, "step"), plural(12_000, "step")]).toEqual(["1 step", "12,000 steps"]);
});

it("names the zone of a time", () => expect(utcText(0)).toBe("1970-01-01 00:00:00 UTC"));
