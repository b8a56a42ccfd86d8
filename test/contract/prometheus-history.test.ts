import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/core/json.js";
import type { PastReading } from "../../src/core/signal/reading.js";
import { signal } from "../../src/drivers/prometheus/index.js";
import { type Contexts, contextsFor } from "../../src/drivers/testing/contexts.js";
import { type PrometheusServer, prometheusServer } from "../support/prometheus-server.js";
import { recordedText } from "../support/recorded-series.js";

const second = 1_000;
const to = Math.floor(Date.now() / 60_000) * 60_000 - 3_600_000;
const from = to - 14_400 * second;
const after = (seconds: number): number => from + seconds * second;
let prometheus: PrometheusServer;
let contexts: Contexts;

beforeAll(async () => {
  const between = (at: number, a: number, b: number): boolean => at >= after(a) && at < after(b);
  prometheus = await prometheusServer({
    jobs: {},
    recorded: recordedText(
      [
        { metric: "clock", value: (at) => (at - from) / second },
        { metric: "gap", value: (at) => (between(at, 3_000, 4_000) ? undefined : 7) },
        { metric: "rollout", labels: 'pod="old"', value: (at) => (at < after(2_010) ? 1 : undefined) },
        { metric: "rollout", labels: 'pod="new"', value: (at) => (at < after(2_000) ? undefined : 2) },
      ],
      { from, to, every: 5 * second },
    ),
  });
  contexts = await contextsFor(prometheus.folder);
});

afterAll(async () => {
  await contexts?.cleanUp();
  await prometheus?.stop();
});

function history(options: JsonObject, span: { from: number; to: number; every: number }) {
  const progress: string[] = [];
  const parsed = signal.options.parse({ url: prometheus.url, ...options });
  const said = { ...contexts.plain(), progress: (line: string) => void progress.push(line) };
  return { progress, readings: signal.history?.(parsed, said, span) as Promise<PastReading[]> };
}

const values = (readings: readonly PastReading[]) =>
  readings.map((one) => ("value" in one ? one.value : one.error));

describe("what Prometheus has recorded", () => {
  test("more points than it gives at once are asked for in parts: none is missing, none twice", async () => {
    const { readings, progress } = history({ query: "clock" }, { from, to, every: second });
    const all = await readings;
    expect(all.map(({ at }) => at)).toEqual(Array.from({ length: 14_401 }, (_, index) => after(index)));
    // Scraped every five seconds.
    expect(values(all)).toEqual(Array.from({ length: 14_401 }, (_, index) => index - (index % 5)));
    expect(progress).toEqual(["10000 of 14401 points", "14401 of 14401 points"]);
  });

  test("a hole is could not measure, once a query at that time would have given none", async () => {
    const span = { from: after(2_990), to: after(4_010), every: 10 * second };
    const found = values(await history({ query: "gap" }, span).readings);
    expect(found.slice(0, 30)).toEqual(Array.from({ length: 30 }, () => 7));
    expect(found.filter((one) => one === "the query gives no series").length).toBeGreaterThan(65);
    expect(found.slice(-1)).toEqual([7]);
  });

  test("several series are could not measure only while there are several", async () => {
    const span = { from: after(1_990), to: after(2_400), every: 10 * second };
    const found = values(await history({ query: "rollout" }, span).readings);
    expect(found[0]).toBe(1);
    expect(found[1]).toBe("the query gives 2 series, not one");
    expect(found.at(-1)).toBe(2);
  });

  test.each<[string, JsonObject, number]>([
    ["its last point", { range: "1m", step: "10s" }, 600],
    ["an average", { range: "1m", step: "10s", take: "avg" }, 570],
    ["the least", { range: "1m", step: "10s", take: "min" }, 540],
    ["a quantile", { range: "1m", step: "10s", take: { quantile: 0.5 } }, 570],
    ["steps that do not fit its interval", { range: "28s", step: "7s", take: "max" }, 600],
  ])("a range makes one number as it does when it is read: %s", async (_, options, expected) => {
    const span = { from: after(600), to: after(645), every: 15 * second };
    const found = values(await history({ query: "clock", ...options }, span).readings);
    expect(found[0]).toBe(expected);
    expect(found).toHaveLength(4);
  });

  test("a number that is none", async () => {
    const span = { from, to: after(10), every: 10 * second };
    expect(values(await history({ query: "clock / 0" }, span).readings)).toEqual([
      'the query gives "NaN", which measures nothing',
      'the query gives "+Inf", which measures nothing',
    ]);
  });

  test.each([
    ["a query that is none", "sum(", "REFUSED", /refuses the query "sum\("/],
    ["a text", '"text"', "REFUSED", /refuses the query/],
  ])("%s is said with Prometheus' reason", async (_, query, code, says) => {
    await expect(
      history({ query }, { from, to: after(10), every: 10 * second }).readings,
    ).rejects.toMatchObject({
      code,
      message: expect.stringMatching(says),
    });
  });

  test("a server that is away is no past", async () => {
    const away = history({ query: "clock", url: "http://127.0.0.1:9" }, { from, to, every: 60 * second });
    await expect(away.readings).rejects.toMatchObject({ code: "UNREACHABLE" });
  });
});
