import { describe, expect, test } from "vitest";
import type { SignalDefinition, TriggerDefinition } from "../playbook/playbook.js";
import { backtest, type KnownEvent, leadOf, unnoticed } from "./backtest.js";
import { recordedSamples } from "./recorded-samples.js";
import type { Sample } from "./sample.js";

const s = 1_000;
const every: SignalDefinition = { driver: "prometheus", with: {}, every: 10 * s, timeout: s };
const base = { for: 20 * s, level: "RED", no_data: "hold" } as const;
const definitions = (trigger: Partial<TriggerDefinition> & { when: string }) => ({
  signals: { errors: every },
  triggers: { t: { ...base, ...trigger } },
});

/** One reading every ten seconds from `from` on; `!` could not be measured. */
const series = (text: string, from = 0): Sample[] =>
  text.split(" ").map((word, index) => {
    const at = (from + index * 10) * s;
    return word === "!"
      ? { signal: "errors", at, error: "refused" }
      : { signal: "errors", at, value: Number(word) };
  });

const event = (kind: KnownEvent["kind"], from: number, to: number): KnownEvent => ({
  ...{ kind, id: `${kind}-${from}` },
  ...{ from: from * s, to: to * s },
});

const when = "errors > 5";

/** Seconds: pending, firing, end. */
function firings(
  trigger: Partial<TriggerDefinition> & { when: string },
  samples: readonly Sample[],
  [from, to]: readonly [number, number],
  events: readonly KnownEvent[] = [],
) {
  const [found] = backtest(definitions(trigger), { samples, events }, { from: from * s, to: to * s }, 5 * s);
  return {
    ...found,
    firings: found?.firings.map(({ pendingAt, firedAt, endedAt, near }) => [
      ...[pendingAt, firedAt, endedAt].map((at) => at && at / s),
      near.map(({ id }) => id).join(" "),
    ]),
  };
}

describe("a replay", () => {
  test.each<
    [string, Partial<TriggerDefinition>, string, unknown[][], { nearMisses?: number; fired?: number }]
  >([
    ["fires once `for` has passed", {}, "0 9 9 9 9 0", [[10, 30, 50, ""]], { fired: 20 * s, nearMisses: 0 }],
    ["still fires at the end", {}, "0 9 9 9 9 9", [[10, 30, undefined, ""]], { fired: 30 * s }],
    ["counts what was pending and did not fire", {}, "9 9 0 9 0 0", [], { nearMisses: 2, fired: 0 }],
    [
      "fires twice",
      { for: 0 },
      "0 9 0 9 0",
      [
        [10, 10, 20, ""],
        [30, 30, 40, ""],
      ],
      { fired: 20 * s },
    ],
    [
      "ends late where `clear` says so",
      { for: 0, clear: { for: 20 * s } },
      "9 0 0 0 0",
      [[0, 0, 30, ""]],
      {},
    ],
    ["what could not be measured does not count", {}, "9 9 ! ! 9 9 0", [[20, 40, 60, ""]], {}],
    ["no_data: fail fires on it", { no_data: "fail" }, "0 ! ! ! !", [[10, 30, undefined, ""]], {}],
    ["no_data: ignore passes it by", { no_data: "ignore" }, "9 9 ! 9 9 0", [], { nearMisses: 2 }],
  ])("%s", (_, trigger, text, expected, more) => {
    const found = firings({ when, ...trigger }, series(text), [0, 60]);
    expect(found.firings).toEqual(expected);
    expect(found).toMatchObject(more);
  });

  test("what was before only sets the scene: windows are full, and who fires by then has fired since", () => {
    const trigger = { when: 'avg(errors, "30s") > 5', for: 0 };
    expect(leadOf(definitions({ ...trigger, for: 7 * s }))).toBe(30 * s);
    expect(leadOf(definitions({ when, clear: { for: 90 * s } }))).toBe(90 * s);
    const samples = series("9 9 9 0 0 0", -30);
    expect(firings(trigger, samples, [0, 60])).toMatchObject({
      firings: [[-30, -30, 10, ""]],
      fired: 10 * s,
      nearMisses: 0,
    });
  });

  test("what had ended before the beginning is left out", () => {
    expect(
      firings({ when, for: 0, clear: { for: 30 * s } }, series("9 0 0 0 0 0", -50), [0, 30]).firings,
    ).toEqual([]);
  });

  test("no samples at all: nothing fires", () => {
    expect(firings({ when }, [], [0, 60])).toMatchObject({ firings: [], nearMisses: 0 });
  });
});

describe("for nothing", () => {
  const fires = series("0 9 9 9 9 0 0 0");
  test.each<[string, KnownEvent[], string]>([
    ["nothing is known", [], ""],
    ["a rollback while it fired", [event("rollback", 35, 40)], "rollback-35"],
    ["a report while it was pending", [event("report", 12, 12)], "report-12"],
    ["an incident that ended shortly before", [event("incident", 0, 6)], "incident-0"],
    ["an incident that began shortly after", [event("incident", 55, 90)], "incident-55"],
    ["one that was too early and one too late", [event("incident", 0, 4), event("report", 56, 56)], ""],
    ["two", [event("report", 20, 20), event("rollback", 40, 45)], "report-20 rollback-40"],
  ])("%s", (_, events, near) => {
    expect(firings({ when }, fires, [0, 70], events).firings?.[0]?.[3]).toBe(near);
  });

  test("H76 a rollback of that time mutes what settles after it, as it would have", () => {
    const samples = series("0 0 9 9 9 9 9 0");
    const settling = { when, for: 0, settle: 30 * s };
    expect(firings(settling, samples, [0, 70]).firings).toEqual([[20, 20, 70, ""]]);
    expect(firings(settling, samples, [0, 70], [event("rollback", 5, 15)]).firings).toEqual([
      [45, 45, 70, ""],
    ]);
  });

  test("what no trigger but a GREEN one would have noticed", () => {
    const events = [event("report", 30, 30), event("report", 300, 300)];
    const judged = (level: "RED" | "GREEN") =>
      backtest(definitions({ when, level }), { samples: fires, events }, { from: 0, to: 400 * s }, 5 * s);
    expect(unnoticed(events, judged("RED")).map(({ id }) => id)).toEqual(["report-300"]);
    expect(unnoticed(events, judged("GREEN"))).toEqual(events);
  });
});

describe("recorded samples", () => {
  test("times as numbers or ISO 8601, in the order of time, blank lines passed over", () => {
    const text = [
      '{"signal":"a","at":"1970-01-01T00:00:02Z","value":2}',
      "",
      '{"signal":"a","at":1000,"error":"refused","unit":"x"}',
    ].join("\n");
    expect(recordedSamples(text, "f")).toEqual([
      { signal: "a", at: 1_000, error: "refused" },
      { signal: "a", at: 2_000, value: 2 },
    ]);
  });

  test.each([
    "{",
    "[]",
    '{"signal":"a","at":1}',
    '{"signal":"a","at":"yesterday","value":1}',
    '{"at":1,"value":1}',
  ])("%s is refused with its line", (line) => {
    expect(() => recordedSamples(`\n${line}`, "f.jsonl")).toThrow(
      expect.objectContaining({ code: "USAGE", message: expect.stringContaining("f.jsonl:2: ") }),
    );
  });
});
