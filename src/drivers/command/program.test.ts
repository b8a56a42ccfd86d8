import { describe, expect, test } from "vitest";
import { addSchemaProblems } from "../../core/playbook/schema-problems.js";
import { problemList } from "../../core/playbook/where.js";
import { program, spelled } from "./program.js";

/** As a playbook's reader sees it. */
function problemOf(input: unknown): string {
  const parsed = program.safeParse(input);
  if (parsed.success) return "accepted";
  const place = () => ({ line: 1, column: 1 });
  const list = problemList({ file: "backout.yaml", text: "", find: () => undefined, place });
  addSchemaProblems(program, input, parsed.error.issues, ["restore"], list);
  return list.problems.map(({ path, message, hint }) => `${path}: ${message} (${hint})`).join("; ");
}

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
    [
      "pg_ctl reload -D data",
      'restore: "pg_ctl reload -D data" is one text, and no shell splits it; write a list, ["pg_ctl","reload","-D","data"]',
    ],
    [{ run: "pg_ctl reload" }, 'restore.run: "pg_ctl reload" is one text, and no shell splits it'],
    [[], "restore: the list names no program"],
    [[""], "restore: the list names no program"],
    [["sleep", 1.1], 'restore[1]: 1.1 is a number; it must be text (put it into quotes: "1.1")'],
    [{ run: ["x"], env: { PORT: 80 } }, "restore.env.PORT: 80 is a number; it must be text"],
    [{ run: ["x"], timeout: 30 }, "restore.timeout: 30 is not a duration with a unit"],
    [{ run: ["x"], timeout: "0s" }, "ends the program before it begins"],
    [{ run: ["x"], exit: [] }, "restore.exit: "],
    [{ run: ["x"], exit: [256] }, "restore.exit[0]: "],
    [{ run: ["x"], shell: true }, 'restore.shell: unknown key "shell"'],
    [{}, 'restore.run: "run" is missing'],
    [7, "restore: 7 is a number"],
    [null, "restore: there is no value"],
  ])("refuses %j", (input, says) => {
    expect(problemOf(input)).toContain(says);
  });
});

test.each([
  [["ls", "-l"], "ls -l"],
  [["echo", "two words", ""], 'echo "two words" ""'],
  [["echo", "x".repeat(100)], `echo ${"x".repeat(74)}…`],
])("spelled %j", (argv, text) => {
  expect(spelled(argv)).toBe(text);
});
