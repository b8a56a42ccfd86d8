import { describe, expect, test } from "vitest";
import type { SignalDefinition, TriggerDefinition } from "../playbook/playbook.js";
import type { Sample } from "./sample.js";
import { responseTimes } from "./severity.js";
import { mostReadings, signalHistory } from "./signal-history.js";
import { type JudgeFacts, triggerJudge } from "./trigger-judge.js";
import { parseTriggerState, triggerStateText } from "./trigger-state-text.js";
import { verdict } from "./verdict.js";

const s = 1_000;
const every = (seconds: number): SignalDefinition => ({
  driver: "http",
  with: {},
  every: seconds * s,
  timeout: s,
});
const signals = { errors: every(5), requests: every(5), p95: every(5), slow: every(20) };
const base = { for: 0, level: "RED", no_data: "hold" } as const;
const definitions = (trigger: Partial<TriggerDefinition> & { when: string }) => ({
  signals,
  triggers: { t: { ...base, ...trigger } },
});

/** One value every five seconds from 0 on; a text is a reading that failed, a hole is none. */
const series = (signal: string, ...values: (number | string | undefined)[]): Sample[] =>
  values.flatMap((value, index) => {
    if (value === undefined) return [];
    const at = index * 5 * s;
    return [typeof value === "number" ? { signal, at, value } : { signal, at, error: value }];
  });

/** Seconds at which it began to fire and ended. */
function moves(
  trigger: Partial<TriggerDefinition> & { when: string },
  samples: readonly Sample[],
  end: number,
  facts: JudgeFacts = {},
) {
  const seen: [string, number][] = [];
  const judge = triggerJudge(definitions(trigger), undefined, {
    ...facts,
    onMove: (_, before, after, at) => {
      if (after.phase === "firing") seen.push(["fires", at / s]);
      else if (before.phase === "firing") seen.push(["ends", at / s]);
    },
  });
  judge.judge(
    samples.toSorted((a, b) => a.at - b.at),
    { now: end * s },
  );
  return { seen, status: judge.statuses()[0] };
}

describe("a condition over the past of a signal", () => {
  test.each<[string, string, Sample[], [string, number][]]>([
    [
      "an average",
      'avg(errors, "10s") > 4',
      series("errors", 0, 9, 0, 0, 9),
      [
        ["fires", 5],
        ["ends", 15],
        ["fires", 20],
      ],
    ],
    [
      "a maximum",
      'max(errors, "10s") > 4',
      series("errors", 0, 9, 0, 0),
      [
        ["fires", 5],
        ["ends", 15],
      ],
    ],
    [
      "a minimum",
      'min(errors, "10s") > 4',
      series("errors", 9, 9, 0, 9, 9),
      [
        ["fires", 0],
        ["ends", 10],
        ["fires", 20],
      ],
    ],
    [
      "an increase",
      'increase(errors, "10s") > 3',
      series("errors", 0, 1, 2, 6, 6, 6),
      [
        ["fires", 15],
        ["ends", 25],
      ],
    ],
    [
      "a rate a second",
      'rate(errors, "10s") >= 1',
      series("errors", 0, 5, 10, 10),
      [
        ["fires", 5],
        ["ends", 15],
      ],
    ],
    ["a counter reset", 'increase(errors, "10s") > 4', series("errors", 90, 91, 3, 5), [["fires", 15]]],
    ["a counter reset is no fall", 'increase(errors, "10s") < 0', series("errors", 90, 91, 0, 1), []],
    [
      "a ratio of two counters",
      'ratio(errors, requests, "10s") > 0.5',
      [...series("errors", 0, 1, 12, 12), ...series("requests", 0, 10, 20, 99)],
      [
        ["fires", 10],
        ["ends", 15],
      ],
    ],
    [
      "a number of readings",
      'samples(errors, "10s") >= 2',
      series("errors", 0, 0, "refused", 0),
      [
        ["fires", 5],
        ["ends", 15],
      ],
    ],
  ])("%s", (_, when, samples, expected) => {
    expect(moves({ when }, samples, 26).seen.filter(([, at]) => at <= 25)).toEqual(expected);
  });

  test.each<[string, string, Sample[], string]>([
    [
      "too few readings",
      'increase(errors, "10s") > 4',
      series("errors", 9),
      "was measured less than twice within 10 s",
    ],
    [
      "no requests at all",
      'ratio(errors, requests, "10s") > 0.5',
      [...series("errors", 0, 0), ...series("requests", 7, 7)],
      '"requests" did not grow within 10 s',
    ],
    [
      "a negative counter",
      'rate(errors, "10s") > 1',
      series("errors", -5, 90),
      "was -5: what counts is never negative",
    ],
    [
      "no baseline",
      "p95 > 3 * baseline(p95)",
      series("p95", 9, 9),
      'no checkpoint has a baseline of "p95" as it is defined now',
    ],
    [
      "a reading that failed",
      'avg(errors, "1m") > 4',
      series("errors", 0, "refused"),
      "could not be measured: refused",
    ],
    ["a value that is none", "errors > 4", series("errors", Number.NaN, Number.NaN), '"errors" has no value'],
  ])("says nothing on %s", (_, when, samples, reason) => {
    const { seen, status } = moves({ when }, samples, 6);
    expect(status?.state === "firing" ? seen : status?.state).toBe("unknown");
    expect(status?.noData).toContain(reason);
  });

  test("a comparison with the baseline of before the change", () => {
    const when = "p95 > 3 * baseline(p95)";
    const facts = { baselines: { p95: 100 } };
    const { seen, status } = moves({ when }, series("p95", 250, 301), 6, facts);
    expect(seen).toEqual([["fires", 5]]);
    expect(status?.values).toEqual({ "baseline(p95)": 100 });
  });

  test("memory for a signal is bounded", () => {
    const history = signalHistory(Number.MAX_SAFE_INTEGER);
    for (let at = 0; at < mostReadings + 50; at++) history.add(at, at);
    expect([history.length, history.time(0), history.value(history.length - 1)]).toEqual([
      mostReadings,
      50,
      mostReadings + 49,
    ]);
  });
});

