import { describe, expect, it } from "vitest";
import { BackoutError, type Problem, ProblemsError, problem, warning } from "../../core/errors.js";
import { renderError, renderProblems } from "./render-problems.js";

const options = { now: 0, width: 80, colour: false };
const at = (line: number, column: number) => ({ file: "backout.yaml", line, column });

const problems: Problem[] = [
  problem("db", "data/shop.sqlite: there is no such file"),
  { ...problem("targets.web.uses[0]", 'there is no target "dbb"', 'did you mean "db"?'), ...at(120, 13) },
  {
    ...warning("scenarios.code.promised", "10m is longer than the recovery time objective of 5m"),
    ...at(12, 5),
  },
];

describe("problems", () => {
  it("come in the order of the file, each with its place, and are counted", () => {
    expect(renderProblems(problems, options)).toBe(`\
backout.yaml:12:5  warning: scenarios.code.promised  10m is longer than the
                   recovery time objective of 5m
backout.yaml:120:13  targets.web.uses[0]  there is no target "dbb"
    hint: did you mean "db"?
  db: data/shop.sqlite: there is no such file

2 problems and 1 warning`);
  });

  it("put the place above where the terminal is narrow", () => {
    expect(
      renderProblems(problems.slice(1, 2), { ...options, width: 38 })
        .split("\n")
        .slice(0, 2),
    ).toEqual(["backout.yaml:120:13", "  targets.web.uses[0]  there is no"]);
  });
});

describe("an error", () => {
  it.each<[string, unknown, string]>([
    [
      "has its hint below",
      new BackoutError("NOT_FOUND", 'there is no scenario "cod"', { hint: "known: code, full" }),
      'there is no scenario "cod"\n  hint: known: code, full',
    ],
    [
      "shows every problem that it carries",
      new ProblemsError("REFUSED", "code: there is no way back", [
        problem("db", "unproven", "backout prove"),
        problem("app", "gone"),
      ]),
      "code: there is no way back\n\n  db: unproven\n    hint: backout prove\n  app: gone\n\n2 problems",
    ],
    ["that nobody foresaw says so", new TypeError("x is not a function"), "unexpected: x is not a function"],
    ["can be anything", "text\u001B[2J", "unexpected: text"],
  ])("%s", (_, error, text) => expect(renderError(error, options)).toBe(text));
});
