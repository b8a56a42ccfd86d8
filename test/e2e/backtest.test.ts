import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "@photostructure/sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Backtest } from "../../src/app/backtest-triggers.js";
import { backout } from "../support/backout-process.js";
import { type PrometheusServer, prometheusServer } from "../support/prometheus-server.js";
import { recordedText } from "../support/recorded-series.js";

const minute = 60_000;
/** A day that ended a while ago, at a full quarter of a minute. */
const to = Math.floor(Date.now() / 15_000) * 15_000 - 60 * minute;
const from = to - 24 * 60 * minute;
const within = (at: number, begin: number, length: number): boolean =>
  at >= from + begin * minute && at < from + (begin + length) * minute;
const iso = (minutes: number): string => new Date(from + minutes * minute).toISOString();

let folder: string;
const sql = (text: string): void => {
  const database = new DatabaseSync(join(folder, "app.db"));
  database.exec(text);
  database.close();
};
let prometheus: PrometheusServer;

/** Ten bad minutes at 5 h and five at 15 h; nothing is recorded of the queue for an hour. */
const recorded = (): string =>
  recordedText(
    [
      { metric: "errors", value: (at) => (within(at, 300, 10) || within(at, 900, 5) ? 0.2 : 0.01) },
      { metric: "p95", labels: 'pod="a"', value: (at) => (within(at, 300, 1) ? 900 : 80) },
      { metric: "p95", labels: 'pod="b"', value: () => 90 },
      { metric: "queue", value: (at) => (within(at, 600, 60) ? undefined : 3) },
    ],
    { from: from - 30 * minute, to, every: 15_000 },
  );

const playbook = (url: string): string => `
backout: 1
system: shop
targets: { app: { driver: sqlite, with: { file: app.db } } }
signals:
  errors: { driver: prometheus, every: 15s, timeout: 5s, with: { url: "${url}", query: errors } }
  slow: { driver: prometheus, every: 15s, timeout: 5s, with: { url: "${url}", query: max(p95) } }
  each: { driver: prometheus, every: 15s, timeout: 5s, with: { url: "${url}", query: p95 } }
  queue: { driver: prometheus, every: 15s, timeout: 5s, with: { url: "${url}", query: queue } }
  never: { driver: prometheus, every: 15s, timeout: 5s, with: { url: "${url}", query: no_such_metric } }
  reported: { driver: reports, every: 15s, timeout: 5s, with: { kind: user } }
triggers:
  failing: { when: errors > 0.05, for: 2m, level: RED }
  failing_long: { when: errors > 0.05, for: 7m, level: RED }
  never_fires: { when: errors > 0.9, for: 1m, level: RED }
  averaged: { when: 'avg(slow, "5m") > 200', for: 15s, level: YELLOW }
  blind: { when: queue > 100, for: 1m, level: YELLOW, no_data: fail }
  per_pod: { when: each > 100, for: 1m, level: RED }
  of_nothing: { when: never > 1, for: 1m, level: RED }
  people: { when: reported > 5, for: 0s, level: YELLOW }
  compared: { when: slow > 3 * baseline(slow), for: 1m, level: RED }
`;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "backout-backtest-"));
  prometheus = await prometheusServer({ jobs: {}, recorded: recorded() });
  sql("CREATE TABLE items (name TEXT)");
  writeFileSync(join(folder, "backout.yaml"), playbook(prometheus.url));
});

