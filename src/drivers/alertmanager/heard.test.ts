import { describe, expect, test } from "vitest";
import { countHeard, type Heard, hear, type Notification } from "./heard.js";

const heartbeat = 60_000;
const critical = { alertname: "Down", severity: "critical" };
const told = (
  status: "firing" | "resolved",
  labels: Record<string, string> = critical,
  more: Partial<Notification> = {},
): Notification => ({
  version: "4",
  groupKey: "g",
  truncatedAlerts: 0,
  alerts: [{ status, labels, fingerprint: JSON.stringify(labels) }],
  ...more,
});
const watchdog = told("firing", { alertname: "Watchdog" });
const counting = { match: { severity: "critical" }, watchdog: "Watchdog", heartbeat };

/** Heard in that order, each at its second. */
const after = (...all: readonly (readonly [seconds: number, Notification])[]): Heard | undefined =>
  all.reduce<Heard | undefined>((before, [at, one]) => hear(before, one, at * 1_000, heartbeat), undefined);
const at = (seconds: number, heard: Heard | undefined) => countHeard(heard, counting, seconds * 1_000);

describe("what was heard of Alertmanager", () => {
  test("nothing yet, or nothing for a heartbeat, is not none", () => {
    expect(at(1, undefined)).toMatchObject({ fact: "nothing was heard of Alertmanager yet" });
    const heard = after([0, watchdog], [60, watchdog], [61, told("firing")]);
    expect(at(120, heard)).toEqual({ count: 1 });
    expect(at(121, heard)).toMatchObject({ fact: "nothing was heard of Alertmanager for 60 s" });
  });

  test("none is known after one heartbeat, one that fires at once", () => {
    expect(at(30, after([0, watchdog]))).toMatchObject({ fact: expect.stringContaining("heard for 30 s") });
    expect(at(60, after([0, watchdog], [30, watchdog]))).toEqual({ count: 0 });
    expect(at(1, after([0, told("firing")]))).toEqual({ count: 1 });
  });

  test("after a break it is to be told everything again", () => {
    const heard = after([0, watchdog], [100, watchdog]);
    expect(at(110, heard)).toMatchObject({ fact: expect.stringContaining("heard for 10 s") });
  });

  test("resolved is over, and so is what was not told again for two heartbeats", () => {
    const steady = [0, 50, 100, 150].map((second) => [second, watchdog] as const);
    expect(at(150, after(...steady, [151, told("firing")], [152, told("resolved")]))).toEqual({ count: 0 });
    const once = after([0, told("firing")], ...steady.slice(1));
    expect(at(119, after([0, told("firing")], ...steady.slice(1, 3)))).toEqual({ count: 1 });
    expect(at(151, once)).toEqual({ count: 0 });
  });

  test("others do not count, and what was left out is not known", () => {
    const other = told("firing", { alertname: "Slow", severity: "warning" });
    const heard = after([0, watchdog], [59, watchdog], [61, other]);
    expect(at(62, heard)).toEqual({ count: 0 });
    const cut = hear(heard, told("firing", critical, { truncatedAlerts: 7 }), 63_000, heartbeat);
    expect(countHeard(cut, counting, 64_000)).toMatchObject({ fact: "Alertmanager left out 7 alerts" });
    const whole = hear(cut, told("firing"), 65_000, heartbeat);
    expect(countHeard(whole, counting, 66_000)).toEqual({ count: 1 });
  });

  test("a flood of alerts fills no memory", () => {
    const alerts = Array.from({ length: 12_000 }, (_, n) => ({
      status: "firing" as const,
      labels: critical,
      fingerprint: String(n),
    }));
    const heard = hear(undefined, { ...watchdog, alerts }, 0, heartbeat);
    expect(Object.keys(heard.alerts)).toHaveLength(10_000);
    expect(countHeard(heard, counting, 1)).toMatchObject({ fact: "Alertmanager left out 2000 alerts" });
  });
});
