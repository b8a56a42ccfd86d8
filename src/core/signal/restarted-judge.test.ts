import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { TriggerDefinition } from "../playbook/playbook.js";
import type { TriggerDefinitions } from "./evaluate-triggers.js";
import type { Sample } from "./sample.js";
import { triggerJudge } from "./trigger-judge.js";
import type { TriggerState } from "./trigger-state.js";
import { parseTriggerState, triggerStateText } from "./trigger-state-text.js";
import { verdict } from "./verdict.js";

/** Read every 5, says nothing after 15. */
const signal = { driver: "http", with: {}, every: 5, timeout: 5 };
type Definition = Partial<TriggerDefinition>;
const definitions = (trigger: Definition) => ({
  signals: { a: signal, b: signal },
  triggers: { t: { when: "a > 1", for: 10, level: "RED", no_data: "hold", ...trigger } as TriggerDefinition },
});

const read = (at: number, value: number | string, name = "a"): Sample =>
  typeof value === "number" ? { signal: name, at, value } : { signal: name, at, error: value };

/** What an earlier watch remembered at its end. */
function remembered(trigger: Definition, samples: readonly Sample[], end: number): TriggerState {
  const judge = triggerJudge(definitions(trigger));
  judge.judge([], { now: 0 });
  judge.judge(samples, { now: end });
  return parseTriggerState(triggerStateText(judge.state()), "watch.json");
}

function restarted(trigger: Definition, samples: readonly Sample[], end: number) {
  const judge = triggerJudge(definitions(trigger), remembered(trigger, samples, end), { afresh: true });
  return (now: number, ...fresh: Sample[]) => {
    judge.judge(fresh, { now });
    const statuses = judge.statuses();
    const [status] = statuses;
    return {
      level: verdict(statuses).level,
      state: status?.state,
      since: status?.since,
      why: status?.noData,
    };
  };
}

const bad = [read(1, 2), read(6, 2), read(11, 2)];
const awaited = '"a" has not been read again since the watch began or was held up';

