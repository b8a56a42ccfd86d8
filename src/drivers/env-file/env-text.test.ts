import fc from "fast-check";
import { expect, test } from "vitest";
import { assignments, keepVariables, keyChanges, parseVariables, textProblems } from "./env-text.js";

const text = `# settings
export A=1
B="two
lines" # and a remark
C='3'
`;

test("assignments are found with their lines, several lines long where quoted", () => {
  expect(assignments(text).map(({ key, line }) => [key, line])).toEqual([
    ["A", 2],
    ["B", 3],
    ["C", 5],
  ]);
  expect(parseVariables(text)).toEqual({ A: "1", B: "two\nlines", C: "3" });
});

test.each([
  ["neither assignment nor comment", "A=1\nhunter2 secret\n", 2, /neither KEY=value nor a comment/],
  ["duplicate key", "A=1\nB=2\nA=3\n", 3, /"A" was already set in line 1/],
  ["open quote", "A=1\nB='hunter2\nC=3\n", 2, /"B" opens a quote/],
  ["byte order mark", "\uFEFFA=1\n", 1, /byte order mark/],
  ["CRLF", "A=1\r\nB=2\r\n", 1, /CRLF/],
])("H73 %s is said with its line and without a value", (_, given, line, message) => {
  const problems = textProblems(given);
  expect(problems).toHaveLength(1);
  expect(problems[0]?.line).toBe(line);
  expect(problems[0]?.message).toMatch(message);
  expect(JSON.stringify(problems)).not.toContain("hunter2");
});

test("a sound file has no problems", () => expect(textProblems(text)).toEqual([]));

test.each([
  ["takes the present value over", "A=1\nB=2\n", "A=9\nB=8\n", ["B"], "A=1\nB=8\n"],
  ["adds one that came later", "A=1", "A=9\nNEW=5\n", ["NEW"], "A=1\nNEW=5\n"],
  ["leaves out one that is not set now", "A=1\nB=2\n", "A=9\n", ["B"], "A=1\n"],
  ["knows several lines", "A='1\n2'\nB=2\n", "A='3\n4'\n", ["A"], "A='3\n4'\nB=2\n"],
  ["replaces duplicates once", "A=1\nA=2\n", "A=9\n", ["A"], "A=9\n"],
  ["puts a line end after the present file's last line", "A=1\nB=2\n", "A=9", ["A"], "A=9\nB=2\n"],
])("M15 keeping a variable %s", (_, captured, present, keep, wanted) => {
  expect(keepVariables(captured, present, keep)).toBe(wanted);
});

test("changes name keys only", () => {
  expect(keyChanges({ A: "1", B: "2", C: "3" }, { A: "1", B: "x", D: "4" })).toEqual([
    { key: "B", how: "changed" },
    { key: "C", how: "removed" },
    { key: "D", how: "added" },
  ]);
});

test("keeping what a program wrote never alters another variable", () => {
  const value = fc.stringMatching(/^[\w ./:@-]{0,12}$/);
  const file = fc.dictionary(fc.constantFrom("A", "B", "C", "D"), value);
  const written = (variables: Record<string, string>): string =>
    Object.entries(variables)
      .map(([key, one]) => `${key}="${one}"\n`)
      .join("");
  fc.assert(
    fc.property(file, file, fc.subarray(["A", "B", "C", "D"]), (captured, present, keep) => {
      const wanted = Object.fromEntries(
        ["A", "B", "C", "D"].flatMap((key) => {
          const one = (keep.includes(key) ? present : captured)[key];
          return one === undefined ? [] : [[key, one]];
        }),
      );
      const joined = keepVariables(written(captured), written(present), keep);
      expect(parseVariables(joined ?? "?=")).toEqual(wanted);
    }),
  );
});
