import { beforeAll, describe, expect, test } from "vitest";
import { decide } from "../../src/core/decision/decide.js";
import { type Branch, decisionTree } from "../../src/core/decision/decision-tree.js";
import type { Playbook } from "../../src/core/playbook/playbook.js";
import { riskMatrix } from "../../src/core/playbook/risk-matrix.js";
import type { TriggerStatus } from "../../src/core/signal/trigger-state.js";
import { playbookOf } from "../support/play-triggers.js";

const minute = 60_000;
/** That promises add up to more than the objective is what M21 is about; blocked merges are no outage, and may wait longer. */
const known = ["changes", "triggers.ci_blocked.for"];
const now = Date.UTC(2026, 10, 22, 5, 46, 44);

interface Case {
  /** Triggers that fire. */
  readonly fires?: readonly string[];
  /** Triggers that could not be judged. */
  readonly unknown?: readonly string[];
  readonly change?: string;
  readonly answers?: Readonly<Record<string, string>>;
  /** By a watch, which cannot ask anybody. */
  readonly watching?: boolean;
  /** Scenario that was tried a minute ago. */
  readonly tried?: string;
}

/** `backend auto`, or what is said instead. */
type End = string;

function statusesOf({ triggers }: Playbook, { fires = [], unknown = [] }: Case): TriggerStatus[] {
  for (const name of [...fires, ...unknown]) expect(Object.keys(triggers)).toContain(name);
  return Object.entries(triggers).map(([trigger, { when, level, for: needed }]) => ({
    trigger,
    level,
    when,
    for: needed,
    samples: [],
    ...(fires.includes(trigger)
      ? { state: "firing", since: now - minute }
      : unknown.includes(trigger)
        ? { state: "unknown", noData: "its source is down" }
        : { state: "inactive" }),
  }));
}

function decided(playbook: Playbook, one: Case): { at: string; end: End } {
  const guards = {
    coolDownMs: 10 * minute,
    today: 0,
    perDay: 3,
    blocked: {},
    ...(one.tried === undefined ? {} : { last: { run: "r1", scenario: one.tried, endedAt: now - minute } }),
  };
  const statuses = statusesOf(playbook, one);
  const decision = decide({
    rules: playbook,
    statuses,
    guards,
    now,
    change: one.change,
    answers: one.answers,
    asking: one.watching !== true,
  });
  const { recommendation: made, say, question } = decision;
  if (question !== undefined) return { at: "", end: `asks: ${question.ask}` };
  if (made !== undefined) return { at: made.at, end: `${made.scenario} ${made.asked}` };
  return { at: say?.text ?? "", end: say?.text ?? "nothing" };
}

/** Where each end stands, or what it says. */
function endsOf(branch: Branch | undefined): string[] {
  if (branch === undefined) return [];
  if (branch.kind === "end") return [branch.leaf.say ?? branch.at];
  if (branch.kind === "if") return [...endsOf(branch.then), ...endsOf(branch.else)];
  return [...branch.answers.values()].flatMap(endsOf);
}

type Example = [name: string, files: readonly string[], cases: readonly [string, Case, End][]];

const cluster: Example = [
  "the symptoms of an application in a cluster",
  ["triggers/kubernetes-erp.yaml", "decisions/cluster.yaml"],
  [
    ["M20 processes crash again and again", { fires: ["crash_loops"] }, "backend auto"],
    ["M20 nobody gets in", { fires: ["all_locked_out"] }, "web auto"],
    ["M20 some roles do not get in", { fires: ["role_locked_out"] }, "roles_off approve"],
    ["M20 tokens have run out", { fires: ["tokens_expired"] }, "expiry_off approve"],
    ["M20 pages are blocked: the mildest way first", { fires: ["pages_blocked"] }, "headers_off approve"],
    [
      "M20 pages are blocked, and the mildest did not help",
      { fires: ["pages_blocked"], tried: "headers_off" },
      "headers_from_proxy approve",
    ],
    ["M20 nothing can be merged", { fires: ["ci_blocked"] }, "merges approve"],
    [
      "M20 memory climbs since the change to it",
      { fires: ["memory_climbs"], change: "memory" },
      "restart_backend approve",
    ],
    [
      "M20 memory climbs since the change to it, after a restart too",
      { fires: ["memory_climbs"], change: "memory", tried: "restart_backend" },
      "backend approve",
    ],
    [
      "M20 memory climbs, and that change is not out",
      { fires: ["memory_climbs"], change: "web_security" },
      "restart_backend auto",
    ],
    [
      "M20 slow since the indexes",
      { fires: ["slow_since_change"], change: "performance" },
      "indexes approve",
    ],
    [
      "M20 slow, and no index is new",
      { fires: ["slow_since_change"], change: "memory" },
      "find out what is slow: no change to the database is out",
    ],
    ["M20 the backend fails", { fires: ["backend_fails"] }, "backend auto"],
    ["M20 the web application fails", { fires: ["web_fails"] }, "web auto"],
    [
      "M20 both fail: a person is asked",
      { fires: ["backend_fails", "web_fails"] },
      "asks: Which of the two fails by itself?",
    ],
    ...(["backend", "web", "both"] as const).map((answer): [string, Case, End] => [
      `M20 both fail, by ${answer}`,
      { fires: ["backend_fails", "web_fails"], answers: { at_fault: answer } },
      `${answer} approve`,
    ]),
    ["M20 a migration failed and harmed nothing", { fires: ["migration_failed_clean"] }, "indexes auto"],
    [
      "M20 a migration failed and data are corrupt",
      { fires: ["migration_failed_corrupt", "crash_loops"] },
      "everything approve",
    ],
    [
      "M20 it could not be measured whether processes crash",
      { unknown: ["crash_loops"], watching: true },
      "measure by hand what could not be measured",
    ],
    ["M20 nothing is wrong", {}, "nothing is wrong"],
  ],
];