describe("after a restart", () => {
  test("what fired does not stay RED on what is remembered, and ends where it is read to be over", () => {
    const at = restarted({}, bad, 12);
    expect(at(13)).toEqual({ level: "UNKNOWN", state: "unknown", since: 11, why: awaited });
    expect(at(14, read(14, 0))).toMatchObject({ level: "GREEN", state: "inactive" });
  });

  test("what fired goes on from when it began, where it is read to go on", () => {
    const at = restarted({}, bad, 12);
    at(13);
    expect(at(14, read(14, 2))).toEqual({ level: "RED", state: "firing", since: 11, why: undefined });
  });

  test("what is pending does not fire on what is remembered, and at once where it is read to go on", () => {
    const at = restarted({}, [read(1, 2), read(6, 2)], 8);
    expect(at(12)).toEqual({ level: "UNKNOWN", state: "pending", since: 1, why: awaited });
    expect(at(13, read(13, 2))).toMatchObject({ level: "RED", state: "firing", since: 13 });
  });

  test("what is pending, and not found to go on, begins anew", () => {
    const at = restarted({}, [read(1, 2), read(6, 2)], 8);
    expect(at(13, read(13, 0))).toMatchObject({ level: "GREEN", state: "inactive" });
  });

  test("hold: a time in which nothing remembered says anything counts for nothing", () => {
    const at = restarted({}, [read(1, 2), read(6, 2)], 8);
    // Stale from 21 to 40.
    expect(at(39)).toMatchObject({ level: "UNKNOWN", state: "unknown", since: 1 });
    expect(at(40, read(40, 2))).toMatchObject({ state: "firing", since: 40 });
    const early = restarted({ for: 30 }, [read(1, 2), read(6, 2)], 8);
    expect(early(40, read(40, 2))).toMatchObject({ state: "pending", since: 20 });
  });

  test("ignore: a time without measurements ends what was pending or fired", () => {
    const at = restarted({ no_data: "ignore" }, bad, 12);
    expect(at(40)).toMatchObject({ level: "UNKNOWN" });
    expect(at(41, read(41, 2))).toMatchObject({ state: "pending", since: 41 });
  });

  test("fail: nobody having watched is no failure; nothing read since is, once it could have been", () => {
    const at = restarted({ no_data: "fail", for: 0 }, [read(1, 0)], 3);
    expect(at(1_000)).toMatchObject({ level: "UNKNOWN", why: awaited });
    expect(at(1_014)).toMatchObject({ level: "UNKNOWN", why: awaited });
    expect(at(1_015)).toMatchObject({ level: "RED", state: "firing" });
    const failing = restarted({ no_data: "fail", for: 0 }, [read(1, 0)], 3);
    expect(failing(1_000, read(1_000, "refused"))).toMatchObject({ level: "RED", state: "firing" });
  });

  test("what was never read is awaited too", () => {
    const at = restarted({ no_data: "fail", for: 0 }, [], 3);
    expect(at(1_000)).toMatchObject({ level: "UNKNOWN", why: awaited });
  });

  test("of two signals each is awaited", () => {
    const both = [...bad, ...bad.map((one) => ({ ...one, signal: "b" }))];
    const at = restarted({ when: "a > 1 && b > 1" }, both, 12);
    expect(at(13, read(13, 2))).toMatchObject({ level: "UNKNOWN", why: awaited.replace("a", "b") });
    expect(at(14, read(14, 2, "b"))).toMatchObject({ level: "RED", since: 11 });
  });

  test("`times` and windows go on with what was counted before", () => {
    const counted = restarted({ for: 0, times: 3 }, [read(1, 2), read(6, 2)], 8);
    expect(counted(10)).toMatchObject({ state: "pending", why: awaited });
    expect(counted(11, read(11, 2))).toMatchObject({ state: "firing", since: 11 });
    const grown = restarted({ for: 0, when: 'increase(a, "20ms") > 5' }, [read(1, 1), read(6, 4)], 8);
    expect(grown(11, read(11, 7))).toMatchObject({ state: "firing", since: 11 });
  });

  test("a reading that seems older than what is remembered counts: another clock must not blind the watch", () => {
    const at = restarted({}, [read(501, 2), read(506, 2), read(511, 2)], 512);
    expect(at(100)).toMatchObject({ level: "UNKNOWN", why: awaited });
    expect(at(101, read(101, 0))).toMatchObject({ level: "GREEN", state: "inactive" });
  });

  const counting: Definition = { for: 0, when: 'increase(a, "40ms") > 5' };
  /** Restarted under another playbook, with one reading of now. */
  const redefined = (then: Definition, a: object, now: Definition = then) => {
    const { signals, triggers } = definitions(now);
    const from = remembered(then, [read(1, 1), read(6, 900)], 8);
    const changed = { signals: { ...signals, a: { ...signals.a, ...a } }, triggers };
    const judge = triggerJudge(changed, from, { afresh: true });
    judge.judge([read(11, 901)], { now: 11 });
    return { status: judge.statuses()[0], state: judge.state(), changed: judge.changed };
  };

  test("a window goes on over a restart where its signal is what it was", () => {
    const { status, changed } = redefined(counting, { timeout: 5 });
    expect(status).toMatchObject({ state: "firing", values: { 'increase(a, "40ms")': 900 } });
    expect(changed).toEqual({ signals: [], triggers: [] });
  });

  test.each([
    ["its query", { with: { url: "http://other" } }],
    ["its source", { driver: "prometheus" }],
    ["what can be", { max: 1_000 }],
  ])("nothing that was measured of a signal counts where %s was changed, and that is told", (_, change) => {
    const { status, state, changed } = redefined(counting, change);
    expect(status).toMatchObject({
      state: "unknown",
      noData: '"a" was measured less than twice within 40 ms',
    });
    expect(state.history).toEqual({ a: [[11, 901]] });
    expect(changed).toEqual({ signals: ["a"], triggers: ["t"] });
  });

  test("a trigger that fired on what its signal measured before begins anew", () => {
    const { status } = redefined({ for: 10 }, { with: { url: "http://other" } });
    expect(status).toMatchObject({ state: "pending", since: 11 });
  });

  test("a trigger that was changed begins anew, on a window that still counts", () => {
    const { status, changed } = redefined({ ...counting, for: 10 }, {}, { ...counting, for: 20 });
    expect(status).toMatchObject({ state: "pending", since: 11 });
    expect(changed).toEqual({ signals: [], triggers: ["t"] });
  });

  test("what an earlier version kept, without saying of what, does not count", () => {
    const { signals: _, ...from } = remembered(counting, [read(1, 1), read(6, 900)], 8);
    expect(triggerJudge(definitions(counting), from).state()).toMatchObject({ latest: {} });
  });

  test("fires neither early, nor late beyond one interval, whenever it is restarted", () => {
    const values = fc.array(fc.constantFrom(0, 2, 2, 2, 3), { minLength: 10, maxLength: 60 });
    const trigger = fc.constantFrom<Definition>(
      {},
      { for: 22 },
      { for: 0, times: 3 },
      { clear: { for: 12 } },
      { when: 'avg(a, "20ms") > 1' },
    );
    const stops = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(trigger, values, stops, (one, all, at) => {
        const samples = all.map((value, index) => read(index * 5, value));
        const end = samples.length * 5;
        const of = definitions(one);
        const [whole, chopped] = [firings(of, samples, [], end), firings(of, samples, at, end)];
        for (const { from } of chopped)
          expect(whole.some((span) => from >= span.from && from <= span.from + 5)).toBe(true);
        for (const { from, to } of whole.filter((span) => span.to - span.from > 5))
          expect(chopped.some((span) => span.from <= from + 5 && span.to >= to)).toBe(true);
      }),
      { numRuns: 200 },
    );
  });
});

/** When it fired, with a restart at each of the stops. */
function firings(
  of: TriggerDefinitions,
  samples: readonly Sample[],
  stops: readonly number[],
  end: number,
): { from: number; to: number }[] {
  const spans: { from: number; to: number }[] = [];
  let state: TriggerState | undefined;
  let from = -1;
  for (const stop of [...stops.filter((at) => at < end).toSorted((a, b) => a - b), end]) {
    const judge = triggerJudge(of, state, {
      afresh: true,
      onMove: (_, before, after, at) => {
        if (after.phase === "firing") spans.push({ from: at, to: end });
        const last = spans.at(-1);
        if (before.phase === "firing" && last !== undefined) spans.splice(-1, 1, { ...last, to: at });
      },
    });
    judge.judge(
      samples.filter(({ at }) => at > from && at <= stop),
      { now: stop },
    );
    state = judge.state();
    from = stop;
  }
  return spans;
}
