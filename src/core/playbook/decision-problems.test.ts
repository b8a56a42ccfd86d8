import { describe, expect, test } from "vitest";
import { lines, parse, watched } from "./test-parse.js";

const system = `${watched}triggers:
  high: {level: RED, when: errors > 5, for: 1m}
  odd: {level: YELLOW, when: errors > 1, for: 1m}
changes: {v2: {targets: [api]}}
scenarios:
  code: {strategy: code, restore: [api]}
  full: {restore: [api, db]}
questions:
  damaged: {ask: Are rows damaged?}
  who: {ask: Who is locked out?, answers: [everyone, some]}
`;
const asked = `  - {when: 'verdict == "UNKNOWN"', then: {ask: damaged, then: {say: a}, else: {ask: who, answers: {everyone: {say: b}, some: {say: c}}}}}\n`;
const own = (text: string) => `${system}decisions:\n${text}${asked}`;

const cases: [string, string, string[]][] = [
  ["a list and a tree that are sound", "", []],
  [
    "a condition that contradicts itself",
    '  - {when: high && verdict == "GREEN", scenario: code, mode: auto}\n',
    ["decisions[0].when: the condition can never hold | see what contradicts itself in it"],
  ],
  [
    "a condition that always holds",
    "  - {when: high || !high, scenario: code, mode: auto}\n",
    [
      "decisions[0].when: the condition always holds | a rule that always holds would roll a healthy system back",
    ],
  ],
  [
    "a rule behind another that takes all its cases",
    "  - {when: high, scenario: code, mode: auto}\n  - {when: high && odd, scenario: full, mode: auto}\n",
    [
      "decisions[1].when: it can never be reached: decisions[0] takes every case in which it holds | put it before, or remove it",
    ],
  ],
  [
    "the special case before the general one",
    "  - {when: high && odd, scenario: full, mode: auto}\n  - {when: high, scenario: code, mode: auto}\n",
    [],
  ],
  [
    "a verdict behind its only trigger",
    '  - {when: high, scenario: code, mode: auto}\n  - {when: verdict == "RED", scenario: full, mode: auto}\n',
    [
      "decisions[1].when: it can never be reached: decisions[0] takes every case in which it holds | put it before, or remove it",
    ],
  ],
  [
    "two rules that hold at once with different actions",
    '  - {when: odd, scenario: code, mode: auto}\n  - {when: verdict == "RED", scenario: full, mode: approve}\n',
    [
      "warning decisions[1].when: it holds at the same time as decisions[0] (code, auto), with another action (full, approve), for example when odd fires, verdict is RED | the first of them wins; add to one of the conditions that the other does not hold",
    ],
  ],
  [
    "two rules that hold at once with the same action",
    '  - {when: odd, scenario: code, mode: auto}\n  - {when: verdict == "RED", scenario: code, mode: auto}\n',
    [],
  ],
  [
    "a rule without a condition",
    "  - {scenario: code, mode: auto}\n",
    [
      "decisions[0]: the rule has no condition, so that it would always hold | add when:, or put it below a branch",
    ],
  ],
  [
    "a scenario without a mode, and one that there is not",
    "  - {when: high, scenario: [code, ful]}\n",
    [
      'decisions[0].mode: "mode" is missing | auto, approve, advise',
      'decisions[0].scenario[1]: no scenario "ful"; did you mean "full"? | scenarios: code, full',
    ],
  ],
  [
    "an end that is nothing",
    "  - {when: high}\n",
    ["decisions[0]: nothing follows from it | scenario: and mode:, or say:, or if: or ask: with branches"],
  ],
  [
    "an end and a branch",
    "  - {when: high, say: x, if: odd, then: {say: y}, else: {say: z}}\n",
    ["decisions[0]: it is an end and a branch at once | put the end below then: or else:"],
  ],
  [
    "a branch that is missing",
    "  - {when: high, then: {if: odd, then: {say: x}}}\n",
    [
      "decisions[0].then: no branch for the case that high fires, odd does not | add else: (say: where nothing is to be done)",
    ],
  ],
  [
    "a branch that is missing and not needed",
    '  - {when: high, then: {if: verdict == "RED", then: {say: x}}}\n',
    [],
  ],
  [
    "an end that can never be reached",
    '  - {when: high, then: {if: verdict != "RED", then: {say: x}, else: {say: y}}}\n',
    [
      "decisions[0].then.then: it can never be reached: the condition never holds here | remove it, or see what comes before",
    ],
  ],
  [
    "an answer that is missing, and one that there is not",
    "  - {when: high, then: {ask: who, answers: {everyone: {say: x}, nobody: {say: y}}}}\n",
    ['decisions[0].then.answers.nobody: the question has no answer "nobody" | its answers: everyone, some'],
  ],
  [
    "a question with an answer that leads nowhere",
    "  - {when: high, then: {ask: damaged, then: {say: x}}}\n",
    ['decisions[0].then: no branch for the answer "no" | answers: { no: … }'],
  ],
  [
    "a question that was answered before",
    "  - {when: high, then: {ask: damaged, then: {ask: damaged, then: {say: x}, else: {say: y}}, else: {say: z}}}\n",
    ['decisions[0].then.then.else: it can never be reached: "damaged" was answered "yes" before'],
  ],
  [
    "a question that there is not",
    "  - {when: high, then: {ask: damagd, then: {say: x}, else: {say: y}}}\n",
    ['decisions[0].then.ask: no question "damagd"; did you mean "damaged"? | questions: damaged, who'],
  ],
];

