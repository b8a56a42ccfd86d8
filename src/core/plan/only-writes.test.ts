import { expect, test } from "vitest";
import { takesOnlyWrites } from "./only-writes.js";
import type { Plan, PlannedTarget } from "./plan.js";

const target = (from: string, to: string | undefined, restore = true): PlannedTarget => ({
  driver: "d",
  with: {},
  uses: [],
  keep: [],
  restore,
  from: { identity: from, summary: from },
  ...(to === undefined ? {} : { to: { identity: to, summary: to } }),
});

const planOf = (targets: Record<string, PlannedTarget>, losing: readonly string[]): Plan =>
  ({
    targets,
    steps: losing.map((subject) => ({ subject, impact: { loses: [{ what: "orders", basis: "counted" }] } })),
  }) as unknown as Plan;

test.each<[string, Record<string, PlannedTarget>, string[], boolean]>([
  ["rows written since", { db: target("new", "old"), code: target("v1", "v1") }, ["db"], true],
  ["another release went out", { db: target("new", "old"), code: target("v2", "v1") }, ["db"], false],
  ["a database that lost nothing but differs", { db: target("new", "old") }, [], false],
  [
    "a target that is only restarted",
    { db: target("new", "old"), app: target("a", undefined, false) },
    ["db"],
    true,
  ],
])("%s", (_, targets, losing, expected) => {
  expect(takesOnlyWrites(planOf(targets, losing))).toBe(expected);
});