const warehouse: Example = [
  "a warehouse",
  ["triggers/warehouse.yaml", "decisions/warehouse.yaml"],
  [
    ["W11 it does not work", { fires: ["down"] }, "quick auto"],
    ["W11 it does not work, and data are wrong", { fires: ["down", "data_wrong"] }, "data approve"],
    [
      "W11 its interface fails: are the logs read?",
      { fires: ["api_fails"] },
      "asks: Do the logs show that these errors began with the release?",
    ],
    [
      "W11 its interface fails since the release",
      { fires: ["api_fails"], answers: { from_the_release: "yes" } },
      "quick auto",
    ],
    [
      "W11 its interface fails of something else",
      { fires: ["api_fails"], answers: { from_the_release: "no" } },
      "mend what the logs show: the release is not at fault",
    ],
    [
      "W11 it is slow and busy",
      { fires: ["degraded"], answers: { enough_room: "yes" } },
      "scale up, and look again in five minutes",
    ],
    ["W11 it is slow and not busy", { fires: ["degraded"], answers: { enough_room: "no" } }, "quick approve"],
    ["W11 a hole is known", { fires: ["vulnerable"] }, "quick approve"],
    ["W11 nothing is wrong", {}, "go on watching"],
  ],
];

const matrix: Example = [
  "normal, warning and critical",
  ["decisions/matrix.yaml"],
  [
    ["Z17 errors are raised", { fires: ["error_percent_warning"] }, "consider going back"],
    [
      "Z17 errors are high",
      { fires: ["error_percent_warning", "error_percent_critical"] },
      "release approve",
    ],
    ["Z17 it is slow", { fires: ["p95_ms_warning"] }, "watch it closely"],
    ["Z17 it is very slow", { fires: ["p95_ms_critical"] }, "release advise"],
    ["Z17 it is busy", { fires: ["cpu_percent_warning"] }, "see what it is busy with"],
    [
      "Z17 it is very busy",
      { fires: ["cpu_percent_critical"] },
      "find out what it is busy with before anything else",
    ],
    ["Z17 memory fills", { fires: ["memory_percent_warning"] }, "see what grows"],
    ["Z17 memory is nearly full", { fires: ["memory_percent_critical"] }, "release approve"],
    ["Z17 connections fill", { fires: ["connection_percent_warning"] }, "see who holds connections open"],
    ["Z17 connections are exhausted", { fires: ["connection_percent_critical"] }, "pool auto"],
    [
      "Z17 connections are exhausted, after a restart of the pool too",
      { fires: ["connection_percent_critical"], tried: "pool" },
      "release auto",
    ],
    ["Z17 some logins fail", { fires: ["failed_logins_warning"] }, "see from where"],
    ["Z17 many logins fail", { fires: ["failed_logins_critical"] }, "call for security"],
  ],
];

describe.each([cluster, warehouse, matrix])("%s", (_, files, cases) => {
  let playbook: Playbook;
  const reached = new Set<string>();
  beforeAll(async () => {
    playbook = await playbookOf("", files, known);
  }, 60_000);

  test.each(cases)("%s", (__, one, end) => {
    const found = decided(playbook, one);
    reached.add(found.at);
    expect(found.end).toBe(end);
  });

  test("every end is reached by one of these", () => {
    const ends = decisionTree(playbook).flatMap(({ branch }) => endsOf(branch));
    expect(ends.filter((one) => !reached.has(one))).toEqual([]);
  });
});

test("M21 the risks of that playbook add up to more than its objective, and fit side by side", async () => {
  const playbook = await playbookOf("", ["triggers/kubernetes-erp.yaml", "decisions/cluster.yaml"], known);
  const { rows, inSequenceMs, sideBySideMs, objectiveMs } = riskMatrix(playbook);
  expect(rows.map(({ change, risk, promisedMs }) => [change, risk, promisedMs])).toEqual([
    ["web_security", "high", 3 * minute],
    ["performance", "medium", 8 * minute],
    ["memory", "low", 2 * minute],
    ["pipelines", "low", 1 * minute],
    ["migration_tools", "low", 1 * minute],
  ]);
  expect(rows.find(({ change }) => change === "memory")?.shares).toEqual(["performance"]);
  expect({ inSequenceMs, sideBySideMs, objectiveMs }).toEqual({
    inSequenceMs: 15 * minute,
    // `memory` and `performance` change the same backend: one after the other.
    sideBySideMs: 10 * minute,
    objectiveMs: 12 * minute,
  });
});
