import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { TriggerDefinition } from "../playbook/playbook.js";
import type { NoData } from "../playbook/schema-judging.js";
import { evaluateTriggers, type TriggerDefinitions } from "./evaluate-triggers.js";
import type { Sample } from "./sample.js";
import { parseTriggerState, triggerStateText } from "./trigger-state-text.js";
import { verdict } from "./verdict.js";

const signal = { driver: "http", with: {}, every: 5, timeout: 5 };
/** Signals are read every 5, and say nothing after 15. */
const definitions = (
  no_data: NoData = "hold",
  needed = 10,
  when = "a > 1",
  more: Partial<TriggerDefinition> = {},
): TriggerDefinitions => ({
  signals: { a: signal, b: signal },
  triggers: { t: { when, for: needed, level: "RED", no_data, ...more } },
});

const read = (at: number, value: number | string, name = "a"): Sample =>
  typeof value === "number" ? { signal: name, at, value } : { signal: name, at, error: value };

const alive = (from: number, to: number, value: number, name = "a") =>
  Array.from({ length: Math.floor((to - from) / 5) + 1 }, (_, index) => read(from + index * 5, value, name));

const statusAt = (of: TriggerDefinitions, samples: Sample[], now: number, begun = 0) => {
  const { state } = evaluateTriggers(of, undefined, [], begun);
  const [status] = evaluateTriggers(of, state, samples, now).statuses;
  return status && { state: status.state, since: status.since, noData: status.noData };
};

