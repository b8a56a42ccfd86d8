import { expect, test } from "vitest";
import { quantity } from "./quantity.js";

test.each([
  ["128Mi", 134_217_728],
  ["64Ki", 65_536],
  ["1.5G", 1_500_000_000],
  ["100m", 0.1],
  ["12e6", 12_000_000],
  ["1E", 1e18],
  ["0", 0],
  ["12X", undefined],
  ["Mi", undefined],
  ["", undefined],
])("%s is %s", (text, value) => {
  expect(quantity(text)).toBe(value);
});
