import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { backout } from "../support/backout-process.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "backout-triggers-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const signal = (name: string, more = ""): string =>
  `  ${name}: { driver: http, with: { url: "http://localhost", value: latency }, every: 15s${more} }`;

const head = [
  "backout: 1",
  "system: shop",
  "targets:",
  "  db: { driver: sqlite, with: { file: app.db } }",
  "  cache: { driver: sqlite, with: { file: cache.db } }",
  "signals:",
  signal("errors", ", min: 0, max: 1"),
  signal("hits", ", of: cache"),
  "scenarios:",
  "  data: { restore: [db] }",
  "  all: { restore: [db, cache] }",
  "triggers:",
];

const bad = "  bad: { when: errors > 0.5, for: 1m, level: RED }";
const on = (rules: string): string => `decisions:\n${rules}`;
const byVerdict = on('  - { when: verdict == "RED", scenario: data, mode: approve }');

test.each<[string, string[], RegExp, RegExp]>([
  [
    "a gap between the levels of one signal",
    [bad, "  odd: { when: errors > 0.1 && errors < 0.3, for: 1m, level: YELLOW }", byVerdict],
    /:13:16 {2}warning: triggers\.bad\.when {2}errors from 0\.3 and up to 0\.5 has no level/,
    /hint: let one of them begin or end there/,
  ],
  [
    "levels of one signal that overlap",
    [bad, "  odd: { when: errors > 0.1 && errors < 0.7, for: 1m, level: YELLOW }", byVerdict],
    /:14:16 {2}warning: triggers\.odd\.when {2}above 0\.5 and below 0\.7 it holds together with "bad" of level RED/,
    /hint: end it where "bad" begins/,
  ],
  [
    "contradictory actions for one condition",
    [
      bad,
      "  same: { when: 0.5 < errors, for: 1m, level: RED }",
      on("  - { when: bad, scenario: data, mode: auto }\n  - { when: same, scenario: all, mode: approve }"),
    ],
    /:14:17 {2}warning: triggers\.same\.when {2}this is the condition of "bad", which leads to "data" \(auto\), and this one to "all" \(approve\)/,
    /hint: decide which of both is right/,
  ],
  [
    "a duration that is missing",
    ["  bad: { when: errors > 0.5, level: RED }", byVerdict],
    /:13:3 {2}warning: triggers\.bad {2}no duration is stated: one bad reading fires/,
    /hint: for: 1m or times: 3/,
  ],
  [
    "a condition that can never hold",
    ["  bad: { when: errors > 1.5, for: 1m, level: RED }", byVerdict],
    /:13:16 {2}warning: triggers\.bad\.when {2}this can never hold: errors is always from 0 and up to 1/,
    /hint: correct the comparison, or remove the trigger/,
  ],
  [
    "a condition that always holds",
    ["  bad: { when: errors >= 0, for: 1m, level: RED }", byVerdict],
    /:13:16 {2}warning: triggers\.bad\.when {2}this always holds/,
    /hint: correct the comparison, or remove the trigger/,
  ],
  [
    "an end that never comes",
    ["  bad: { when: errors > 0.5, for: 1m, clear: { when: errors > 2 }, level: RED }", byVerdict],
    /:13:54 {2}warning: triggers\.bad\.clear\.when {2}this can never hold, so that what has fired never ends/,
    /hint: correct the comparison, or remove `clear`/,
  ],
  [
    "a trigger that the rollback itself would trip",
    [
      "  cold: { when: hits < 10, for: 1m, level: RED }",
      on("  - if: cold\n    then: { scenario: all, mode: auto }\n    else: { say: wait }"),
    ],
    /:13:3 {2}warning: triggers\.cold {2}it leads to "all", and may then be tripped by that very rollback: "hits" measures "cache"/,
    /hint: settle: 5m keeps it quiet for so long after a rollback/,
  ],
])("H77 check tells of %s, with its line and a hint", async (name, lines, fact, hint) => {
  const file = join(folder, `${name.replaceAll(" ", "-")}.yaml`);
  writeFileSync(file, `${[...head, ...lines].join("\n")}\n`);
  const place = { cwd: folder, environment: { COLUMNS: "300" } };
  const { status, stdout, stderr } = await backout(place, "check", "--offline", "--file", file);
  expect(status, stderr).toBe(0);
  expect(stdout).toMatch(fact);
  expect(stdout).toMatch(hint);
});

test("H76 a stated time to settle is enough, and nothing is said of a set that is whole", async () => {
  const file = join(folder, "whole.yaml");
  const lines = [bad, "  cold: { when: hits < 10, for: 1m, settle: 5m, level: RED }", byVerdict];
  writeFileSync(file, `${[...head, ...lines].join("\n")}\n`);
  const { status, stdout } = await backout(
    { cwd: folder, environment: {} },
    "check",
    "--offline",
    "--file",
    file,
  );
  expect([status, stdout]).toEqual([0, expect.stringContaining("no problem found")]);
});
