import { describe, expect, test } from "vitest";
import { numberAt, numberIn } from "./signal.js";

describe("numberIn", () => {
  test.each([
    ["42\n", 42],
    [" -1.5e3 ", -1500],
    ["+.5", 0.5],
    ["0", 0],
  ])("%j is %d", (text, value) => {
    expect(numberIn("s", text)).toBe(value);
  });

  test.each(["", "NaN", "Infinity", "1e999", "0x10", "1,5", "3 rows", "1\n2", "null", "true"])(
    "H41 %j is no value, and the error quotes it",
    (text) => {
      expect(() => numberIn("s", text)).toThrow(`s: could not measure, the output ${JSON.stringify(text)}`);
    },
  );
});

describe("numberAt", () => {
  test("finds the number", () => {
    expect(numberAt("s", '{"queue":[{"depth":3}]}', "/queue/0/depth")).toBe(3);
  });

  test.each([
    ['{"a":"3"}', "/a", '"\\"3\\"" at "/a" is not a number'],
    ['{"a":null}', "/a", '"null" at "/a"'],
    ['{"a":1e999}', "/a", "is not a number"],
    ["{}", "/a", 'nothing at "/a"'],
    ["{", "/a", 'the output "{" is not JSON'],
    ["NaN", "", "is not JSON"],
  ])("%j at %j is no value", (text, pointer, says) => {
    expect(() => numberAt("s", text, pointer)).toThrow(says);
  });
});