describe("a trigger", () => {
  const cases: [
    string,
    TriggerDefinitions,
    Sample[],
    number,
    { state: string; since?: number; noData?: string },
  ][] = [
    [
      "is inactive while its condition does not hold",
      definitions(),
      alive(1, 41, 0),
      42,
      { state: "inactive" },
    ],
    [
      "is pending from the first moment at which it holds",
      definitions(),
      [read(1, 0), read(6, 2)],
      15,
      { state: "pending", since: 6 },
    ],
    [
      "fires once `for` has passed",
      definitions(),
      [read(1, 2), read(6, 2)],
      11,
      { state: "firing", since: 11 },
    ],
    ["stays firing", definitions(), alive(1, 41, 2), 42, { state: "firing", since: 11 }],
    [
      "starts anew after one moment at which it does not hold",
      definitions(),
      [read(1, 2), read(6, 0), read(7, 2)],
      16,
      { state: "pending", since: 7 },
    ],
    [
      "does not fire where the break comes just as `for` runs out",
      definitions(),
      [read(1, 2), read(11, 0)],
      12,
      { state: "inactive" },
    ],
    [
      "stops firing with its condition",
      definitions(),
      [...alive(1, 21, 2), read(23, 0)],
      24,
      { state: "inactive" },
    ],
    ["without `for` fires at once", definitions("hold", 0), [read(3, 2)], 3, { state: "firing", since: 3 }],
    [
      "that was never measured is unknown",
      definitions(),
      [],
      5,
      { state: "unknown", noData: '"a" has not been measured yet' },
    ],
    [
      "hold: that was never measured stays unknown",
      definitions(),
      [],
      50,
      { state: "unknown", noData: '"a" has not been measured' },
    ],
    [
      "fail: does not fire before anything can have been measured",
      definitions("fail", 0),
      [],
      14,
      { state: "unknown", noData: '"a" has not been measured yet' },
    ],
    [
      "fail: fires where nothing is measured",
      definitions("fail", 0),
      [],
      15,
      { state: "firing", since: 15, noData: '"a" has not been measured' },
    ],
    [
      "fail: waits for `for` too",
      definitions("fail"),
      [read(1, 0), read(6, "refused")],
      15,
      { state: "pending", since: 6, noData: '"a" could not be measured: refused' },
    ],
    [
      "fail: an error counts as holding",
      definitions("fail"),
      [read(1, 2), read(6, "refused")],
      11,
      { state: "firing", since: 11, noData: '"a" could not be measured: refused' },
    ],
    [
      "ignore: an error counts as not holding",
      definitions("ignore"),
      [...alive(1, 21, 2), read(22, "refused")],
      22,
      { state: "inactive", noData: '"a" could not be measured: refused' },
    ],
    [
      "hold: an error leaves it firing",
      definitions(),
      [...alive(1, 21, 2), read(22, "refused")],
      99,
      { state: "firing", since: 11, noData: '"a" was last measured 77 ms ago' },
    ],
    [
      "hold: a pending one does not ripen without data",
      definitions(),
      [read(1, 2), read(6, "refused")],
      20,
      { state: "unknown", since: 1, noData: '"a" could not be measured: refused' },
    ],
    [
      "hold: the time without data does not count",
      definitions(),
      [read(1, 2), read(6, "refused"), read(16, 2)],
      20,
      { state: "pending", since: 11 },
    ],
    [
      "hold: and it fires when the rest has passed",
      definitions(),
      [read(1, 2), read(6, "refused"), read(16, 2)],
      21,
      { state: "firing", since: 21 },
    ],
    [
      "hold: a break after the gap starts it anew",
      definitions(),
      [read(1, 2), read(6, "refused"), read(16, 0)],
      20,
      { state: "inactive" },
    ],
    [
      "is unknown once its sample is stale",
      definitions(),
      [read(1, 0)],
      16,
      { state: "unknown", noData: '"a" was last measured 15 ms ago' },
    ],
    ["is known while its sample is not stale", definitions(), [read(1, 0)], 15, { state: "inactive" }],
    [
      "that is pending goes stale before it ripens",
      definitions("hold", 30),
      [read(1, 2)],
      90,
      { state: "unknown", since: 1, noData: '"a" was last measured 89 ms ago' },
    ],
    [
      "without a number is unknown",
      definitions(),
      [{ signal: "a", at: 1, value: Number.NaN }],
      2,
      { state: "unknown", noData: '"a" has no value' },
    ],
    [
      "whose condition has no answer is unknown",
      definitions("hold", 0, "a > 1 && 1 / 0 > 1"),
      [read(1, 2)],
      2,
      { state: "unknown", noData: "division by zero" },
    ],
    [
      "over two signals needs both",
      definitions("hold", 0, "a > 1 || b > 1"),
      [read(1, 2)],
      2,
      { state: "unknown", noData: '"b" has not been measured yet' },
    ],
    [
      "over two signals is judged on both",
      definitions("hold", 0, "a > b"),
      [read(1, 2), read(1, 1, "b")],
      2,
      { state: "firing", since: 1 },
    ],
    [
      "does not care for samples of other signals",
      definitions(),
      [read(1, 0), read(1, 9, "c")],
      2,
      { state: "inactive" },
    ],
    [
      "takes a sample of the future as one of now",
      definitions("hold", 0),
      [read(50, 2)],
      10,
      { state: "firing", since: 10 },
    ],
  ];
  test.each(cases)("%s", (_, of, samples, now, expected) => {
    const status = statusAt(of, samples, now);
    expect(status?.state).toBe(expected.state);
    expect(status?.since).toBe(expected.since);
    if (expected.noData === undefined) expect(status?.noData).toBeUndefined();
    else expect(status?.noData).toContain(expected.noData);
  });

  test("says what it was judged on", () => {
    const { state } = evaluateTriggers(definitions(), undefined, [], 0);
    const sample = { signal: "a", at: 1, value: 2, unit: "ratio" };
    expect(evaluateTriggers(definitions(), state, [sample], 2).statuses).toEqual([
      { trigger: "t", level: "RED", state: "pending", since: 1, for: 10, when: "a > 1", samples: [sample] },
    ]);
  });

  test("a clock set back neither blinds nor fires", () => {
    const before = evaluateTriggers(definitions(), undefined, [read(1_000, 2)], 1_005);
    const after = evaluateTriggers(definitions(), before.state, [read(500, 2)], 501);
    expect(after.statuses[0]).toMatchObject({ state: "pending", since: 501 });
    expect(evaluateTriggers(definitions(), after.state, [read(508, 2)], 511).statuses[0]?.state).toBe(
      "firing",
    );
  });

  test("an older sample that comes late does not hide a newer one", () => {
    const { state } = evaluateTriggers(definitions("hold", 0), undefined, [read(10, 0)], 11);
    expect(evaluateTriggers(definitions("hold", 0), state, [read(9, 5)], 12).statuses[0]?.state).toBe(
      "inactive",
    );
  });
});

