import { describe, expect, test } from "vitest";
import type { DecisionRule, Playbook } from "../playbook/playbook.js";
import type { Strategy } from "../playbook/schema.js";
import type { TriggerStatus } from "../signal/trigger-state.js";
import { type DecisionInput, decide } from "./decide.js";
import type { Guards } from "./guards.js";

const status = (
  trigger: string,
  state: TriggerStatus["state"],
  more: Partial<TriggerStatus> = {},
): TriggerStatus => ({
  trigger,
  state,
  level: trigger === "slow" ? "YELLOW" : "RED",
  for: 0,
  when: `${trigger}_rate > 1`,
  samples: [],
  ...more,
});

const scenario = (strategy: Strategy, promised?: number) => ({
  strategy,
  promised,
  restore: strategy === "restart" ? [] : ["app"],
  restart: [],
  checks: [],
});

const rulesOf = (decisions: readonly DecisionRule[]): DecisionInput["rules"] => ({
  decisions,
  questions: {
    damaged: { ask: "Are rows damaged?", answers: ["yes", "no"] },
    locked_out: { ask: "Who is locked out?", answers: ["everyone", "some", "expired"] },
  },
  triggers: Object.fromEntries(
    ["errors", "slow", "blind"].map((name) => [
      name,
      {
        when: "x > 1",
        for: 0,
        level: name === "slow" ? "YELLOW" : "RED",
        no_data: name === "blind" ? "fail" : "hold",
      } satisfies Playbook["triggers"][string],
    ]),
  ),
  changes: { v2: { targets: ["app"], keep: {} } },
  scenarios: {
    flag: scenario("flag"),
    bounce: scenario("restart", 20_000),
    code: scenario("code", 60_000),
    everything: scenario("restore"),
  },
  classes: { critical: 120_000, performance: 300_000, feature: 900_000, other: 1_800_000 },
});

const rules = rulesOf([
  { when: "errors && slow", scenario: "everything", mode: "auto", why: "both at once" },
  { when: "errors", scenario: "code", mode: "auto", class: "critical" },
  { when: 'verdict == "YELLOW"', scenario: "flag", mode: "advise" },
  { when: 'verdict == "UNKNOWN"', scenario: "bounce", mode: "approve" },
]);

const clear: Guards = { coolDownMs: 600_000, today: 0, perDay: 3, blocked: {} };
const decided = (statuses: TriggerStatus[], more: Partial<Omit<DecisionInput, "statuses">> = {}) =>
  decide({ rules, statuses, guards: clear, now: 1_000_000, ...more });

describe("a decision", () => {
  test.each<[TriggerStatus["state"], TriggerStatus["state"], string | undefined]>([
    ["firing", "firing", "decisions[0]"],
    ["firing", "inactive", "decisions[1]"],
    ["firing", "unknown", "decisions[1]"],
    ["pending", "inactive", undefined],
    ["inactive", "inactive", undefined],
    ["inactive", "firing", "decisions[2]"],
    ["unknown", "inactive", "decisions[3]"],
  ])("errors %s, slow %s: %s", (errors, slow, at) => {
    expect(decided([status("errors", errors), status("slow", slow)]).recommendation?.at).toBe(at);
  });

  test("carries the playbook's words, mode, time and evidence", () => {
    const errors = status("errors", "firing");
    const slow = status("slow", "firing");
    expect(decided([errors, slow]).recommendation).toEqual({
      scenario: "everything",
      mode: "auto",
      asked: "auto",
      why: "both at once",
      at: "decisions[0]",
      held: [],
      evidence: [errors, slow],
    });
    expect(decided([errors, status("slow", "inactive")]).recommendation).toMatchObject({
      why: "errors",
      rto: { class: "critical", ms: 120_000 },
    });
    expect(decided([status("errors", "inactive"), slow]).recommendation).toMatchObject({
      scenario: "flag",
      mode: "advise",
      why: 'verdict == "YELLOW"',
      evidence: [slow],
    });
  });

  test("a condition is not taken to be false because a trigger in it could not be measured", () => {
    const careful = rulesOf([
      { when: "errors && !slow", scenario: "code", mode: "auto" },
      { when: "errors && slow", scenario: "everything", mode: "auto" },
    ]);
    const unknown = status("slow", "unknown", { noData: '"slow_rate" has not been measured' });
    const { recommendation, question } = decided([status("errors", "firing"), unknown], { rules: careful });
    expect(recommendation).toBeUndefined();
    expect(question).toEqual({
      name: "slow",
      ask: 'Does "slow" hold (slow_rate > 1)?',
      answers: ["yes", "no"],
      why: '"slow_rate" has not been measured',
    });
    const both = rulesOf([{ when: "errors && (slow || !slow)", scenario: "code", mode: "auto" }]);
    expect(decided([status("errors", "firing"), unknown], { rules: both }).recommendation?.mode).toBe("auto");
  });
});

