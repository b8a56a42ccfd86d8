import stringWidth from "string-width";
import { describe, expect, it } from "vitest";
import type { Judgement } from "../../app/watch-judgement.js";
import { clockText } from "../../app/watch-notice.js";
import type { Decision } from "../../core/decision/decide.js";
import { healthAfter, type SourceHealth, unasked } from "../../core/signal/source-health.js";
import type { TriggerStatus } from "../../core/signal/trigger-state.js";
import { verdict } from "../../core/signal/verdict.js";
import { sparkline, valueText } from "./sparkline.js";
import { watchEvents } from "./watch-events.js";
import { watchFrame } from "./watch-frame.js";
import { watchView } from "./watch-view.js";

const now = Date.UTC(2026, 10, 22, 5, 46, 44);
const status = (trigger: string, more: Partial<TriggerStatus> = {}): TriggerStatus => ({
  trigger,
  level: "RED",
  state: "inactive",
  for: 30_000,
  when: "error_rate > 0.05",
  samples: [{ signal: "error_rate", at: now, value: 0.423, unit: "ratio" }],
  ...more,
});
const judgement = (statuses: TriggerStatus[], more: Partial<Decision> = {}): Judgement => ({
  at: now,
  verdict: verdict(statuses),
  statuses,
  sourceHealth: [],
  decision: { verdict: verdict(statuses), path: [], ...more },
  recommendation: more.recommendation,
});

const quiet = judgement([status("errors_high")]);
const pending = judgement([status("errors_high", { state: "pending", since: now - 12_000 })]);
const recommendation = {
  scenario: "bad-release",
  mode: "approve",
  asked: "auto",
  why: "errors are high",
  at: "decisions[0]",
  held: [{ guard: "nothing-to-go-back-to", why: "there is no checkpoint to go back to" }],
  evidence: [],
} as const;
const firing = judgement([status("errors_high", { state: "firing", since: now })], { recommendation });
const blind = judgement([
  status("errors_high", { state: "unknown", noData: '"error_rate" could not be measured: refused\u001B[2J' }),
]);

describe("what changes while watching", () => {
  it.each<[string, Judgement | undefined, Judgement, string[]]>([
    ["the first verdict", undefined, quiet, ["verdict GREEN"]],
    ["nothing", quiet, quiet, []],
    ["a condition that holds", quiet, pending, ["trigger errors_high inactive → pending, fires after 30 s"]],
    [
      "a trigger that fires",
      pending,
      firing,
      [
        "trigger errors_high pending → firing",
        "verdict RED: errors_high (error_rate 0.423)",
        'decision roll back by "bad-release": needs a person, backout rollback bad-release, since there is no checkpoint to go back to (errors are high)',
      ],
    ],
    [
      "no measurement is not healthy",
      quiet,
      blind,
      [
        "trigger errors_high inactive → could not measure",
        'verdict UNKNOWN: errors_high ("error_rate" could not be measured: refused)',
      ],
    ],
  ])("%s", (_, before, after, told) => {
    expect(watchEvents(before, after).map(({ about, text }) => `${about} ${text}`)).toEqual(told);
  });
});

/** Readings one second apart, the last now: `g`ood, `s`low, `f`ailed. */
const source = (readings: string): SourceHealth =>
  [...readings].reduce(
    (health, one, index) =>
      healthAfter(
        health,
        {
          at: now - (readings.length - 1 - index) * 1_000,
          ms: one === "s" ? 900 : 5,
          ...(one === "f" ? { error: { code: "UNREACHABLE", message: "refused", hint: "is it up?" } } : {}),
        },
        1_000,
      ),
    unasked("error_rate", now - 60_000),
  );
const fed = (readings: string): Judgement => ({ ...quiet, sourceHealth: [source(readings)] });

