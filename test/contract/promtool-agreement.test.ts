import { expect, test } from "vitest";
import {
  compareWithPromtool,
  generatedCases,
  type PromtoolCase,
  triggerStates,
} from "../support/promtool.js";

test("`for`, gaps, staleness and a late end are Prometheus' own on 600 generated series", async () => {
  const { cases, agreeing, differences } = await compareWithPromtool(generatedCases(600, 20_261_122));
  expect(differences.slice(0, 5)).toEqual([]);
  expect([cases, agreeing]).toEqual([600, 600]);
});

test("the comparison finds what differs", async () => {
  const rule = { compare: "> 1", for: 30, keepFiring: 0 };
  const [same] = generatedCases(1, 1);
  const other: PromtoolCase = { rule: { ...rule, for: 45 }, every: 15, values: [2, 2, 2, 2, 2, 2] };
  // A rule that the file does not have: its series is under no rule there, and pending or firing here.
  expect(triggerStates(other, true).filter((state) => state !== undefined).length).toBeGreaterThan(3);
  const { differences } = await compareWithPromtool([...(same ? [same] : []), other]);
  expect(differences).toHaveLength(1);
  expect(differences[0]).toMatch(/^case 1 at \d+\w?.*: only ours/);
});

test("the generated series fire, wait, end, and have long gaps", () => {
  const cases = generatedCases(600, 20_261_122);
  const states = cases.map((one) => triggerStates(one, true));
  const having = (state: string) => states.filter((all) => all.some((one) => one === state)).length;
  expect(having("firing")).toBeGreaterThan(300);
  expect(having("pending")).toBeGreaterThan(300);
  const gap = new Array(21).fill("_").join();
  expect(cases.filter(({ values }) => values.join().includes(gap)).length).toBeGreaterThan(50);
  expect(cases.filter(({ values }) => values.includes("stale")).length).toBeGreaterThan(50);
});