const tree = rulesOf([
  {
    if: 'verdict == "GREEN"',
    then: { say: "nothing is wrong" },
    else: {
      if: 'change == "v2"',
      then: {
        ask: "damaged",
        then: { scenario: "everything", mode: "approve", why: "integrity over uptime" },
        else: {
          ask: "locked_out",
          answers: {
            everyone: { scenario: "code", mode: "auto" },
            some: { scenario: "flag", mode: "approve" },
            expired: { say: "let them log in again" },
          },
        },
      },
      else: { say: "call the one who knows the other change" },
    },
  },
]);

describe("a tree (M20, W11)", () => {
  const red = [status("errors", "firing")];
  test.each<[string, TriggerStatus[], string | undefined, Record<string, string>, object]>([
    ["healthy", [status("errors", "inactive")], "v2", {}, { say: { text: "nothing is wrong" } }],
    ["another change", red, "v3", {}, { say: { text: "call the one who knows the other change" } }],
    ["nobody has said", red, "v2", {}, { question: { name: "damaged", ask: "Are rows damaged?" } }],
    [
      "damaged",
      red,
      "v2",
      { damaged: "yes" },
      { recommendation: { scenario: "everything", mode: "approve" } },
    ],
    ["half an answer", red, "v2", { damaged: "no" }, { question: { name: "locked_out" } }],
    [
      "locked out",
      red,
      "v2",
      { damaged: "no", locked_out: "everyone" },
      {
        recommendation: {
          scenario: "code",
          mode: "auto",
          at: "decisions[0].else.then.else.answers.everyone",
        },
      },
    ],
    [
      "expired",
      red,
      "v2",
      { damaged: "no", locked_out: "expired" },
      { say: { text: "let them log in again" } },
    ],
  ])("%s", (_, statuses, change, answers, expected) => {
    expect(decided(statuses, { rules: tree, change, answers })).toMatchObject(expected);
  });

  test("shows the path that it walked, and who answered", () => {
    const { path } = decided(red, { rules: tree, change: "v2", answers: { damaged: "yes" } });
    expect(path).toEqual([
      { at: "decisions[0]", text: 'verdict == "GREEN"', answer: "no", by: "signals" },
      { at: "decisions[0].else", text: 'change == "v2"', answer: "yes", by: "signals" },
      { at: "decisions[0].else.then", text: "Are rows damaged?", answer: "yes", by: "person" },
    ]);
  });

  test("who can be asked is asked about a trigger whose time is not over yet", () => {
    const pending = [status("errors", "pending", { for: 120_000 })];
    expect(decided(pending, { rules: tree }).say?.text).toBe("nothing is wrong");
    const asking = { rules: tree, change: "v2", asking: true };
    expect(decided(pending, asking).question).toMatchObject({
      name: "errors",
      ask: 'Does "errors" hold (errors_rate > 1, for 120 s)?',
    });
    const answers = { errors: "yes", damaged: "yes" };
    expect(decided(pending, { ...asking, answers })).toMatchObject({
      verdict: { level: "RED" },
      recommendation: { scenario: "everything" },
    });
    expect(decided(pending, { ...asking, answers: { errors: "no" } }).say?.text).toBe("nothing is wrong");
  });
});

