import { describe, expect, test } from "vitest";
import { head, lines, parse, targets, valid, watched } from "./test-parse.js";

const keysOfTarget = "known here: description, driver, with, uses";

const bad: [name: string, text: string, problems: string[]][] = [
  // The file
  ["an empty file", "", ["1:1 : the playbook is empty | backout init writes a first one"]],
  ["white space", "\n\n  \n", ["1:1 : the playbook is empty | backout init writes a first one"]],
  [
    "comments",
    "# soon\n# more\n",
    ["1:1 : the playbook has no keys, only comments | backout init writes a first one"],
  ],
  [
    "a tab",
    "backout: 1\ntargets:\n\tdb: 1\n",
    [
      "3:1 : a tab indents this line; YAML allows only spaces there | expand -t 2 backout.yaml > playbook.yaml",
    ],
  ],
  [
    "an open quote",
    "backout: 1\nsystem: 'shop\ntargets: {}\n",
    ["2:9 : the quote opened here is never closed"],
  ],
  [
    "a text at the top",
    "hello",
    ["1:1 : a playbook is a map of keys; this is a text | begin with: backout: 1"],
  ],
  [
    "a list at the top",
    "# x\n- backout: 1\n",
    ["2:1 : a playbook is a map of keys; this is a list | begin with: backout: 1"],
  ],
  [
    "wrong indentation",
    "backout: 1\n system: shop\n",
    ["1:10 : not valid YAML: Nested mappings are not allowed in compact mappings"],
  ],
  [
    "a second document",
    `${valid}---\nbackout: 1\n`,
    [
      '6:1 : a second YAML document begins here ("---"); a playbook is one document | move it into a file of its own',
    ],
  ],
  [
    "a duplicate key",
    `${head}system: shop2\n${targets}`,
    ['3:1 system: the key "system" stands here twice, first on line 2 | remove or rename one of them'],
  ],
  [
    "a duplicate target",
    `${valid}  db: {driver: sqlite, with: {file: b.db}}\n`,
    ['6:3 targets.db: the key "db" stands here twice, first on line 4 | remove or rename one of them'],
  ],
  ["an unknown tag", `${valid}state: !path x\n`, ["6:8 : not understood: Unresolved tag: !path"]],
  [
    "an alias without anchor",
    `${valid}state: *here\n`,
    ["6:8 state: the alias *here has no anchor &here above it"],
  ],
  [
    "an anchor inside itself",
    `${valid}changes: &all {x: *all}\n`,
    ["6:19 changes.x: the alias *all stands inside its own anchor"],
  ],
  [
    "a merge key",
    `${head}targets:\n  db: &db {driver: sqlite, with: {file: app.db}}\n  b: {<<: *db}\n`,
    [
      '5:3 targets.b.driver: "driver" is missing | Kind of target: the name of a driver',
      '5:7 targets.b["<<"]: merge keys ("<<") are not part of YAML 1.2 | repeat the keys, or use an alias for the whole value',
    ],
  ],
  [
    "a nameless key",
    `${valid}changes: {[a]: 1}\n`,
    ["6:11 changes: a key must be a word | put it into quotes"],
  ],
  [
    "__proto__ as a target",
    `${valid}  __proto__: {driver: sqlite}\n`,
    ['6:3 targets.__proto__: the name "__proto__" cannot be used | choose another name'],
  ],
  [
    "constructor as a target",
    `${valid}  constructor: {driver: sqlite}\n`,
    ['6:3 targets.constructor: the name "constructor" cannot be used | choose another name'],
  ],
  [
    "a number without end",
    `${valid}retention: {keep: .inf}\n`,
    ['6:19 retention.keep: .inf is no number that can be used | put it into quotes: ".inf"'],
  ],
  [
    "a number beyond what is exact",
    `${head}targets:\n  db: {driver: sqlite, with: {file: 12345678901234567890}}\n`,
    [
      '4:37 targets.db.with.file: 12345678901234567890 is too large to be kept exactly as a number | put it into quotes: "12345678901234567890"',
    ],
  ],
  // The version
  [
    "no version",
    `system: shop\n${targets}`,
    ["1:1 backout: the version of the format is missing | begin with: backout: 1"],
  ],
  [
    "a later version",
    `backout: 2\nnovel: true\n`,
    [
      "1:10 backout: the playbook is of version 2; this backout knows version 1 | npm install --global backout@latest",
    ],
  ],
  [
    "a version in quotes",
    `backout: "1"\nsystem: shop\n${targets}`,
    ['1:10 backout: "1" is no version of the format; it must be the number 1 | write: backout: 1'],
  ],
  // The shape
  ["no targets", head, ['1:1 targets: "targets" is missing']],
  ["empty targets", `${head}targets: {}\n`, ["3:10 targets: at least one target is needed"]],
  [
    "a key without value",
    `${valid}changes:\n`,
    ["6:1 changes: there is no value; it must be a map | write one, or remove the key"],
  ],
  [
    "an unknown key",
    `${valid}objectivs: {}\n`,
    [
      '6:1 objectivs: unknown key "objectivs"; did you mean "objectives"? | known here: backout, system, state, engine, environments, variables, objectives, encryption, proofs, retention, targets, changes and 10 more',
    ],
  ],
  [
    "a misspelt key of a target",
    `${valid}  c:\n    drvier: sqlite\n`,
    [
      '6:3 targets.c.driver: "driver" is missing | Kind of target: the name of a driver',
      `7:5 targets.c.drvier: unknown key "drvier"; did you mean "driver"? | ${keysOfTarget}`,
    ],
  ],
  [
    "a key like nothing",
    `${valid}  c:\n    driver: sqlite\n    with: {file: c}\n    zzz: 1\n`,
    [`9:5 targets.c.zzz: unknown key "zzz" | ${keysOfTarget}`],
  ],
  [
    "a duration without unit",
    `${valid}objectives: {rto: 300}\n`,
    [
      '6:19 objectives.rto: 300 is not a duration with a unit; write ms, s, m, h, d or w after the number, e.g. "300s"',
    ],
  ],
  [
    "a duration that is a word",
    `${valid}objectives: {rto: soon}\n`,
    [
      '6:19 objectives.rto: "soon" is not a duration with a unit; write ms, s, m, h, d or w after the number, e.g. "30s"',
    ],
  ],
  [
    "a duration that is a list",
    `${valid}objectives: {rto: [1s]}\n`,
    ["6:19 objectives.rto: this is a list; it must be text or a number"],
  ],
  [
    "a word where a number belongs",
    `${valid}retention: {keep: "5"}\n`,
    ['6:19 retention.keep: "5" is text; it must be a number | without quotes: 5'],
  ],
  [
    "a fraction where none can be",
    `${valid}retention: {keep: 1.5}\n`,
    ["6:19 retention.keep: 1.5 is not a whole number"],
  ],
  [
    "a number too small",
    `${valid}retention: {keep: 0}\n`,
    ["6:19 retention.keep: 0: too small: expected number to be >=1"],
  ],
  [
    "a number where a text belongs",
    `backout: 1\nsystem: 7\n${targets}`,
    ['2:9 system: 7 is a number; it must be text | put it into quotes: "7"'],
  ],
  [
    "a text where a list belongs",
    `${valid}changes: {c: {targets: db}}\n`,
    ['6:24 changes.c.targets: "db" is text; it must be a list | write [db]'],
  ],
  [
    "a name with a capital",
    `${valid}checks: {Up: {driver: http, with: {url: "http://x"}}}\n`,
    [
      "6:10 checks.Up: the name cannot be used: a name is lower-case letters, digits, - and _, and begins with a letter",
    ],
  ],
  [
    "a signal with a hyphen",
    `${valid}signals: {a-b: {driver: http, with: {url: "http://x"}}}\n`,
    [
      "6:11 signals.a-b: the name cannot be used: this name is used in expressions: lower-case letters, digits and _ only, and it begins with a letter",
    ],
  ],
  [
    "a signal with a name of the expression language",
    `${valid}signals: {type: {driver: http, with: {url: "http://x"}}}\ntriggers: {verdict: {level: RED, when: type > 1}}\n`,
    [
      "6:11 signals.type: the name cannot be used: this name means something else in expressions; choose another",
      "7:12 triggers.verdict: the name cannot be used: this name means something else in expressions; choose another",
      "7:40 triggers.verdict.when: \"type > 1\": Invalid variable declaration: 'type' is already registered",
    ],
  ],
  [
    "a word out of a list",
    `${valid}changes: {c: {targets: [db], risk: hihg}}\n`,
    ['6:36 changes.c.risk: "hihg" is none of low, medium, high, critical; did you mean "high"?'],
  ],
  [
    "a recipient that is no key",
    `${valid}encryption: {recipients: [AGE]}\n`,
    ['6:27 encryption.recipients[0]: "AGE": must start with "age1"'],
  ],
  // Drivers
  [
    "an unknown driver",
    `${valid}  c: {driver: sqllite}\n`,
    [
      '6:15 targets.c.driver: unknown driver "sqllite"; did you mean "sqlite"? | drivers: sqlite, http, redis',
    ],
  ],
  [
    "a signal by a target's driver",
    `${valid}signals: {s: {driver: sqlite}}\n`,
    [
      '6:23 signals.s.driver: the driver "sqlite" cannot be a signal; it can be a target | choose a driver that can be a signal, or move the entry',
    ],
  ],
  [
    "a target by a signal's driver",
    `${valid}  c: {driver: http}\n`,
    [
      '6:15 targets.c.driver: the driver "http" cannot be a target; it can be a signal or a check | choose a driver that can be a target, or move the entry',
    ],
  ],
  [
    "a driver that was not loaded",
    `${valid}  c: {driver: redis}\n`,
    ['6:15 targets.c.driver: the driver "redis" is not loaded'],
  ],
  [
    "a missing option",
    `${valid}  c:\n    driver: sqlite\n    with: {mode: copy}\n`,
    ['8:5 targets.c.with.file: "file" is missing | The database file'],
  ],
  [
    "no options at all",
    `${valid}  c:\n    driver: sqlite\n`,
    ['6:3 targets.c.with.file: "file" is missing | The database file'],
  ],
  [
    "an unknown option",
    `${valid}  c:\n    driver: sqlite\n    with: {file: c, prot: 1}\n`,
    [
      '8:21 targets.c.with.prot: unknown key "prot"; did you mean "port"? | known here: file, mode, port, password, args',
    ],
  ],
  [
    "an option out of range",
    `${valid}  c:\n    driver: sqlite\n    with: {file: c, port: 70000}\n`,
    ["8:27 targets.c.with.port: 70000: too big: expected number to be <=65535"],
  ],
  [
    "an option inside a list",
    `${valid}  c:\n    driver: sqlite\n    with:\n      file: c\n      args: [x, 2]\n`,
    ['10:17 targets.c.with.args[1]: 2 is a number; it must be text | put it into quotes: "2"'],
  ],
  [
    "options that are a list",
    `${valid}  c: {driver: sqlite, with: []}\n`,
    ["6:29 targets.c.with: this is a list; it must be a map"],
  ],
  [
    "two targets over the same thing",
    `${valid}  c: {driver: sqlite, with: {file: ./app.db}}\n`,
    [
      '6:23 targets.c.with: "c" and "db" are both over "file:/srv/shop/app.db" | one thing is one target: keep one of them, and let the other use it',
    ],
  ],
  // Names
  [
    "an unknown target in uses",
    `${valid}  c: {driver: sqlite, with: {file: c}, uses: [dbb]}\n`,
    ['6:47 targets.c.uses[0]: no target "dbb"; did you mean "db"? | targets: db, api, c'],
  ],
  [
    "a target that uses itself",
    `${valid}  c: {driver: sqlite, with: {file: c}, uses: [c]}\n`,
    ['6:47 targets.c.uses[0]: "c" uses itself | remove it'],
  ],
  [
    "a circle of uses",
    `${head}targets:\n  a: {driver: sqlite, with: {file: a}, uses: [b]}\n  b: {driver: sqlite, with: {file: b}, uses: [c]}\n  c: {driver: sqlite, with: {file: c}, uses: [a]}\n`,
    ["4:46 targets.a.uses: targets use each other in a circle: a → b → c → a | remove one of these"],
  ],
  [
    "an unknown target in a change",
    `${valid}changes: {c: {targets: [dv]}}\n`,
    ['6:25 changes.c.targets[0]: no target "dv"; did you mean "db"? | targets: db, api'],
  ],
  [
    "a keep for a target that is not changed",
    `${valid}changes: {c: {targets: [db], keep: {api: [x]}}}\n`,
    ['6:37 changes.c.keep.api: the change does not touch the target "api" | its targets: db'],
  ],
  [
    "a keep for no target",
    `${valid}changes: {c: {targets: [db], keep: {d: [x]}}}\n`,
    ['6:37 changes.c.keep.d: no target "d"; did you mean "db"? | its targets: db'],
  ],
  [
    "a change of nothing",
    `${valid}changes: {c: {targets: []}}\n`,
    ["6:24 changes.c.targets: a list: too small: expected array to have >=1 items"],
  ],
  [
    "an unknown target in a scenario",
    `${valid}scenarios:\n  s: {restore: [db, cache], restart: [aip]}\n`,
    [
      '7:21 scenarios.s.restore[1]: no target "cache" | targets: db, api',
      '7:39 scenarios.s.restart[0]: no target "aip"; did you mean "api"? | targets: db, api',
    ],
  ],
  [
    "an unknown check in a scenario",
    `${valid}scenarios: {s: {restore: [db], checks: [up]}}\n`,
    ['6:41 scenarios.s.checks[0]: no check "up" | checks: none'],
  ],
  [
    "a scenario with nothing to do",
    `${valid}scenarios:\n  s: {strategy: code}\n`,
    ["7:3 scenarios.s: the scenario has nothing to do | name its targets: restore: [db, api]"],
  ],
  [
    "an unknown fallback",
    `${valid}scenarios: {full: {restore: [db], fallback: ful}}\n`,
    ['6:45 scenarios.full.fallback: no scenario "ful"; did you mean "full"? | scenarios: full'],
  ],
  [
    "a circle of fallbacks",
    `${valid}scenarios:\n  a: {restore: [db], fallback: b}\n  b: {restore: [db], fallback: a}\n`,
    [
      "7:32 scenarios.a.fallback: scenarios fall back on each other in a circle: a → b → a | remove one of these",
    ],
  ],
  [
    "a fallback on itself",
    `${valid}scenarios:\n  a: {restore: [db], fallback: a}\n`,
    ["7:32 scenarios.a.fallback: scenarios fall back on each other in a circle: a → a | remove one of these"],
  ],
  // Conditions
  [
    "a condition that does not parse",
    `${watched}triggers:\n  t: {level: RED, when: errors > }\n`,
    ['8:33 triggers.t.when: "errors >": Unexpected token: EOF'],
  ],
  [
    "a quoted condition that does not parse",
    `${watched}triggers:\n  t:\n    level: RED\n    when: "errors = 5"\n`,
    ['10:19 triggers.t.when: "errors = 5": Unexpected character: ='],
  ],
  [
    "a folded condition that does not parse",
    `${watched}triggers:\n  t:\n    level: RED\n    when: >-\n      errors\n      = 5\n`,
    ['10:11 triggers.t.when: "errors = 5": Unexpected character: ='],
  ],
  [
    "unknown signals, both told",
    `${watched}triggers:\n  t: {level: RED, when: "error > 5 && latency > 1"}\n`,
    [
      '8:26 triggers.t.when: "error > 5 && latency > 1": unknown name "error"; did you mean "errors"? | signals: errors',
      '8:39 triggers.t.when: "error > 5 && latency > 1": unknown name "latency" | signals: errors',
    ],
  ],
  [
    "a condition that is a number",
    `${watched}triggers: {t: {level: RED, when: errors + 1}}\n`,
    ['7:34 triggers.t.when: "errors + 1": this yields double, not true or false'],
  ],
  [
    "a comparison of number and text",
    `${watched}triggers: {t: {level: RED, when: errors > 'x'}}\n`,
    ["7:34 triggers.t.when: \"errors > 'x'\": no such overload: double > string"],
  ],
  [
    "a trigger without a signal",
    `${watched}triggers: {t: {level: RED, when: 1 > 2}}\n`,
    ["7:34 triggers.t.when: the trigger looks at no signal | signals: errors"],
  ],
  [
    "a trigger without a level",
    `${watched}triggers: {t: {when: errors > 2}}\n`,
    ['7:12 triggers.t.level: "level" is missing'],
  ],
  [
    "a decision by an unknown trigger",
    `${watched}triggers: {high: {level: RED, when: errors > 2}}\ndecisions:\n  - {when: hihg && verdict == 'RED', scenario: all, mode: auto}\n`,
    [
      '9:12 decisions[0].when: "hihg && verdict == \'RED\'": unknown name "hihg"; did you mean "high"? | triggers: high; and verdict',
    ],
  ],
  [
    "a decision that always holds",
    `${watched}decisions:\n  - {when: "true", scenario: all, mode: auto}\n`,
    [
      "8:12 decisions[0].when: the rule looks at no trigger, so that it would always hold | triggers: none; and verdict",
    ],
  ],
  [
    "a decision for an unknown scenario",
    `${watched}decisions:\n  - {when: verdict == 'RED', scenario: al, mode: auto}\n`,
    ['8:40 decisions[0].scenario: no scenario "al"; did you mean "all"? | scenarios: all'],
  ],
  [
    "a decision by an unknown mode",
    `${watched}triggers: {high: {level: RED, when: errors > 2}}\ndecisions:\n  - {when: verdict == 'RED', scenario: all, mode: automatic}\n`,
    ['9:51 decisions[0].mode: "automatic" is none of auto, approve, advise'],
  ],
  // Variables and references
  [
    "a missing variable",
    `${head}variables: {root: /srv}\ntargets:\n  db: {driver: sqlite, with: {file: "\${root}/\${rot}.db"}}\n`,
    [
      '5:46 targets.db.with.file: no variable "rot"; did you mean "root"? | variables: root; for the characters themselves write $${rot}',
    ],
  ],
  [
    "a reference that is never closed",
    `${valid}state: \${root\n`,
    ['6:8 state: "${" is never closed | for the characters themselves write $${'],
  ],
  [
    "an unknown kind of reference",
    `${head}targets:\n  db: {driver: sqlite, with: {file: a, password: "\${vault:x}"}}\n`,
    [
      '4:51 targets.db.with.password: no kind of reference is called "vault" | ${env:NAME} and ${file:path} are known; for the characters themselves write $${vault:x}',
    ],
  ],
  [
    "a reference without a name",
    `${head}targets:\n  db: {driver: sqlite, with: {file: a, password: "\${env:}"}}\n`,
    [
      '4:51 targets.db.with.password: "${env:}" names nothing that can be looked up | write ${env:NAME} or ${file:path}',
    ],
  ],
  [
    "a secret where none is looked up",
    `${valid}state: \${env:HOME}/x\n`,
    [
      '6:8 state: "${env:HOME}" stands where secrets are not looked up | secret references belong into with: blocks, encryption.identity and engine',
    ],
  ],
  [
    "a variable made of variables",
    `${head}variables: {a: x, b: "\${a}"}\ntargets:\n  db: {driver: sqlite, with: {file: "\${a}\${b}"}}\n`,
    ['3:22 variables.b: "${a}": a variable cannot be made of other variables | write the value out'],
  ],
  [
    "a variable of the wrong type",
    `${head}variables: {port: eighty}\ntargets:\n  db: {driver: sqlite, with: {file: a, port: "\${port}"}}\n`,
    ['5:46 targets.db.with.port: "eighty" is text; it must be a number'],
  ],
];

