import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compileExpression } from "./expression.js";

const variables = { error_rate: "double", latency: "double", high: "bool", verdict: "string" } as const;
const values = { error_rate: 7, latency: 0.5, high: true, verdict: "RED" };

const expressionOf = (text: string) => {
  const compiled = compileExpression(text, variables);
  if ("problems" in compiled) throw new Error(compiled.problems[0]?.message);
  return compiled.expression;
};

describe("expressions", () => {
  test.each([
    ["error_rate > 5", true, ["error_rate"]],
    ["error_rate > 7", false, ["error_rate"]],
    ["error_rate > 5.5 && latency < 1", true, ["error_rate", "latency"]],
    ["error_rate * 100 > 699", true, ["error_rate"]],
    ["error_rate / 2 == 3.5", true, ["error_rate"]],
    ["100 - error_rate == 93", true, ["error_rate"]],
    ["10 / (error_rate * 2) < 1", true, ["error_rate"]],
    ["1 + error_rate == 8 && 2 * error_rate == 14", true, ["error_rate"]],
    ["error_rate == 7", true, ["error_rate"]],
    ["error_rate != 7", false, ["error_rate"]],
    ["error_rate in [5, 7]", true, ["error_rate"]],
    ['high && verdict == "RED"', true, ["high", "verdict"]],
    ["!high || verdict in ['YELLOW']", false, ["high", "verdict"]],
    ["[1.0, 2.0].exists(x, x > latency)", true, ["latency"]],
    ["high ? latency > 1 : error_rate > 1", false, ["high", "latency", "error_rate"]],
    ["1 < 2", true, []],
  ])("%s is %s", (text, expected, used) => {
    const expression = expressionOf(text);
    expect(expression.evaluate(values)).toBe(expected);
    expect(expression.variables).toEqual(used);
  });

  test.each([
    ["", [{ message: "Unexpected token: EOF", offset: 0 }]],
    ["error_rate >", [{ message: "Unexpected token: EOF", offset: 12 }]],
    ["error_rate = 5", [{ message: "Unexpected character: =", offset: 11 }]],
    ["error_rate", [{ message: "this yields double, not true or false", offset: 0 }]],
    ["verdict", [{ message: "this yields string, not true or false", offset: 0 }]],
    ["high == 5", [{ message: "no such overload: bool == int", offset: 0 }]],
    [
      "a > 1 && b > 2 || a > 3",
      [
        { message: 'unknown name "a"', offset: 0, unknown: "a" },
        { message: 'unknown name "b"', offset: 9, unknown: "b" },
      ],
    ],
    ["constructor > 1", [{ message: 'unknown name "constructor"', offset: 0, unknown: "constructor" }]],
  ])("%j is no condition", (text, problems) => {
    expect(compileExpression(text, variables)).toEqual({ problems });
  });

  test("a condition without an answer throws instead of saying no", () => {
    expect(() => expressionOf("1 / 0 > 1 && high").evaluate(values)).toThrow("division by zero");
  });

  test("any text compiles or is a problem inside the text, never an exception", () => {
    const words = [
      "error_rate",
      "high",
      "verdict",
      "&&",
      "||",
      "!",
      ">",
      "==",
      "1",
      "0.5",
      "'x'",
      "(",
      ")",
      "[",
      "]",
      ".",
      "?",
      ":",
      ",",
      "in",
      " ",
      "type",
      "all",
    ];
    const soup = fc.array(fc.constantFrom(...words), { maxLength: 20 }).map((all) => all.join(" "));
    const towers = fc.constantFrom("(".repeat(9_999), "!".repeat(99_999), "high&&".repeat(9_999));
    fc.assert(
      fc.property(fc.oneof(soup, fc.string(), towers), (text) => {
        const compiled = compileExpression(text, { ...variables, type: "double" });
        for (const { offset } of "problems" in compiled ? compiled.problems : []) {
          expect(offset).toBeGreaterThanOrEqual(0);
          expect(offset).toBeLessThanOrEqual(text.length);
        }
      }),
      { numRuns: 500 },
    );
  });
});
