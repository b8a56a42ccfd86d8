import { describe, expect, test } from "vitest";
import type { Playbook } from "./playbook.js";
import { riskMatrix } from "./risk-matrix.js";
import { lines, parse, valid } from "./test-parse.js";

const signal = (name: string, more = "") =>
  `  ${name}: {driver: http, with: {url: "http://localhost"}, every: 15s${more}}\n`;
const signals = `signals:\n${signal("errors", ", min: 0, max: 1")}${signal("p95")}${signal("hits", ", of: db")}${signal("requests")}`;

async function warnings(triggers: Record<string, string>, more = ""): Promise<string[]> {
  const text = Object.entries(triggers).map(([name, one]) => `  ${name}: {level: RED, for: 1m, ${one}}\n`);
  const all = await lines(
    `${valid}${signals}triggers:\n${text
      .join("")
      .replaceAll(/level: RED, for: 1m, (?=.*level)/g, "for: 1m, ")
      .replaceAll(/for: 1m, (?=.*for:)/g, "")}${more}`,
  );
  return all
    .map((line) => line.replace(/^warning \d+:\d+ /, ""))
    .filter((line) => !line.includes("no decision looks"));
}

const only = async (triggers: Record<string, string>, more = "") => {
  const all = await warnings(triggers, more);
  return all.length === 1 ? all[0] : all;
};

describe("H77 one set of triggers", () => {
  test.each<[string, Record<string, string>, string]>([
    ["never holds", { a: "when: errors > 0.5 && errors < 0.1" }, "triggers.a.when: this can never hold"],
    [
      "never holds within what can be",
      { a: "when: errors > 1" },
      "this can never hold: errors is always from 0 and up to 1",
    ],
    ["always holds", { a: "when: p95 < 5 || p95 > 3" }, "triggers.a.when: this always holds"],
    [
      "always holds within what can be",
      { a: "when: errors >= 0" },
      "this always holds: errors is always from 0",
    ],
    [
      "never holds within a condition over two signals",
      { a: "when: p95 > 3 && errors > 1" },
      "triggers.a.when: this can never hold: errors is always from 0 and up to 1",
    ],
    [
      "always holds within a condition over two signals",
      { a: "when: p95 > 3 || errors >= 0" },
      "triggers.a.when: this always holds: errors is always from 0",
    ],
    [
      "never holds over a window",
      { a: `when: 'avg(errors, "5m") > 1.0'` },
      "this can never hold: avg(errors, 5m) is always from 0 and up to 1",
    ],
    [
      "never counts so many readings",
      { a: `when: 'samples(errors, "1m") > 5.0'` },
      "this can never hold: samples(errors, 1m) is always from 0 and up to 5",
    ],
    [
      "never counts less than nothing",
      { a: `when: 'increase(requests, "5m") < 0.0'` },
      "this can never hold: increase(requests, 5m) is always from 0",
    ],
    [
      "has an end that never comes",
      { a: "when: errors > 0.5, clear: {when: errors > 2.0}" },
      "triggers.a.clear.when: this can never hold, so that what has fired never ends: errors is always",
    ],
    [
      "ends only where it goes on",
      { a: "when: errors > 0.5, clear: {when: errors > 0.7}" },
      "triggers.a.clear.when: this holds only where the trigger itself does: what has fired never ends",
    ],
    [
      "has an end that always holds",
      { a: "when: errors > 0.5, clear: {when: errors >= 0.0}" },
      "triggers.a.clear.when: this always holds",
    ],
    ["is negated to nothing", { a: "when: '!(p95 > 3 || p95 <= 3)'" }, "this can never hold"],
    [
      "has a lesser level that never decides",
      { a: "when: errors > 0.02", b: "when: errors > 0.02, level: YELLOW, for: 10m" },
      'triggers.b.when: "a" is RED at the same values and not later',
    ],
    [
      "has a lesser level within a worse one",
      { a: "when: p95 * 1000 > 500", b: "when: p95 > 1, level: YELLOW" },
      'triggers.b.when: "a" is RED at all its values and not later',
    ],
    [
      "has levels that overlap",
      { a: "when: p95 > 2", b: "when: p95 > 1 && p95 < 3, level: YELLOW" },
      'triggers.b.when: above 2 and below 3 it holds together with "a" of level RED',
    ],
    [
      "leaves values between two levels",
      { a: "when: p95 > 3", b: "when: p95 > 1 && p95 <= 2, level: YELLOW" },
      'triggers.a.when: p95 above 2 and up to 3 has no level: it lies between "a", "b"',
    ],
    [
      "leaves the time before a lesser level fires (L)",
      { a: "when: errors > 0.5", b: "when: errors > 0.1, level: YELLOW, for: 5m" },
      'triggers.b.for: errors above 0.1 and up to 0.5 has no level for its first 5 min, "a" waits 1 min',
    ],
    [
      "waits less than a reading takes",
      { a: "when: errors > 0.5, for: 5s" },
      "triggers.a.for: 5 s is shorter than the 15 s between two readings",
    ],
    ["fires at one reading without a word", { a: "when: errors > 0.5, for: 0s, times: 1" }, ""],
    [
      "asks for a response at once after minutes",
      { a: "when: errors > 0.5, for: 10m, severity: SEV-0" },
      "triggers.a.severity: SEV-0 asks for a response at once, and it waits 10 min before it fires",
    ],
    [
      "looks further back than is kept",
      { a: `when: 'avg(p95, "10d") > 3'` },
      'triggers.a.when: avg(p95, "10d") looks at 57600 readings',
    ],
    [
      "looks at less than a reading",
      { a: `when: 'avg(p95, "5s") > 3'` },
      'avg(p95, "5s") is shorter than the 15 s',
    ],
  ])("%s", async (_, triggers, expected) => {
    if (expected === "") expect(await warnings(triggers)).toEqual([]);
    else expect(await only(triggers)).toContain(expected);
  });

  test.each<[string, Record<string, string>]>([
    ["an end of its own", { a: "when: errors > 0.5, clear: {when: errors < 0.1}" }],
    ["nested levels", { a: "when: errors > 0.5", b: "when: errors > 0.1, level: YELLOW" }],
    [
      "a faster level below a slower",
      { a: "when: errors > 0.5, for: 5m", b: "when: errors > 0.5, level: YELLOW" },
    ],
    [
      "the first minutes watched",
      {
        a: "when: errors > 0.5",
        b: "when: errors > 0.1, level: YELLOW, for: 5m",
        c: "when: errors > 0.1, level: GREEN, for: 0s",
      },
    ],
    ["too low and too high", { a: "when: p95 < 1, settle: 1m", b: "when: p95 > 9" }],
    ["other quantities", { a: "when: p95 > 1", b: `when: 'avg(p95, "1m") > 1', level: YELLOW` }],
    [
      "what is not analysed: two signals, arithmetic, lists",
      {
        a: "when: p95 > errors && errors > 0.3",
        b: "when: p95 - 1 > 5",
        c: "when: 'p95 in [1, 2]'",
      },
    ],
  ])("nothing is wrong with %s", async (_, triggers) => {
    expect(await warnings(triggers)).toEqual([]);
  });

  test("a duration that nobody stated is told", async () => {
    const sudden =
      "  a: {when: errors > 0.5, level: RED}\n  c: {when: errors > 0.5 && p95 > 3, level: YELLOW}\n";
    const other = `  b: {when: errors != 0.5, level: RED}\n  d: {when: 'avg(p95, "5m") > 3.0', level: RED}\n`;
    const all = (await lines(`${valid}${signals}triggers:\n${sudden}${other}`)).filter((line) =>
      line.includes("no duration"),
    );
    expect(all).toHaveLength(2);
    expect(all[0]).toContain("triggers.a: no duration is stated: one bad reading fires");
    expect(all[1]).toContain("triggers.c: no duration is stated");
  });
});