const short = (all: readonly string[]) => all.map((one) => one.replace(/(?<=^|warning )\d+:\d+ /, ""));

describe("H77 what can be proven about decisions", () => {
  test.each(cases)("%s", async (_, text, expected) => {
    expect(short(await lines(own(text))).filter((one) => one.includes("decisions["))).toEqual(expected);
  });

  test("a RED that nothing is decided about is told with an example", async () => {
    const found = short(
      await lines(`${system}decisions:\n  - {when: high && odd, scenario: code, mode: auto}\n`),
    );
    expect(found).toContain(
      "warning triggers.high: it may be RED and nothing is decided, for example when high fires, odd does not | add a rule, or one over verdict at the end",
    );
    expect(found).toContain("warning questions.damaged: nobody asks it | ask it in a decision, or remove it");
  });

  test("a tree takes every case: what comes after it is never reached", async () => {
    const tree = "  - {if: high, then: {say: x}, else: {say: y}}\n";
    expect(short(await lines(own(tree))).filter((one) => one.startsWith("decisions"))).toEqual([
      "decisions[1]: it can never be reached: decisions[0] takes every case | put it before that one",
    ]);
  });

  test("rules that all hang together are looked through as far as the work allowed goes", async () => {
    const count = 60;
    const range = Array.from({ length: count }, (_, index) => index);
    const triggers = range.map((n) => `  t${n}: {level: RED, when: errors > ${n}, for: 1m}\n`).join("");
    const rules = range
      .map((n) => `  - {when: t${n} && !t${(n + 1) % count}, scenario: all, mode: auto}\n`)
      .join("");
    const text = `${watched}triggers:\n${triggers}decisions:\n${rules}  - {when: verdict == "RED", scenario: all, mode: auto}\n`;
    expect((await lines(text)).filter((one) => !one.startsWith("warning"))).toEqual([]);
  });
});

const matrix = `${watched}scenarios:
  code: {strategy: code, restore: [api]}
  full: {restore: [api, db]}
matrix:
  errors:
    warning: {above: 0.01, for: 10m, say: look at the logs}
    critical: {above: 0.02, for: 5m, scenario: code, mode: auto}
  hits:
    signal: errors
    warning: {below: 0.5, for: 5m}
`;

describe("Z17 the matrix", () => {
  test("is expanded into triggers and rules, the critical ones first", async () => {
    const { playbook, problems } = await parse(matrix);
    expect(problems.filter(({ severity }) => severity === "error")).toEqual([]);
    expect(playbook?.triggers).toMatchObject({
      errors_critical: { when: "errors > 0.02", for: 300_000, level: "RED" },
      errors_warning: { when: "errors > 0.01", for: 600_000, level: "YELLOW" },
      hits_warning: { when: "errors < 0.5", for: 300_000, level: "YELLOW" },
    });
    expect(playbook?.decisions).toEqual([
      { when: "errors_critical", why: "errors is critical: errors > 0.02", scenario: "code", mode: "auto" },
      { when: "errors_warning", why: "errors is warning: errors > 0.01", say: "look at the logs" },
    ]);
  });

  test.each<[string, string, string, string]>([
    [
      "no limit",
      "above: 0.02, ",
      "",
      "13:15 matrix.errors.critical: there is no limit | write above: or below:, one of them",
    ],
    [
      "two limits",
      "above: 0.02",
      "above: 0.02, below: 1",
      "13:15 matrix.errors.critical: above and below are both limits | write above: or below:, one of them",
    ],
    [
      "a signal that there is not",
      "signal: errors",
      "signal: hit_rate",
      '16:14 matrix.hits.warning: "hit_rate < 0.5": unknown name "hit_rate" | signals: errors',
    ],
    [
      "a scenario that there is not",
      "scenario: code, mode",
      "scenario: cod, mode",
      '13:48 matrix.errors.critical.scenario: no scenario "cod"; did you mean "code"? | scenarios: code, full',
    ],
    [
      "a duration without a unit",
      "for: 10m",
      "for: 10",
      '12:33 matrix.errors.warning.for: 10 is not a duration with a unit; write ms, s, m, h, d or w after the number, e.g. "10s"',
    ],
    [
      "a trigger of the same name",
      "matrix:",
      "triggers: {errors_critical: {when: errors > 1, level: RED, for: 1m}}\nmatrix:",
      '10:12 triggers.errors_critical: the matrix makes a trigger "errors_critical", too | choose another name',
    ],
  ])("%s is told where it stands in the matrix", async (_, from, to, expected) => {
    expect(await lines(matrix.replace(from, to))).toContain(expected);
  });
});