describe("when a trigger fires and ends", () => {
  const when = "errors > 4";
  const failing = { ...base, no_data: "fail" } as const;
  test.each<[string, Partial<TriggerDefinition>, Sample[], [string, number][]]>([
    [
      "at the second reading in a row",
      { times: 2 },
      series("errors", 9, 0, 9, 9, 0),
      [
        ["fires", 15],
        ["ends", 20],
      ],
    ],
    ["at the third", { times: 3 }, series("errors", 9, 9, 0, 9, 9, 9), [["fires", 25]]],
    [
      "a reading that failed neither counts nor breaks",
      { times: 3 },
      series("errors", 9, 9, "x", 9),
      [["fires", 15]],
    ],
    ["fail: it counts", { ...failing, times: 3 }, series("errors", 9, "x", "x"), [["fires", 10]]],
    ["ignore: it breaks", { no_data: "ignore", times: 2 }, series("errors", 9, "x", 9), []],
    ["both `for` and `times`", { times: 2, for: 8 * s }, series("errors", 9, 9, 9), [["fires", 8]]],
    ["both `times` and `for`", { times: 4, for: 8 * s }, series("errors", 9, 9, 9, 9), [["fires", 15]]],
    [
      "it ends late",
      { clear: { for: 8 * s } },
      series("errors", 9, 0, 9, 0, 0, 0),
      [
        ["fires", 0],
        ["ends", 23],
      ],
    ],
    [
      "it ends at readings",
      { clear: { for: 0, times: 2 } },
      series("errors", 9, 0, 9, 0, 0),
      [
        ["fires", 0],
        ["ends", 20],
      ],
    ],
    [
      "it ends at its own value",
      { clear: { when: "errors < 2", for: 0 } },
      series("errors", 9, 3, 3, 1),
      [
        ["fires", 0],
        ["ends", 15],
      ],
    ],
    [
      "a gap does not count towards its end",
      { clear: { for: 12 * s } },
      series("errors", 9, 0, "x", 0, 0, 0),
      [
        ["fires", 0],
        ["ends", 22],
      ],
    ],
    [
      "enough readings",
      { min_samples: { count: 3, within: 15 * s } },
      series("errors", 9, 9, 9),
      [["fires", 10]],
    ],
    [
      "enough requests",
      { min_requests: { of: "requests", count: 10, within: 10 * s } },
      [...series("errors", 9, 9, 9), ...series("requests", 0, 2, 12)],
      [["fires", 10]],
    ],
    [
      "fail: too few requests never fire",
      { ...failing, min_requests: { of: "requests", count: 10, within: 10 * s } },
      [...series("errors", 9, 9, 9, 9, 9), ...series("requests", 0, 2, 3, 4, 5)],
      [],
    ],
  ])("%s", (_, trigger, samples, expected) => {
    expect(moves({ when, ...trigger }, samples, 25).seen).toEqual(expected);
  });

  test("the same measurement read twice counts once", () => {
    const [first, second] = series("errors", 9, 9);
    const samples = [first, first, first, second].flatMap((sample) => sample ?? []);
    expect(moves({ when, times: 2 }, samples, 20).seen).toEqual([["fires", 5]]);
  });

  test("of several signals the one that is read least often counts", () => {
    const samples = [
      ...series("errors", 9, 9, 9, 9, 9, 9, 9, 9, 9),
      ...[0, 20, 40].map((second) => ({ signal: "slow", at: second * s, value: 9 })),
    ];
    expect(moves({ when: "errors > 4 && slow > 4", times: 3 }, samples, 40).seen).toEqual([["fires", 40]]);
  });

  test("L15 a severity states within what time somebody responds", () => {
    const { status } = moves({ when, severity: "SEV-2" }, series("errors", 9), 1);
    expect(status?.severity).toBe("SEV-2");
    expect(responseTimes).toEqual({
      "SEV-0": 0,
      "SEV-1": 0,
      "SEV-2": 300 * s,
      "SEV-3": 900 * s,
      "SEV-4": 3_600 * s,
    });
  });
});

