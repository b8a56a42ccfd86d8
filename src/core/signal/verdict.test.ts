import { expect, test } from "vitest";
import type { TriggerStatus } from "./trigger-state.js";
import { verdict } from "./verdict.js";

const base = { for: 0, when: "a > 1", samples: [] };
const statuses = {
  red: { ...base, trigger: "red", level: "RED", state: "firing", since: 1 },
  yellow: { ...base, trigger: "yellow", level: "YELLOW", state: "firing", since: 1 },
  pending: { ...base, trigger: "pending", level: "RED", state: "pending", since: 1 },
  well: { ...base, trigger: "well", level: "RED", state: "inactive" },
  blind: { ...base, trigger: "blind", level: "YELLOW", state: "unknown", noData: "refused" },
  heldRed: { ...base, trigger: "heldRed", level: "RED", state: "firing", since: 1, noData: "refused" },
  ignored: { ...base, trigger: "ignored", level: "RED", state: "inactive", noData: "refused" },
  blindGreen: {
    ...base,
    trigger: "blindGreen",
    level: "GREEN",
    state: "firing",
    since: 1,
    noData: "refused",
  },
} as const satisfies Record<string, TriggerStatus>;

type Name = keyof typeof statuses;

test.each<[Name[], string, Name[]]>([
  [[], "UNKNOWN", []],
  [["well"], "GREEN", ["well"]],
  [["well", "pending"], "GREEN", ["well", "pending"]],
  [["well", "blind"], "UNKNOWN", ["blind"]],
  [["blind", "yellow", "well"], "YELLOW", ["yellow"]],
  [["yellow", "red", "blind", "well"], "RED", ["red"]],
  [["heldRed", "well"], "RED", ["heldRed"]],
  [["red", "heldRed"], "RED", ["red", "heldRed"]],
  [["ignored", "well"], "GREEN", ["well"]],
  [["ignored"], "UNKNOWN", ["ignored"]],
  [["blindGreen"], "UNKNOWN", ["blindGreen"]],
])("%j is %s because of %j", (names, level, because) => {
  const found = verdict(names.map((name) => statuses[name]));
  expect(found).toEqual({ level, evidence: because.map((name) => statuses[name]) });
});
