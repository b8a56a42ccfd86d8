import { describe, expect, test } from "vitest";
import type { DecisionRule } from "../playbook/playbook.js";
import type { TriggerStatus } from "../signal/trigger-state.js";
import { verdict } from "../signal/verdict.js";
import { decide, type Guards } from "./decide.js";

const status = (
  trigger: string,
  state: TriggerStatus["state"],
  level: TriggerStatus["level"] = "RED",
): TriggerStatus => ({
  trigger,
  state,
  level,
  for: 0,
  when: `${trigger}_rate > 1`,
  samples: [],
});

const rules: DecisionRule[] = [
  { when: "errors && slow", scenario: "everything", mode: "auto", why: "both at once" },
  { when: "errors", scenario: "code", mode: "auto" },
  { when: 'verdict == "YELLOW"', scenario: "flag", mode: "advise" },
  { when: 'verdict == "UNKNOWN"', scenario: "look", mode: "approve" },
];

const decided = (statuses: TriggerStatus[], guards: Guards = { checkpoint: true }) =>
  decide({ rules, statuses, verdict: verdict(statuses), guards, now: 1_000 });

describe("a decision", () => {
  test.each<[TriggerStatus["state"], TriggerStatus["state"], number | undefined]>([
    ["firing", "firing", 0],
    ["firing", "inactive", 1],
    ["firing", "unknown", 1],
    ["pending", "inactive", undefined],
    ["inactive", "inactive", undefined],
    ["inactive", "firing", 2],
    ["unknown", "inactive", 3],
  ])("errors %s, slow %s: rule %s", (errors, slow, rule) => {
    expect(decided([status("errors", errors), status("slow", slow, "YELLOW")])?.rule).toBe(rule);
  });

  test("carries the rule's words, mode and evidence", () => {
    const errors = status("errors", "firing");
    const slow = status("slow", "firing", "YELLOW");
    expect(decided([errors, slow])).toEqual({
      scenario: "everything",
      mode: "auto",
      asked: "auto",
      why: "both at once",
      rule: 0,
      held: [],
      evidence: [errors, slow],
    });
    expect(decided([status("errors", "inactive"), slow])).toMatchObject({
      scenario: "flag",
      mode: "advise",
      why: 'verdict == "YELLOW"',
      evidence: [slow],
    });
  });

  test.each<[string, Guards, string[]]>([
    ["nothing", { checkpoint: true }, []],
    ["a cool-down that is over", { checkpoint: true, coolDownUntil: 1_000 }, []],
    [
      "a cool-down",
      { checkpoint: true, coolDownUntil: 1_001 },
      ["a rollback ended a short while ago: cool-down until 1970-01-01T00:00:01.001Z"],
    ],
    ["a running rollback", { checkpoint: true, running: "run-1" }, ["the rollback run-1 is running"]],
    ["no checkpoint", { checkpoint: false }, ["there is no checkpoint to go back to"]],
    [
      "two reasons",
      { checkpoint: false, running: "run-1" },
      ["the rollback run-1 is running", "there is no checkpoint to go back to"],
    ],
  ])("H76 automatic unless held by %s", (_, guards, held) => {
    const found = decided([status("errors", "firing"), status("slow", "inactive")], guards);
    expect(found).toMatchObject({
      scenario: "code",
      asked: "auto",
      mode: held.length === 0 ? "auto" : "approve",
      held,
    });
  });

  test("guards do not change what a person was to decide anyway", () => {
    const found = decided([status("errors", "inactive"), status("slow", "firing", "YELLOW")], {
      checkpoint: false,
    });
    expect(found).toMatchObject({ mode: "advise", asked: "advise", held: [] });
  });
});