describe("guards", () => {
  const firing = status("errors", "firing", { since: 900_000 });
  const held = (guards: Partial<Guards>, errors = firing) =>
    decided([errors, status("slow", "inactive")], { guards: { ...clear, ...guards } }).recommendation;

  test.each<[string, Partial<Guards>, string[]]>([
    ["nothing", {}, []],
    ["a cool-down that is over", { last: { run: "run-1", scenario: "code", endedAt: 400_000 } }, []],
    [
      "a cool-down",
      { last: { run: "run-1", scenario: "code", endedAt: 950_000 } },
      ["cool-down: a rollback ended a short while ago (run-1): cool-down until 1970-01-01T00:25:50.000Z"],
    ],
    [
      "a second trip within it",
      { last: { run: "run-1", scenario: "code", endedAt: 780_000 } },
      [
        'second-trip: "errors" fired again 2 min after run-1 ("code") had ended: it did not mend it, and the cool-down lasts until 1970-01-01T00:23:00.000Z',
      ],
    ],
    [
      "a running rollback",
      { running: "run-1", unfinished: "run-1" },
      ["running: the rollback run-1 is running"],
    ],
    [
      "a rollback that stands",
      { unfinished: "run-1" },
      ["unfinished: the rollback run-1 is not finished: backout resume, or backout cancel"],
    ],
    [
      "no checkpoint",
      { blocked: { code: { guard: "nothing-to-go-back-to", why: "there is no checkpoint to go back to" } } },
      ["nothing-to-go-back-to: there is no checkpoint to go back to"],
    ],
    ["another way that is blocked", { blocked: { flag: { guard: "known-bad", why: "bad" } } }, []],
    [
      "a known-bad destination",
      { blocked: { code: { guard: "known-bad", why: "bad" } } },
      ["known-bad: bad"],
    ],
    ["no change out", { blocked: { code: { guard: "no-change", why: "out" } } }, ["no-change: out"]],
    [
      "too many today",
      { today: 3 },
      ["too-many: there were 3 rollbacks within 24 hours, and watch.perDay allows 3"],
    ],
    ["another watcher", { observing: "process 7 watches" }, ["observing: process 7 watches"]],
    ["an attempt that was refused", { refused: "no proof" }, ["refused: no proof"]],
    [
      "two reasons",
      { running: "run-1", today: 4 },
      [
        "running: the rollback run-1 is running",
        "too-many: there were 4 rollbacks within 24 hours, and watch.perDay allows 3",
      ],
    ],
  ])("H76 automatic unless held by %s", (_, guards, reasons) => {
    const found = held(guards);
    expect(found?.held.map(({ guard, why }) => `${guard}: ${why}`)).toEqual(reasons);
    expect(found).toMatchObject({ asked: "auto", mode: reasons.length === 0 ? "auto" : "approve" });
  });

  test("what fired and is no longer measured starts nothing, unless the playbook takes it for bad", () => {
    const blind = status("errors", "firing", { noData: "no answer" });
    expect(held({}, blind)).toMatchObject({
      mode: "approve",
      held: [{ guard: "not-measured", why: '"errors" fires on what was measured before: no answer' }],
    });
    const asked = rulesOf([{ when: "blind", scenario: "code", mode: "auto" }]);
    const bad = decided([status("blind", "firing", { noData: "no answer" })], { rules: asked });
    expect(bad.recommendation).toMatchObject({ mode: "auto", held: [] });
  });

  test("guards do not change what a person was to decide anyway", () => {
    const found = decided([status("errors", "inactive"), status("slow", "firing")], {
      guards: { ...clear, today: 9 },
    });
    expect(found.recommendation).toMatchObject({ mode: "advise", asked: "advise", held: [] });
  });
});

describe("the cheapest way that mends it goes first (W10)", () => {
  const several = rulesOf([{ when: "errors", scenario: ["everything", "code", "bounce"], mode: "auto" }]);
  const missing = { guard: "nothing-to-go-back-to", why: "there is no checkpoint" } as const;
  test.each<[string, Partial<Guards>, string, string]>([
    ["of three", {}, "bounce", '"bounce" (restart) is the cheapest of bounce, code, everything'],
    [
      "after one was tried",
      { last: { run: "run-1", scenario: "bounce", endedAt: 900_000 } },
      "code",
      '"code" (code) is the cheapest of bounce, code, everything; "bounce" would be cheaper, but it was tried by run-1 and it is bad again',
    ],
    [
      "where one leads nowhere",
      { blocked: { bounce: missing } },
      "code",
      '"code" (code) is the cheapest of bounce, code, everything; "bounce" would be cheaper, but there is no checkpoint',
    ],
  ])("%s", (_, guards, chosen, because) => {
    const { recommendation } = decided([status("errors", "firing")], {
      rules: several,
      guards: { ...clear, ...guards },
    });
    expect(recommendation).toMatchObject({ scenario: chosen, because });
  });

  test("where none leads anywhere, the cheapest is named and held", () => {
    const blocked = { bounce: missing, code: missing, everything: missing };
    const found = decided([status("errors", "firing")], { rules: several, guards: { ...clear, blocked } });
    expect(found.recommendation).toMatchObject({ scenario: "bounce", mode: "approve", held: [missing] });
  });
});
