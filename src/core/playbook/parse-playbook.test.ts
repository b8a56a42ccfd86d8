import { describe, expect, test } from "vitest";
import { usedDrivers } from "./parse-playbook.js";
import { readPlaybook } from "./read-playbook.js";
import { head, line, lines, parse, valid, watched } from "./test-parse.js";

describe("environments", () => {
  const several = `${valid}environments: {staging: {}, prod: {}}\n`;
  const cases: [string, string, string | undefined, string[]][] = [
    [
      "several and none named",
      several,
      undefined,
      [
        "6:1 environments: which environment? There are several and none is the default | name one: -e staging or -e prod; or set default: true in one of them",
      ],
    ],
    [
      "a misspelt one",
      several,
      "pord",
      ['6:1 environments: no environment "pord"; did you mean "prod"? | environments: staging, prod'],
    ],
    [
      "one named where there are none",
      valid,
      "prod",
      ['1:1 : no environment "prod": the playbook names none | leave -e out, or add environments:'],
    ],
    [
      "two defaults",
      `${valid}environments: {a: {default: true}, b: {default: true}}\n`,
      "a",
      ['6:1 environments: "a" and "b" are both the default | keep default: true in one of them'],
    ],
    [
      "a variable that only the other has",
      `${head}environments: {a: {variables: {f: x}}, b: {}}\ntargets: {db: {driver: sqlite, with: {file: "\${f}"}}}\n`,
      "b",
      [
        '4:46 targets.db.with.file: no variable "f" in environment "b" | variables: none; for the characters themselves write $${f}',
      ],
    ],
  ];
  test.each(cases)("%s", async (_, text, environment, expected) => {
    expect(await lines(text, environment)).toEqual(expected);
  });

  test.each<[string, string | undefined, string]>([
    ["", undefined, "default"],
    ["environments: {only: {}}", undefined, "only"],
    ["environments: {a: {}, b: {default: true}}", undefined, "b"],
    ["environments: {a: {}, b: {default: true}}", "a", "a"],
  ])("%s with -e %s is %s", async (text, environment, expected) => {
    const { playbook, problems } = await parse(`${valid}${text}\n`, environment);
    expect(problems).toEqual([]);
    expect(playbook?.environment).toBe(expected);
  });
});

describe("warnings leave the playbook usable", () => {
  const cases: [string, string, string[]][] = [
    [
      "an unused variable",
      `${valid}variables: {x: 1}\n`,
      ['warning 6:13 variables.x: the variable "x" is never used | remove it, or use it'],
    ],
    [
      "H75 a promise longer than the objective",
      `${valid}objectives: {rto: 5m}\nchanges: {c: {targets: [db], promised: 6m}}\n`,
      [
        "warning 7:40 changes.c.promised: 6m is longer than the recovery time objective of 5m | promise less, or raise objectives.rto",
      ],
    ],
    [
      "H75 a time-out longer than the promise",
      `${valid}scenarios: {s: {restore: [db], promised: 1m, timeout: 90s}}\n`,
      [
        "warning 6:55 scenarios.s.timeout: 90s is longer than the 1m promised | a run that takes longer than promised should be told so earlier",
      ],
    ],
    [
      "a RED trigger that no decision looks at",
      `${watched}triggers:\n  a: {level: RED, for: 1m, when: errors > 1}\n  b: {level: RED, for: 1m, when: errors > 2}\ndecisions: [{when: a, scenario: all, mode: advise}]\n`,
      [
        "warning 9:3 triggers.b: no decision looks at this trigger of level RED | name it in a rule, or write a rule over verdict",
      ],
    ],
    [
      "a number with a leading nought",
      `${valid}retention: {keep: 010}\n`,
      ['warning 6:19 retention.keep: 010 is read as the number 10 | put it into quotes: "010"'],
    ],
  ];
  test.each(cases)("%s", async (_, text, expected) => {
    const { playbook, problems } = await parse(text);
    expect(problems.map(line)).toEqual(expected);
    expect(playbook?.system).toBe("shop");
  });

  test("a rule over the verdict stands for every RED trigger", async () => {
    const rules =
      "triggers: {a: {level: RED, for: 1m, when: errors > 1}}\ndecisions: [{when: verdict == 'RED', scenario: all, mode: advise}]\n";
    expect(await lines(watched + rules)).toEqual([]);
  });
});

describe("good playbooks", () => {
  test("without scenarios there is one, `all`, that restores every target", async () => {
    const { playbook } = await parse(`${valid}checks: {up: {driver: http, with: {url: "http://x"}}}\n`);
    expect(playbook?.scenarios).toEqual({
      all: { strategy: "restore", restore: ["db", "api"], restart: [], checks: ["up"] },
    });
  });

  test("checks of a scenario are all unless named", async () => {
    const checks =
      "checks: {a: {driver: http, with: {url: http://x}}, b: {driver: http, with: {url: http://x}}}\n";
    const { playbook } = await parse(
      `${valid}${checks}scenarios: {s: {restore: [db]}, t: {restore: [db], checks: [b]}}\n`,
    );
    expect(playbook?.scenarios["s"]?.checks).toEqual(["a", "b"]);
    expect(playbook?.scenarios["t"]?.checks).toEqual(["b"]);
  });

  test("variables: the environment's win, a whole text keeps the type, references and escapes stay", async () => {
    const text = `${head}variables: {root: /srv, port: 1, name: app}
environments: {prod: {variables: {port: 8080}}}
state: "\${root}/state-\${port}"
targets:
  db:
    driver: sqlite
    with:
      file: "\${root}/\${name}.db"
      port: \${port}
      password: "\${env:PW}-\${file:/run/pw}"
      args: ["$\${HOME}", "$\${env:X}", "\${port}x"]
`;
    const { playbook, problems } = await parse(text);
    expect(problems).toEqual([]);
    expect(playbook?.state).toBe("/srv/state-8080");
    expect(playbook?.targets["db"]?.with).toEqual({
      file: "/srv/app.db",
      port: 8080,
      password: "${env:PW}-${file:/run/pw}",
      // The second is undone where secrets are put in.
      args: ["${HOME}", "$${env:X}", "8080x"],
    });
  });

  test("durations are milliseconds, defaults are there, options stay as written", async () => {
    const { playbook } = await parse(`${watched}objectives: {rto: 1m30s}\n`);
    expect(playbook).toMatchObject({
      objectives: { rto: 90_000 },
      state: ".backout",
      watch: { cooldown: 600_000, mute: 30_000 },
      signals: { errors: { every: 5_000, timeout: 5_000 } },
      targets: { db: { with: { file: "app.db" }, uses: [] } },
    });
  });

  test("an alias stands for its value", async () => {
    const { playbook, problems } = await parse(
      `${head}targets:\n  a: {driver: sqlite, with: {file: a, args: &args [x]}}\n  b: {driver: sqlite, with: {file: b, args: *args}}\n`,
    );
    expect(problems).toEqual([]);
    expect(playbook?.targets["b"]?.with["args"]).toEqual(["x"]);
  });

  test("a byte order mark and Windows line ends do no harm", async () => {
    const bytes = Buffer.from(`\ufeff${valid}`.replaceAll("\n", "\r\n"));
    expect((await parse(bytes)).problems).toEqual([]);
  });

  test("the drivers used are known before any is loaded", () => {
    const { source } = readPlaybook({ text: `${watched}checks: {c: {driver: nope}}\n`, file: "x" });
    expect(source && usedDrivers(source)).toEqual({
      targets: new Set(["sqlite"]),
      signals: new Set(["http"]),
      checks: new Set(["nope"]),
    });
  });
});
