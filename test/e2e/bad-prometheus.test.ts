import { afterAll, beforeAll, expect } from "vitest";
import type { TriggerStatus } from "../../src/core/signal/trigger-state.js";
import { jsonLines } from "../support/backout-process.js";
import { fakeClock } from "../support/fake-clock.js";
import { type MetricsTarget, metricsTarget } from "../support/metrics-target.js";
import { type PrometheusServer, prometheusServer } from "../support/prometheus-server.js";
import { type Program, rewrite, test } from "../support/system-test.js";

interface Event {
  readonly triggers?: readonly TriggerStatus[];
  readonly recommendation?: unknown;
}

let metrics: MetricsTarget;
let prometheus: PrometheusServer;
beforeAll(async () => {
  metrics = await metricsTarget();
  for (let number = 0; number < 10_000; number++) metrics.set(`many{n="${number}"}`, 1);
  metrics.set("one", 1);
  metrics.set("none_of_none", "NaN");
  prometheus = await prometheusServer({ jobs: { shop: [metrics.address] } });
  await prometheus.until("one");
});
afterAll(async () => {
  await prometheus.stop();
  await metrics.close();
});

/** Signal → why it could not be measured, and what may help, as a watch of a short while tells it. */
async function told(
  program: Program,
  environment: Readonly<Record<string, string>> = {},
): Promise<Record<string, string>> {
  const ended = await program.startWith(environment, "watch", "--until", "2s", "--json").ended;
  expect(ended.status, ended.stdout.slice(-2_000) + ended.stderr).toBe(3);
  const events = jsonLines(ended.stdout) as unknown as Event[];
  expect(events.filter(({ recommendation }) => recommendation !== undefined)).toEqual([]);
  const samples = events
    .flatMap(({ triggers = [] }) => triggers)
    .flatMap((one) => one.samples.map(({ hint = "" }) => [one.trigger, `${one.noData} | ${hint}`] as const));
  return Object.fromEntries(samples);
}

const queries = {
  none: "no_such_series",
  many: "many",
  endless: "sum(one) / 0",
  nan: "none_of_none",
  good: "one",
};

/** Whatever they measured would fire. */
const judged = (): [signals: string, triggers: string] => {
  const of = (line: (name: string, query: string) => string): string =>
    Object.entries(queries)
      .map(([name, query]) => `  ${line(name, query)}\n`)
      .join("");
  const asks = (name: string, query: string): string =>
    `${name}: { driver: prometheus, with: { url: "${prometheus.url}", query: "${query}" }, every: 300ms, timeout: 30s }`;
  return [
    `signals:\n${of(asks)}`,
    `triggers:\n${of((name) => `${name}: { when: ${name} > 5, for: 0s, level: RED }`)}`,
  ];
};

test("a query without series, with 10,000 of them, or without a number is could not measure with its reason and what may help", async ({
  system,
  program,
}) => {
  const [signals, triggers] = judged();
  rewrite(
    system,
    /^signals:\n[^]*/m,
    `${signals}${triggers}decisions:\n  - { when: verdict == "RED", scenario: full, mode: auto }\n`,
  );
  await program.done("checkpoint");
  system.deploy();
  expect(await told(program)).toEqual({
    none: expect.stringMatching(/"no_such_series" gives no series \| \w/),
    many: expect.stringMatching(/"many" gives 10000 series, not one \| \w/),
    endless: expect.stringMatching(/gives "\+Inf".* \| /),
    nan: expect.stringMatching(/gives "NaN", which measures nothing/),
    good: expect.stringMatching(/^undefined/),
  });
  expect(await program.runs()).toBe(0);
  expect(system.items()).toEqual(["one", "two", "three"]);
});

test.for([
  ["behind", 600],
  ["ahead of", -600],
] as const)(
  "a Prometheus whose clock is ten minutes %s this machine's is could not measure, which says what to do",
  async ([where, seconds], { system, program }) => {
    const [signals, triggers] = judged();
    rewrite(
      system,
      /^signals:\n[^]*/m,
      `${signals}${triggers}decisions:\n  - { when: verdict == "RED", scenario: full, mode: auto }\n`,
    );
    const clock = fakeClock(system.folder);
    clock.set(seconds);
    const { good } = await told(program, clock.environment);
    expect(good).toMatch(new RegExp(`the clock of ${prometheus.url} is \\d+ ms ${where} this machine's`));
    expect(good).toContain("| set both by NTP; `skew` says how much is allowed");
  },
);