describe("bad playbooks", () => {
  test.each(bad)("%s", async (_, text, expected) => {
    expect(await lines(text)).toEqual(expected);
  });

  test("a file in another encoding names the byte and the place", async () => {
    expect(await lines(Buffer.from("backout: 1\nsystem: caf\xe9\n", "latin1"))).toEqual([
      "2:12 : the byte 0xe9 is not valid UTF-8 | if the file is Latin-1: iconv -f ISO-8859-1 -t UTF-8 backout.yaml > playbook.yaml",
    ]);
    expect(await lines(Buffer.from("\ufeffbackout: 1\n", "utf16le"))).toEqual([
      "1:1 : the file is UTF-16; a playbook is UTF-8 | iconv -f UTF-16 -t UTF-8 backout.yaml > playbook.yaml",
    ]);
    expect(await lines(Uint8Array.of(0x61, 0xc3))).toEqual([
      "1:2 : the file ends within a character | if the file is Latin-1: iconv -f ISO-8859-1 -t UTF-8 backout.yaml > playbook.yaml",
    ]);
  });

  test("an alias bomb is refused, and quickly", async () => {
    const levels = Array.from({ length: 12 }, (_, i) => `  l${i}: &l${i} [${`*l${i - 1},`.repeat(9)}]`);
    const text = `backout: 1\nbomb:\n  l-1: &l-1 [x,x]\n${levels.join("\n")}\n`;
    expect(await lines(text)).toEqual([
      "1:1 : the file is too much: more than 200000 values, aliases expanded",
    ]);
  });

  test("a tower of brackets is refused", async () => {
    const towers = [60, 310, 100_000].flatMap((depth) => [
      `x: ${"[".repeat(depth)}${"]".repeat(depth)}`,
      `x:\n  ${"- ".repeat(depth)}`,
    ]);
    for (const tower of towers) {
      const [only, ...more] = await lines(`backout: 1\n${tower}\n`);
      expect(only).toMatch(/^1:1 : the file is too much: nested/);
      expect(more).toEqual([]);
    }
  });

  test("a huge file is refused", async () => {
    expect(await lines("#".repeat(4_000_001))).toEqual([
      "1:1 : the file has 4000001 characters; the limit is 4000000",
    ]);
  });

  test("problems in different places do not hide each other, and come in the order of the file", async () => {
    const text = `${head}state: 5
targets:
  db: {drivr: sqlite, uses: [cache]}
  api: {driver: sqlite, with: {}, uses: [dv]}
scenarios: {s: {restore: [x], timeout: 5}}
triggers: {t: {when: a >, level: PINK}}
decisions: [{when: u, scenario: v, mode: w}]
`;
    const found = (await parse(text)).problems;
    expect(found.map(({ path }) => path)).toEqual([
      "state",
      "targets.db.driver",
      "targets.db.drivr",
      "targets.db.uses[0]",
      "targets.api.with.file",
      "targets.api.uses[0]",
      "scenarios.s.restore[0]",
      "scenarios.s.timeout",
      "triggers.t.when",
      "triggers.t.level",
      "decisions[0].when",
      "decisions[0].scenario",
      "decisions[0].mode",
    ]);
    expect(found.every(({ file, line, column }) => file === "backout.yaml" && line && column)).toBe(true);
  });
});