describe("the state of judging", () => {
  const value = fc.oneof(fc.constantFrom<number | string>(0, 1, 2, 3), fc.constant("refused"));
  const samples = fc
    .array(fc.tuple(fc.integer({ min: 1, max: 12 }), value, fc.constantFrom("a", "b")), { maxLength: 30 })
    .map((steps) => {
      let at = 0;
      return steps.map(([gap, what, name]) => read((at += gap), what, name));
    });
  const anyDefinitions = fc.tuple(
    fc.constantFrom<NoData>("hold", "fail", "ignore"),
    fc.constantFrom(0, 1, 10, 25),
    fc.constantFrom(
      "a > 1",
      "a > 1 || b > 2",
      "a > b && b < 3",
      'avg(a, "20ms") > 1',
      'max(b, "12ms") > min(a, "30ms")',
      'increase(a, "25ms") > 3',
    ),
    fc.constantFrom<Partial<TriggerDefinition>>(
      {},
      { times: 2 },
      { clear: { for: 12 } },
      { clear: { when: "a < 1", for: 0, times: 2 }, times: 3 },
      { min_samples: { count: 3, within: 20 } },
    ),
  );

  test("survives restarts at any moment: chopped and restored, the statuses are the same", () => {
    fc.assert(
      fc.property(anyDefinitions, samples, fc.array(fc.integer({ min: 1, max: 200 })), (of, all, stops) => {
        const judged = definitions(...of);
        const end = 250;
        const begun = evaluateTriggers(judged, undefined, [], 0).state;
        const whole = evaluateTriggers(judged, begun, all, end);
        let state = begun;
        let from = 0;
        for (const stop of [...stops.toSorted((a, b) => a - b), end]) {
          const part = all.filter(({ at }) => at > from && at <= stop);
          const restored = parseTriggerState(triggerStateText(state), "watch.json");
          state = evaluateTriggers(judged, restored, part, stop).state;
          from = Math.max(from, stop);
        }
        expect(state).toEqual(whole.state);
      }),
      { numRuns: 500 },
    );
  });

  test("a trigger that fires has held for its whole time without a break", () => {
    fc.assert(
      fc.property(samples, fc.constantFrom(1, 10, 25), (all, needed) => {
        const only = all.filter((sample) => sample.signal === "a");
        const end = 200;
        const [status] = evaluateTriggers(definitions("hold", needed), undefined, only, end).statuses;
        if (status?.state !== "firing" || status.since === undefined) return;
        const since = status.since;
        // Between the last reading that did not hold and the moment of firing lies at least `for`.
        const broken = only.findLast(({ at, value }) => at <= since && value !== undefined && value <= 1);
        expect(since - (broken?.at ?? 0)).toBeGreaterThanOrEqual(needed);
      }),
      { numRuns: 500 },
    );
  });

  test("nothing measured is never GREEN", () => {
    fc.assert(
      fc.property(anyDefinitions, fc.integer({ min: 0, max: 500 }), (of, now) => {
        const { state } = evaluateTriggers(definitions(...of), undefined, [], 0);
        expect(verdict(evaluateTriggers(definitions(...of), state, [], now).statuses).level).not.toBe(
          "GREEN",
        );
      }),
    );
  });
});