describe("what changes about a source", () => {
  it.each<[string, string, string[]]>([
    ["g", "gg", []],
    ["g", "gf", ["error_rate: its source gives no measurement: refused (is it up?)"]],
    ["gf", "gff", []],
    ["gf", "gfg", ["error_rate: its source answers again"]],
    ["gfgfg", "gfgfgf", []],
    ["gfgf", "gfgfg", ["error_rate: its source comes and goes: refused (is it up?)"]],
    ["gs", "gss", []],
    ["gss", "gsss", ["error_rate: its source is slow, 900 ms for a reading"]],
    ["gsss", "gsssg", ["error_rate: its source is quick again"]],
  ])("%s and then %s", (before, after, told) => {
    const events = watchEvents(fed(before), fed(after));
    expect(events.map(({ about, text }) => `${about} ${text}`)).toEqual(told.map((text) => `source ${text}`));
  });
});

const incidentOf = (severity: "SEV-1" | "SEV-3", action = "go back now") => ({
  ...{ since: now, severity, respondBy: now, phase: 0, action, escalated: [] },
});

describe("L15 an incident is told with what its severity asks for", () => {
  const red = (incident?: ReturnType<typeof incidentOf>) => ({
    ...judgement([status("errors", { state: "firing", since: now })]),
    ...(incident === undefined ? {} : { incident }),
  });
  const told = (before: ReturnType<typeof red>, after: ReturnType<typeof red>): string[] =>
    watchEvents(before, after).flatMap(({ about, text }) => (about === "incident" ? [text] : []));

  it("when it opens, and again only where that has changed", () => {
    const looked = incidentOf("SEV-3", "find out why");
    expect(told(red(), red(looked))).toEqual(["open since 05:46:44, SEV-3: respond at once; find out why"]);
    expect(told(red(looked), red({ ...looked, phase: 1 }))).toEqual([]);
    expect(told(red(looked), red({ ...looked, phase: 2, action: "more people" }))).toEqual([
      "open for 0 ms: more people",
    ]);
  });
});

describe("the watch on a terminal", () => {
  const values = [0.01, 0.01, 0.2, 0.423];
  const model = {
    system: "shop",
    environment: "production",
    judgement: pending,
    since: now - 120_000,
    samples: new Map([["error_rate", values.map((value) => ({ signal: "error_rate", at: now, value }))]]),
    events: watchEvents(quiet, pending),
  };

  it("shows the verdict, the pending clocks, the measurements and what happened", () => {
    expect(watchFrame(model, { now, width: 80, height: 24, colour: false, utcOffset: 0 })).toEqual([
      "GREEN shop/production, for 2 min",
      "",
      "  RED  errors_high  pending, 12 s of 30 s  error_rate > 0.05",
      "",
      "  error_rate  0.423  ▁▁▄█",
      "",
      "  05:46:44  errors_high inactive → pending, fires after 30 s",
    ]);
  });

  it.each<[string, string]>([
    ["gg", "  error_rate  0.423  ▁▁▄█"],
    ["gfff", "  error_rate  0.423  ▁▁▄█  failing for 2 s: refused"],
    ["gfgfg", "  error_rate  0.423  ▁▁▄█  flapping, 2 of the last 5 readings failed: refused"],
    ["sss", "  error_rate  0.423  ▁▁▄█  slow, 900 ms for a reading"],
  ])("shows how the source of a signal is: %s", (readings, line) => {
    const frame = watchFrame(
      { ...model, judgement: fed(readings) },
      { now, width: 90, height: 24, colour: false },
    );
    expect(frame).toContain(line);
  });

  it("on a narrow screen keeps name, value and sparkline of a signal", () => {
    const frame = watchFrame(
      { ...model, judgement: fed("gfff") },
      { now, width: 50, height: 24, colour: false },
    );
    expect(frame).toContain("  error_rate  0.423  ▁▁▄█");
  });

  it("on a low screen cuts words before triggers: what fires is seen", () => {
    const statuses = Array.from({ length: 4 }, (_, index) =>
      status(`trigger_${index}`, index === 3 ? { state: "firing", since: now } : {}),
    );
    const incident = incidentOf("SEV-1");
    const low = { ...model, judgement: { ...judgement(statuses, { recommendation }), incident } };
    const frame = watchFrame(low, { now, width: 41, height: 12, colour: false });
    expect(frame.join("\n")).toMatch(/^ {2}RED +trigger_3 +firing$/m);
    expect(frame.filter((line) => line.startsWith("open since"))).toHaveLength(1);
    expect(frame.join("\n")).toMatch(/^ {2}error_rate +0\.423 +▁▁▄█$/m);
  });

  it.each([
    [40, 10],
    [50, 15],
    [120, 40],
  ])("fits %d columns and %d lines with a hundred triggers", (width, height) => {
    const statuses = Array.from({ length: 100 }, (_, index) =>
      status(`trigger_${index}`, { state: "firing", since: now }),
    );
    const samples = new Map(Array.from({ length: 100 }, (_, index) => [`signal_${index}`, []]));
    const frame = watchFrame(
      { ...model, judgement: judgement(statuses, { recommendation }), samples },
      { now, width, height, colour: false },
    );
    expect(frame.length).toBeLessThan(height);
    for (const line of frame) expect(stringWidth(line), line).toBeLessThan(width);
  });
});