describe("after a rollback", () => {
  test("H76 a trigger that starts cold is not judged for its stated time, and says so", () => {
    const judge = triggerJudge(definitions({ when: "p95 < 50", settle: 60 * s }));
    const cold = (from: number, to: number): Sample[] =>
      Array.from({ length: (to - from) / 5 }, (_, n) => ({
        signal: "p95",
        at: (from + n * 5) * s,
        value: 10,
      }));
    judge.judge([{ signal: "p95", at: 0, value: 90 }], { now: 5 * s });
    judge.judge(cold(10, 65), { now: 65 * s, rolledBackAt: 10 * s });
    expect(judge.statuses()[0]).toMatchObject({ state: "inactive", mutedUntil: 70 * s });
    expect(verdict(judge.statuses()).level).toBe("UNKNOWN");
    judge.judge(cold(65, 75), { now: 74 * s, rolledBackAt: 10 * s });
    expect(judge.statuses()[0]).toMatchObject({ state: "firing", since: 70 * s });
  });

  test("without such a time, what the rollback did not mend goes on firing", () => {
    const judge = triggerJudge(definitions({ when: "errors > 4", for: 30 * s }));
    const bad = (...seconds: number[]): Sample[] =>
      seconds.map((second) => ({ signal: "errors", at: second * s, value: 9 }));
    judge.judge(bad(0, 10, 20, 30), { now: 30 * s });
    expect(judge.statuses()[0]).toMatchObject({ state: "firing", since: 30 * s });
    judge.judge(bad(33, 36, 41), { now: 41 * s, rolledBackAt: 40 * s });
    expect(judge.statuses()[0]).toMatchObject({ state: "firing", since: 30 * s });
  });

  test("H76 what was measured before the rollback counts no more", () => {
    const judge = triggerJudge(definitions({ when: 'avg(errors, "5m") > 4' }));
    judge.judge(series("errors", 9, 9, 9), { now: 12 * s });
    expect(judge.statuses()[0]?.state).toBe("firing");
    judge.judge([{ signal: "errors", at: 20 * s, value: 0 }], { now: 20 * s, rolledBackAt: 15 * s });
    expect(judge.statuses()[0]).toMatchObject({ state: "inactive", values: { 'avg(errors, "5m")': 0 } });
  });
});