afterAll(async () => {
  await prometheus?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const run = (...args: string[]) => backout({ cwd: folder, environment: {} }, "backtest", ...args);
const day = ["--from", iso(0), "--to", iso(24 * 60)];

const minutesOf = (at: number): number => (at - from) / minute;

test("a recorded day replayed: what would have fired when, for how long, how often for nothing", async () => {
  const { status, stdout, stderr } = await run(...day, "--incident", `${iso(305)}/${iso(320)}`, "--json");
  expect(status, stdout + stderr).toBe(0);
  const result = JSON.parse(stdout) as Backtest;
  const found = Object.fromEntries(
    result.triggers.map(({ trigger, firings, nearMisses }) => [
      trigger,
      {
        nearMisses,
        firings: firings.map(({ pendingAt, firedAt, endedAt = Number.NaN, near }) => [
          ...[pendingAt, firedAt, endedAt].map(minutesOf),
          near.length,
        ]),
      },
    ]),
  );
  expect(found).toEqual({
    failing: {
      nearMisses: 0,
      firings: [
        [300, 302, 310, 1],
        [900, 902, 905, 0],
      ],
    },
    failing_long: { nearMisses: 1, firings: [[300, 307, 310, 1]] },
    never_fires: { nearMisses: 0, firings: [] },
    // Four of twenty readings within five minutes.
    averaged: { nearMisses: 0, firings: [[300.5, 300.75, expect.any(Number), 1]] },
    // A series that has ended is still there for five minutes, as it is for a query at that time.
    blind: { nearMisses: 0, firings: [[605, 606, 660, 0]] },
  });
  expect(Object.fromEntries(result.notReplayed.map(({ trigger, reason }) => [trigger, reason]))).toEqual({
    per_pod: expect.stringContaining("2 series, not one"),
    of_nothing: expect.stringContaining("nothing was recorded in that time"),
    people: 'signal "reported": driver "reports" keeps no past',
    compared: 'no checkpoint has a baseline of "slow" as it is defined now',
  });
  expect(result.signals.find(({ signal }) => signal === "queue")).toMatchObject({
    readings: 5_761,
    measured: 5_761 - 220,
  });
});

test("as text: every trigger, also those that could not be replayed, and that nothing is known to have been bad", async () => {
  const { status, stdout, stderr } = await run(...day, "--near", "1m");
  expect(status, stderr).toBe(0);
  const text = stdout.replaceAll(/\s+/g, " ");
  for (const said of [
    "RED failing: would have fired 2 times, 2 for nothing; 11 min in all, 0.76 % of the time",
    ", pending since ",
    "for 8 min, for nothing",
    "RED never_fires: would not have fired",
    '? people: not replayed: signal "reported": driver "reports" keeps no past',
    "queue: 220 of 5,761 readings could not have been measured",
    "bad by what is known: 0 rollbacks, 0 reports and 0 incidents; near is 1 min",
    "hint: --incident FROM/TO",
  ])
    expect(text).toContain(said);
});

test("a file of samples that is not there, or is none", async () => {
  const none = await run(...day, "--samples", "none.jsonl");
  expect([none.status, none.stderr]).toEqual([1, expect.stringContaining("none.jsonl: does not exist")]);
  const bad = await run(...day, "--samples", "backout.yaml");
  expect(bad.status).toBe(2);
  expect(bad.stderr).toMatch(/backout\.yaml:2: "backout: 1" is no recorded sample\s+hint: a line is/);
});

test("only the triggers that are named, over samples of a file", async () => {
  const at = (minutes: number, value: number): string =>
    JSON.stringify({ signal: "reported", at: iso(minutes), value });
  writeFileSync(join(folder, "recorded.jsonl"), [at(1, 0), at(2, 9), at(3, 9), at(4, 0)].join("\n"));
  const { status, stdout, stderr } = await run("people", ...day, "--samples", "recorded.jsonl", "--json");
  expect(status, stderr).toBe(0);
  const { triggers } = JSON.parse(stdout) as Backtest;
  expect(triggers.map(({ trigger, firings }) => [trigger, firings.length])).toEqual([["people", 1]]);
  expect(triggers[0]?.firings[0]).toMatchObject({ firedAt: from + 2 * minute, endedAt: from + 4 * minute });
});

test.each<[string, string[], number, RegExp]>([
  ["from after to", ["--from", iso(60), "--to", iso(0)], 2, /--from: ".*" is not before the end/],
  ["no date", ["--from", "yesterday"], 2, /--from: "yesterday" is neither a time nor a duration/],
  ["a day that there is not", ["--from", "2026-02-30"], 2, /--from: "2026-02-30" is neither/],
  [
    "no time zone",
    ["--from", "2026-01-20T10:00"],
    2,
    /does not say its time zone\s+hint: --from 2026-01-20T10:00Z/,
  ],
  [
    "an end that has not come",
    ["--from", "1h", "--to", "2999-01-01"],
    2,
    /--to: "2999-01-01" has not come yet/,
  ],
  ["an incident without an end", [...day, "--incident", iso(1)], 2, /is not FROM\/TO/],
  ["an incident backwards", [...day, "--incident", `${iso(2)}/${iso(1)}`], 2, /ends before it begins/],
  ["a length without a unit", [...day, "--near", "30"], 2, /--near: "30" is not a duration with a unit/],
  ["an unknown trigger", ["failling", ...day], 2, /no trigger "failling"; did you mean "failing"\?/],
  [
    "nothing recorded",
    ["failing", "--from", iso(-9_000), "--to", iso(-8_000)],
    1,
    /none of the triggers can be replayed: failing: signal "errors": nothing was recorded/,
  ],
  ["a source without a past", ["people", ...day], 1, /driver "reports" keeps no past/],
  ["too long", ["--from", "500d"], 1, /readings would be needed, at most 5,000,000/],
])("%s is refused with a hint", async (_, args, status, says) => {
  const ended = await run(...args);
  expect(`${ended.stdout}${ended.stderr}`).toMatch(says);
  expect(ended.stderr).toContain("hint: ");
  expect(ended.status).toBe(status);
});

test("no --from is wrong usage, and the help has examples", async () => {
  expect((await run()).status).toBe(2);
  const { stdout } = await run("--help");
  expect(stdout).toContain("$ backout backtest --from 7d");
});

test("a Prometheus that goes away in the middle leaves no half of an answer", async () => {
  let answers = 0;
  const server = createServer((request, response) => {
    answers += 1;
    if (answers > 2) return void request.socket.destroy();
    fetch(`${prometheus.url}${request.url}`)
      .then((answer) => answer.text())
      .then(
        (text) => void response.end(text),
        () => void request.socket.destroy(),
      );
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    writeFileSync(join(folder, "away.yaml"), playbook(url));
    const ended = await run("--file", "away.yaml", ...day, "--json");
    expect(ended.status).toBe(1);
    expect(JSON.parse(ended.stdout || ended.stderr)).toMatchObject({ error: { code: "UNREACHABLE" } });
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test("a rollback and a report near a firing make it one that was not for nothing", async () => {
  const place = { cwd: folder, environment: {} };
  const before = Date.now();
  const taken = await backout(place, "checkpoint");
  expect(taken.status, taken.stdout + taken.stderr).toBe(0);
  sql("INSERT INTO items VALUES ('bad')");
  const rolled = await backout(place, "rollback", "--yes");
  expect(rolled.stdout + rolled.stderr).toContain("rolled back");
  const reported = await backout(place, "report-problem", "--kind", "user", "--issue", "slow");
  expect(reported.status, reported.stderr).toBe(0);
  const sample = (at: number, value: number): string => JSON.stringify({ signal: "reported", at, value });
  const lines = [sample(before - 120 * minute, 9), sample(before - 119 * minute, 0), sample(before, 9)];
  writeFileSync(join(folder, "now.jsonl"), lines.join("\n"));
  const { status, stdout, stderr } = await run("people", "--from", "3h", "--samples", "now.jsonl", "--json");
  expect(status, stderr).toBe(0);
  const { triggers, events, unnoticed } = JSON.parse(stdout) as Backtest;
  expect(new Set(events.map(({ kind }) => kind))).toEqual(new Set(["rollback", "report"]));
  expect(unnoticed).toEqual([]);
  const [firings] = triggers.map((one) =>
    one.firings.map(({ near }) => new Set(near.map(({ kind }) => kind))),
  );
  expect(firings).toEqual([new Set(), new Set(["rollback", "report"])]);
});