const scenarios = [
  "scenarios:",
  "  code: {restore: [api], promised: 4m}",
  "  full: {restore: [db, api], promised: 4m}",
  "decisions:\n",
].join("\n");

const ways = [
  "scenarios:",
  "  code: {restore: [api], promised: 4m}",
  "  full: {restore: [db, api], promised: 4m}",
  "objectives: {rto: 6m}",
  "decisions:",
  "  - {when: a, scenario: full, mode: auto}",
  "  - {when: b, scenario: code, mode: approve}\n",
].join("\n");

describe("triggers and what they lead to", () => {
  test("H77 one condition that leads to two ways is told", async () => {
    const found = await only({ a: "when: errors > 0.5", b: "when: 0.5 < errors" }, ways);
    expect(found).toContain(
      'triggers.b.when: this is the condition of "a", which leads to "full" (auto), and this one to "code" (approve)',
    );
  });

  const twins = { a: "when: errors > 0.5", b: "when: 0.5 < errors" };
  const contradiction =
    'triggers.b.when: this is the condition of "a", which leads to "full" (auto), and this one to ';
  test.each<[string, Record<string, string>, string, string]>([
    [
      "in a tree",
      twins,
      "  - if: a\n    then: {scenario: full, mode: auto}\n    else:\n      if: b\n      then: {scenario: code, mode: approve}\n      else: {say: wait}\n",
      '"code" (approve)',
    ],
    [
      "of several ways",
      twins,
      "  - {when: a, scenario: full, mode: auto}\n  - {when: b, scenario: [full, code], mode: auto}\n",
      '"full" or "code" (auto)',
    ],
    [
      "of which one is to do nothing",
      twins,
      "  - {when: a, scenario: full, mode: auto}\n  - {when: b, say: wait}\n",
      'the words "wait"',
    ],
    [
      "over two signals, word for word",
      { a: "when: p95 > errors && p95 > 3", b: "when: p95 > errors  &&  p95 > 3" },
      "  - {when: a, scenario: full, mode: auto}\n  - {when: b, scenario: code, mode: auto}\n",
      '"code" (auto)',
    ],
  ])("H77 contradictory actions for one condition are told: %s", async (_, triggers, decisions, second) => {
    const found = await warnings(triggers, `${scenarios}${decisions}`);
    expect(found.join("\n")).toContain(`${contradiction}${second}`);
  });

  test.each<[string, string]>([
    [
      "the same action twice",
      "  - {when: a, scenario: full, mode: auto}\n  - {when: b, scenario: full, mode: auto}\n",
    ],
    [
      "a special case before it",
      "  - {when: a && b, scenario: full, mode: auto}\n  - {when: a || b, scenario: code, mode: auto}\n",
    ],
  ])("no contradiction: %s", async (_, decisions) => {
    expect((await warnings(twins, `${scenarios}${decisions}`)).join()).not.toContain(
      "this is the condition of",
    );
  });

  test("H76 a tree and a choice of ways trip a trigger as a rule does", async () => {
    const echo = '"hits" measures "db", which that rollback brings back or restarts';
    const tree = "  - if: verdict == 'RED'\n    then: {scenario: full, mode: auto}\n    else: {say: wait}\n";
    const choice = "  - {when: a, scenario: [code, full], mode: auto}\n";
    for (const decisions of [tree, choice])
      expect(await only({ a: "when: hits > 10" }, `${scenarios}${decisions}`)).toContain(echo);
    const settled = { a: "when: hits > 10, settle: 5m" };
    expect(await warnings(settled, `${scenarios}${tree}`)).toEqual([]);
  });

  test("H75 waiting and the way back that add up to more than the objective are told", async () => {
    const found = await only({ a: "when: errors > 0.5, for: 5m", b: "when: p95 > 3" }, ways);
    expect(found).toContain(
      'triggers.a.for: it waits 5 min before it fires and "full" promises 4 min: more than the recovery time objective of 6 min',
    );
  });

  test("H76 what the rollback itself would trip is told, unless it settles", async () => {
    const cold = "a.*starts low where things have just been restarted.*settle: 5m";
    expect(await only({ a: "when: requests < 10", b: "when: p95 > 3" }, ways)).toMatch(new RegExp(cold));
    expect(await only({ a: "when: hits > 10", b: "when: p95 > 3" }, ways)).toContain(
      '"hits" measures "db", which that rollback brings back or restarts',
    );
    expect(await warnings({ a: "when: requests < 10, settle: 5m", b: "when: hits > 10" }, ways)).toEqual([]);
  });

  test.each<[string, string, string | undefined]>([
    ["critical", "", '"full" promises 4 min: more than the 2 min that "critical" allows'],
    [
      "critical",
      ", for: 1m",
      'it waits 1 min before it fires and "full" promises 4 min: more than the 2 min',
    ],
    [
      "performance",
      ", for: 90s",
      'it waits 1 min 30 s before it fires and "full" promises 4 min: more than the 5 min',
    ],
    ["feature", ", for: 90s", undefined],
  ])("H75 V09 a decision of class %s is held to that class%s", async (named, waits, fact) => {
    const decisions = `scenarios:\n  full: {restore: [db], promised: 4m}\ndecisions:\n  - {when: a, scenario: full, mode: auto, class: ${named}}\nobjectives: {rto: 6m}\n`;
    const found = (
      await warnings({ a: `when: errors > 0.5${waits === "" ? ", for: 0s" : waits}` }, decisions)
    ).join();
    if (fact === undefined) expect(found).not.toContain("more than the");
    else expect(found).toContain(`triggers.a.for: ${fact}`);
  });

  test.each<[string, number, string]>([
    ["that share nothing", 8, "12 min; only side by side, in 8 min, they fit"],
    [
      "of which one uses what the other brings back",
      15,
      "12 min; side by side they take 15 min, more than it too",
    ],
  ])("M21 H75 promises of changes %s: `check` and `changes` say the same", async (which, minutes, said) => {
    const users = which.startsWith("of") ? "api" : "other";
    const text = `${valid}  other: {driver: sqlite, with: {file: other.db}}\nchanges:\n  x: {targets: [db], promised: 8m}\n  y: {targets: [${users}], promised: 7m}\nobjectives: {rto: 12m}\n`;
    const { playbook } = await parse(text);
    expect((await lines(text)).join()).toContain(
      `changes: their promised times add up to 15 min, the recovery time objective is ${said}`,
    );
    expect(riskMatrix(playbook as Playbook)).toMatchObject({
      inSequenceMs: 15 * 60_000,
      sideBySideMs: minutes * 60_000,
    });
  });
});
