import { describe, expect, test } from "vitest";
import { program, spelled } from "./program.js";

const issue = (input: unknown): string => {
  const found = program.safeParse(input).error?.issues[0];
  return found === undefined ? "accepted" : [...found.path, found.message].join(": ");
};

describe("program", () => {
  test("a plain list is the short form", () => {
    expect(program.parse(["systemctl", "restart", "web"])).toEqual({
      run: ["systemctl", "restart", "web"],
      env: {},
      exit: [0],
    });
  });

  test("the long form, with its time-out in milliseconds", () => {
    const long = { run: ["x"], cwd: "sub", env: { A: "1" }, timeout: "1m30s", input: "y", exit: [0, 3] };
    expect(program.parse(long)).toEqual({ ...long, timeout: 90_000 });
  });

  test.each<[input: unknown, says: string]>([
    ["pg_ctl reload -D data", 'write a list, ["pg_ctl","reload","-D","data"]'],
    [{ run: "pg_ctl reload" }, 'run: "pg_ctl reload" is one text; write a list, ["pg_ctl","reload"]'],
    [[], "the list is empty"],
    [[""], "first in the list, is empty"],
    [["sleep", 1.1], '1: 1.1 is not text; put it in quotes: "1.1"'],
    [{ run: ["x"], env: { PORT: 80 } }, 'env: PORT: 80 is not text; put it in quotes: "80"'],
    [
      { run: ["x"], timeout: 30 },
      "30 is not a duration with a unit; write ms, s, m, h, d or w after the number",
    ],
    [{ run: ["x"], timeout: "0s" }, "ends the program before it begins"],
    [{ run: ["x"], exit: [] }, "exit"],
    [{ run: ["x"], exit: [256] }, "exit"],
    [{ run: ["x"], shell: true }, "shell"],
    [7, "7 is not a list"],
    [null, "null is not a list"],
  ])("refuses %j", (input, says) => {
    expect(issue(input)).toContain(says);
  });
});

test.each([
  [["ls", "-l"], "ls -l"],
  [["echo", "two words", ""], 'echo "two words" ""'],
  [["echo", "x".repeat(100)], `echo ${"x".repeat(74)}…`],
])("spelled %j", (argv, text) => {
  expect(spelled(argv)).toBe(text);
});
