import { describe, expect, test } from "vitest";
import type { TriggerStatus } from "../signal/trigger-state.js";
import { verdict } from "../signal/verdict.js";
import { incidentAt, incidentPhases } from "./incident.js";

const minute = 60_000;
const firing = (more: Partial<TriggerStatus> = {}): TriggerStatus => ({
  trigger: "errors",
  level: "RED",
  state: "firing",
  since: 0,
  for: 0,
  when: "x > 1",
  samples: [],
  ...more,
});
const escalate = [
  { after: 30 * minute, say: "tell the customers", to: "cto" },
  { after: 15 * minute, say: "call the lead", to: "lead" },
];

const opened = incidentAt(verdict([firing({ severity: "SEV-2" })]), undefined, { escalate }, 0);
const at = (minutes: number, statuses = [firing()]) =>
  incidentAt(verdict(statuses), opened, { escalate }, minutes * minute);

describe("an incident", () => {
  test("is open while the verdict is RED or YELLOW, from the first trigger that fired", () => {
    expect(incidentAt(verdict([firing({ state: "inactive" })]), opened, undefined, minute)).toBeUndefined();
    const late = incidentAt(verdict([firing({ since: 3 * minute })]), undefined, undefined, 4 * minute);
    expect(late?.since).toBe(3 * minute);
    // Another trigger that takes over is the same incident.
    expect(incidentAt(verdict([firing({ since: 9 * minute })]), late, undefined, 9 * minute)?.since).toBe(
      3 * minute,
    );
  });

  test("stays open while nothing can be measured, and is not opened by that", () => {
    const unknown = [firing({ state: "unknown", noData: "no answer" })];
    expect(incidentAt(verdict(unknown), undefined, { escalate }, minute)).toBeUndefined();
    const [soon, later] = [14, 16].map((minutes) =>
      incidentAt(verdict(unknown), opened, undefined, minutes * minute),
    );
    expect(soon).toMatchObject({
      since: 0,
      severity: "SEV-2",
      escalated: [],
      next: { say: "call the lead" },
    });
    expect(later).toMatchObject({
      since: 0,
      escalated: [{ after: 15 * minute, say: "call the lead", to: "lead" }],
    });
    expect(later?.next).toBeUndefined();
    expect(incidentAt(verdict([firing()]), later, { escalate }, 31 * minute)?.escalated).toHaveLength(2);
  });

  test.each<[NonNullable<TriggerStatus["severity"]>, number]>([
    ["SEV-0", 0],
    ["SEV-1", 0],
    ["SEV-2", 5],
    ["SEV-3", 15],
    ["SEV-4", 60],
  ])("L15 %s wants a response within %d minutes", (severity, minutes) => {
    const incident = at(1, [firing({ severity }), firing({ trigger: "odd", severity: "SEV-4" })]);
    expect(incident).toMatchObject({ severity, respondBy: minutes * minute });
  });

  test.each<[severity: TriggerStatus["severity"], minutes: number, action: string]>([
    ["SEV-0", 0, "go back now"],
    ["SEV-1", 4.9, "go back now"],
    ["SEV-1", 5, "go back"],
    ["SEV-2", 1, "see what it is; most likely it has to go back"],
    ["SEV-2", 6, "go back"],
    ["SEV-3", 14, "find out why, and keep an eye on it"],
    ["SEV-3", 15, "what was tried has not mended it: the next way, and more people"],
    ["SEV-4", 59, "take it up in its turn"],
    ["SEV-4", 60, "a major incident: keep telling everybody"],
    [undefined, 0, "see what it is, and whether going back mends it"],
  ])("L15 %s after %d minutes: %s", (severity, minutes, action) => {
    expect(at(minutes, [firing(severity === undefined ? {} : { severity })])?.action).toBe(action);
  });

  test.each<[number, number]>([
    [0, 0],
    [4.9, 0],
    [5, 1],
    [15, 2],
    [59, 2],
    [60, 3],
    [600, 3],
  ])("L15 after %d minutes it is in phase %d of four", (minutes, phase) => {
    expect(at(minutes)?.phase).toBe(phase);
    expect(incidentPhases).toHaveLength(4);
  });

  test.each<[number, string[], string | undefined]>([
    [14, [], "call the lead"],
    [15, ["call the lead"], "tell the customers"],
    [31, ["call the lead", "tell the customers"], undefined],
  ])("W12 Z18 after %d minutes it has been said: %j", (minutes, said, next) => {
    const incident = at(minutes);
    expect(incident?.escalated.map(({ say }) => say)).toEqual(said);
    expect(incident?.next?.say).toBe(next);
  });
});