describe("clocks and pauses", () => {
  const pending = definitions({ when: "errors > 4", for: 30 * s });
  const at = (second: number): Sample => ({ signal: "errors", at: second * s, value: 9 });

  test("a clock set forward makes nothing fire early; it is told", () => {
    const judge = triggerJudge(pending);
    judge.judge([at(0), at(5)], { now: 6 * s, monotonic: 0 });
    const notice = judge.judge([], { now: 3_606 * s, monotonic: 0 });
    expect(notice).toEqual({ kind: "set forward", at: 3_606 * s, by: 3_600 * s });
    expect(judge.statuses()[0]).toMatchObject({ state: "unknown", since: 3_600 * s });
    judge.judge([at(3_607)], { now: 3_607 * s, monotonic: s });
    // One second without data does not count.
    const after = Array.from({ length: 5 }, (_, n) => at(3_612 + n * 5));
    judge.judge(after, { now: 3_630 * s, monotonic: 24 * s });
    expect(judge.statuses()[0]?.state).toBe("pending");
    judge.judge([], { now: 3_632 * s, monotonic: 26 * s });
    expect(judge.statuses()[0]?.state).toBe("firing");
  });

  test("a clock set back makes nothing late; it is told", () => {
    const judge = triggerJudge(pending);
    judge.judge([at(3_600), at(3_605)], { now: 3_606 * s, monotonic: 0 });
    expect(judge.judge([], { now: 6 * s, monotonic: 0 })).toMatchObject({ kind: "set back", by: 3_600 * s });
    judge.judge([at(10), at(15), at(20), at(25)], { now: 29 * s, monotonic: 23 * s });
    expect(judge.statuses()[0]).toMatchObject({ state: "pending", since: 0 });
    judge.judge([], { now: 30 * s, monotonic: 24 * s });
    expect(judge.statuses()[0]?.state).toBe("firing");
  });

  test("nobody judging for a while is told, and what is not measured does not ripen", () => {
    const judge = triggerJudge(pending);
    judge.judge([at(0)], { now: s, monotonic: s });
    expect(judge.judge([], { now: 90 * s, monotonic: 90 * s })).toMatchObject({
      kind: "overslept",
      by: 89 * s,
    });
    expect(judge.statuses()[0]).toMatchObject({ state: "unknown", since: 0 });
  });

  test("after a pause a watch fires on nothing from before it, also where that would still say something", () => {
    const lasting = { ...pending, signals: { ...signals, errors: { ...signals.errors, stale: 300 * s } } };
    const after = (value: number) => {
      const judge = triggerJudge(lasting, undefined, { afresh: true });
      judge.judge([at(0)], { now: s, monotonic: s });
      judge.judge([], { now: 90 * s, monotonic: 90 * s });
      const before = judge.statuses()[0];
      judge.judge([{ ...at(91), value }], { now: 91 * s, monotonic: 91 * s });
      return [before, judge.statuses()[0]];
    };
    const held = { state: "pending", noData: expect.stringContaining("was held up") };
    expect(after(0)).toMatchObject([held, { state: "inactive" }]);
    expect(after(9)).toMatchObject([held, { state: "firing", since: 91 * s }]);
  });

  test("a restart fires neither early nor late, and another definition begins anew", () => {
    const judge = triggerJudge(pending);
    judge.judge([at(0), at(5)], { now: 6 * s });
    const state = parseTriggerState(triggerStateText(judge.state()), "watch.json");
    const again = triggerJudge(pending, state);
    again.judge([at(10), at(15), at(20), at(25)], { now: 29 * s });
    expect(again.statuses()[0]?.state).toBe("pending");
    again.judge([], { now: 30 * s });
    expect(again.statuses()[0]).toMatchObject({ state: "firing", since: 30 * s, began: 0 });
    const other = triggerJudge(definitions({ when: "errors > 5", for: 30 * s }), state);
    other.judge([at(10)], { now: 12 * s });
    expect(other.statuses()[0]).toMatchObject({ state: "pending", since: 10 * s });
  });

  test.each([
    ["{", "STATE_CORRUPT", "it was cut or overwritten"],
    ["{}", "STATE_CORRUPT", "is not what a watch remembers"],
    ['{"version":1,"begun":0}', "STATE_CORRUPT", "is not what a watch remembers"],
    ['{"version":99}', "STATE_NEWER", "written by a later backout"],
  ])("a state file %s is refused", (text, code, message) => {
    expect(() => parseTriggerState(text, "watch.json")).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) }),
    );
  });
});

test("only what has changed is judged again: other statuses are the same objects", () => {
  const judge = triggerJudge({
    signals,
    triggers: { a: { ...base, when: "errors > 4" }, b: { ...base, when: "p95 > 4" } },
  });
  judge.judge([...series("errors", 1), ...series("p95", 1)], { now: s });
  const before = judge.statuses();
  judge.judge([{ signal: "p95", at: 2 * s, value: 9 }], { now: 2 * s });
  const after = judge.statuses();
  expect(after[0]).toBe(before[0]);
  expect(after[1]).not.toBe(before[1]);
});