it("writes one line for each change of verdict where there is no terminal", async () => {
  const printed: string[] = [];
  const view = await watchView(
    {
      options: {},
      stdout: { isTTY: false } as unknown as NodeJS.WriteStream,
      render: () => ({ now, width: 80, colour: false, utcOffset: 0 }),
      print: (text) => printed.push(text),
      json: () => {},
    },
    { system: "shop", environment: "production" },
  );
  for (const one of [quiet, quiet, pending, blind]) view.onJudgement(one);
  view.end();
  expect(printed).toEqual([
    "05:46:44  verdict   GREEN",
    '05:46:44  verdict   UNKNOWN: errors_high ("error_rate" could not be measured: refused)',
  ]);
});

it("says in lines and as JSON what was wrong with the clock, and how a source is", async () => {
  const notices = [
    { kind: "set back", at: now, by: 90_000 },
    { kind: "set forward", at: now, by: 90_000 },
    { kind: "overslept", at: now, by: 42_000 },
    { kind: "away", at: now, by: 42_000 },
  ] as const;
  const told: Record<"lines" | "json", string[]> = { lines: [], json: [] };
  for (const as of ["lines", "json"] as const) {
    const view = await watchView(
      {
        options: { json: as === "json" },
        stdout: { isTTY: false } as unknown as NodeJS.WriteStream,
        render: () => ({ now, width: 80, colour: false, utcOffset: 0 }),
        print: (text) => told.lines.push(text),
        json: (value) => {
          const { type, text, sourceHealth } = value as {
            type: string;
            text: string;
            sourceHealth?: unknown[];
          };
          told.json.push(`${type} ${text}${sourceHealth?.length === 1 ? " +health" : ""}`);
        },
      },
      { system: "shop", environment: "production" },
    );
    view.onJudgement(fed("g"));
    for (const notice of notices) view.onNotice({ at: now, text: clockText(notice) });
    view.onJudgement(fed("gf"));
    view.end();
  }
  const texts = [
    "the clock was set back by 90 s; times of triggers go on as if it had not",
    "the clock went forward by 90 s, or the machine slept; times of triggers go on as if it had not",
    "nobody judged for 42 s: this process, or the machine, was held up",
    "nobody watched for 42 s before this watch began: what was not measured meanwhile does not count",
  ];
  const failing = "error_rate: its source gives no measurement: refused (is it up?)";
  expect(told.lines).toEqual([
    "05:46:44  verdict   GREEN",
    ...texts.map((text) => `05:46:44  watch     ${text}`),
    `05:46:44  source    ${failing}`,
  ]);
  expect(told.json).toEqual([
    "watch.verdict GREEN +health",
    ...texts.map((text) => `watch.watch ${text} +health`),
    `watch.source ${failing} +health`,
  ]);
});

it.each<[(number | undefined)[], string]>([
  [[], ""],
  [[5, 5, 5], "▁▁▁"],
  [[0, 1, 2, 3, 4, 5, 6, 7], "▁▂▃▄▅▆▇█"],
  [[0, undefined, 8], "▁ █"],
])("%j is drawn as %j", (values, drawn) => expect(sparkline(values, 8)).toBe(drawn));

it.each<[number, string | undefined, string]>([
  [0.42345, "ratio", "0.423"],
  [132.4, "ms", "132 ms"],
  [503, "status", "503"],
  [12_345, undefined, "12345"],
])("%d %s reads %s", (value, unit, text) => expect(valueText(value, unit)).toBe(text));
