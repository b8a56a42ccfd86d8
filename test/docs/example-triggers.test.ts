import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import type { Playbook } from "../../src/core/playbook/playbook.js";
import { examplePlaybook, firesAt, type Readings } from "../support/play-triggers.js";

interface Line {
  readonly fires: Readings;
  /** Second at which it must. */
  readonly at: number;
  readonly not: Readings;
  readonly baselines?: Readonly<Record<string, number>>;
}

/** A counter that grows by so much at each of `count` readings. */
const counter = (step: number, count: number, from = 0): string =>
  Array.from({ length: count }, (_, index) => from + step * index).join(" ");

const composeStack: [string, string, Line][] = [
  [
    "L06 more than half of the requests fail for a minute",
    "most_fail",
    { fires: { error_ratio: "0.02x4 0.6x6" }, at: 120, not: { error_ratio: "0.6x4 0.4 0.6x4" } },
  ],
  [
    "L06 health fails twice in a row",
    "unhealthy",
    { fires: { healthy: "1x3 0x2" }, at: 60, not: { healthy: "0 1 0 1 0 1" } },
  ],
  [
    "L06 health cannot be asked twice in a row",
    "unhealthy",
    { fires: { healthy: "1 !x2" }, at: 30, not: { healthy: "1 ! 1 ! 1" } },
  ],
  [
    "L06 the connection pool is exhausted",
    "pool_exhausted",
    { fires: { pool_used: "0.7 0.9 1" }, at: 30, not: { pool_used: "0.99x9" } },
  ],
  [
    "L06 nobody can log in",
    "nobody_logs_in",
    {
      fires: { refused_logins: "0.1 0.95x9", logins: counter(10, 10) },
      at: 30,
      not: { refused_logins: "1x9", logins: counter(1, 9) },
    },
  ],
  [
    "L06 memory is out",
    "out_of_memory",
    { fires: { memory_used: "0.9 0.96" }, at: 15, not: { memory_used: "0.95x9" } },
  ],
  [
    "L06 anything is corrupt",
    "corrupt",
    { fires: { corrupt_rows: "0x3 1" }, at: 180, not: { corrupt_rows: "0x9" } },
  ],
  [
    "L07 a tenth of the requests fail for five minutes",
    "some_fail",
    { fires: { error_ratio: "0.05 0.2x30" }, at: 315, not: { error_ratio: "0.2x20 0.05 0.2x19" } },
  ],
  ["L07 responses are slow", "slow", { fires: { p95: "1 6" }, at: 15, not: { p95: "5x9" } }],
  [
    "L07 three circuit breakers are open",
    "breakers_open",
    { fires: { open_breakers: "2 3" }, at: 15, not: { open_breakers: "2x9" } },
  ],
  [
    "L07 six people report the same",
    "reported",
    { fires: { reports: "5 6" }, at: 60, not: { reports: "5x9" } },
  ],
  [
    "L08 three times as slow as before is no longer only watched",
    "slower_than_before",
    { fires: { p95: "0.3 0.9x9" }, at: 75, not: { p95: "0.89x20" }, baselines: { p95: 0.3 } },
  ],
  [
    "L08 a little slower is watched",
    "a_little_slower",
    { fires: { p95: "0.3 0.4" }, at: 15, not: { p95: "0.36x9" }, baselines: { p95: 0.3 } },
  ],
  [
    "L08 a queue that fills is watched",
    "queue_fills",
    { fires: { queue_lag: "0 999" }, at: 15, not: { queue_lag: "0x9" } },
  ],
  [
    "L08 a queue of 1000 is not only watched",
    "queue_behind",
    { fires: { queue_lag: "999 1000x9" }, at: 75, not: { queue_lag: "999x9" } },
  ],
  [
    "L08 one restart is watched",
    "restarted_once",
    { fires: { restarts: "0 1" }, at: 15, not: { restarts: "0x4 2x4" } },
  ],
  [
    "L08 a second restart is not only watched",
    "restarting",
    { fires: { restarts: "1 2" }, at: 15, not: { restarts: "1x9" } },
  ],
  [
    "L08 failures are watched from the first on",
    "failures_seen",
    { fires: { error_ratio: "0 0.3" }, at: 15, not: { error_ratio: "0.1x9" } },
  ],
];

const blueGreen: [string, string, Line][] = [
  [
    "V04 health fails three times in a row",
    "unhealthy",
    { fires: { failing: "0 1x3" }, at: 30, not: { failing: "1x2 0 1x2 0" } },
  ],
  [
    "V04 one in twenty fails for two minutes",
    "errors",
    { fires: { error_ratio: "0 0.06x13" }, at: 130, not: { error_ratio: "0.06x12 0.05 0.06x11" } },
  ],
  [
    "V04 answers take three seconds on average for five minutes",
    "slow",
    { fires: { mean_seconds: "1 3.1x31" }, at: 310, not: { mean_seconds: "3.1x30 3" } },
  ],
  [
    "V04 memory is nearly used up for ten minutes",
    "out_of_memory",
    { fires: { memory_used: "0.5 0.91x61" }, at: 610, not: { memory_used: "0.91x60 0.9" } },
  ],
  [
    "V04 the processor is busy for five minutes",
    "busy",
    { fires: { cpu_used: "0.5 0.96x31" }, at: 310, not: { cpu_used: "0.96x30 0.95" } },
  ],
];

const erp: [string, string, Line][] = [
  [
    "M20 pods crash again and again",
    "crash_loops",
    { fires: { restarts: "4 4 5 6 7" }, at: 60, not: { restarts: "4 5 6 6 6 6" } },
  ],
  [
    "M20 everybody is locked out",
    "all_locked_out",
    {
      fires: { refused_all: "0 0.95x9", logins: counter(10, 10) },
      at: 75,
      not: { refused_all: "1x9", logins: counter(0, 9) },
    },
  ],
  [
    "M20 one role is locked out",
    "role_locked_out",
    {
      fires: { refused_role: "0 0.5x9", refused_all: "0.1x10" },
      at: 135,
      not: { refused_role: "0.9x10", refused_all: "0.95x10" },
    },
  ],
  [
    "M20 sessions have expired",
    "tokens_expired",
    { fires: { expired_tokens: "0 0.4x9" }, at: 135, not: { expired_tokens: "0.3x20" } },
  ],
  [
    "M20 the content policy blocks pages",
    "pages_blocked",
    { fires: { csp_reports: counter(20, 9) }, at: 75, not: { csp_reports: counter(15, 20) } },
  ],
  [
    "M20 no merge passes",
    "ci_blocked",
    { fires: { ci_failed: "0 1x31" }, at: 1_860, not: { ci_failed: "1x30 0" } },
  ],
  [
    "M20 memory climbs",
    "memory_climbs",
    { fires: { memory: "100x60 200x20" }, at: 4_260, not: { memory: "100x80" } },
  ],
  [
    "M20 it is slower since the index changed",
    "slow_since_change",
    { fires: { p95: "0.1x8 0.5x40" }, at: 330, not: { p95: "0.2x40" }, baselines: { p95: 0.1 } },
  ],
  [
    "M20 the backend fails",
    "backend_fails",
    { fires: { backend_errors: "0 0.06x9" }, at: 135, not: { backend_errors: "0.05x20" } },
  ],
  [
    "M20 the web front fails",
    "web_fails",
    { fires: { web_errors: "0 0.06x9" }, at: 135, not: { web_errors: "0.05x20" } },
  ],
  [
    "M20 a migration failed, the data are in order",
    "migration_failed_clean",
    {
      fires: { migration_failed: "0 1", corrupt_rows: "0x2" },
      at: 15,
      not: { migration_failed: "1x4", corrupt_rows: "3x4" },
    },
  ],
  [
    "M20 a migration failed, the data are corrupt",
    "migration_failed_corrupt",
    {
      fires: { migration_failed: "0 1", corrupt_rows: "0 3" },
      at: 15,
      not: { migration_failed: "0x4", corrupt_rows: "3x4" },
    },
  ],
];

const warehouse: [string, string, Line][] = [
  ["it is down", "down", { fires: { healthy: "1 0x3" }, at: 30, not: { healthy: "0x2 1 0x2" } }],
  [
    "its interface fails",
    "api_fails",
    { fires: { api_errors: "0 0.06x9" }, at: 135, not: { api_errors: "0.05x20" } },
  ],
  [
    "it is slow",
    "degraded",
    { fires: { p95: "0.1x8 0.5x40" }, at: 450, not: { p95: "0.2x60" }, baselines: { p95: 0.1 } },
  ],
  ["its data are wrong", "data_wrong", { fires: { wrong_rows: "0 2" }, at: 60, not: { wrong_rows: "0x9" } }],
  [
    "a vulnerability is known",
    "vulnerable",
    { fires: { vulnerabilities: "0 1" }, at: 60, not: { vulnerabilities: "0x9" } },
  ],
];

const releaseFolders: [string, string, Line][] = [
  [
    "Z02 one in twenty fails for five minutes",
    "errors_high",
    { fires: { error_ratio: "0 0.06x21" }, at: 315, not: { error_ratio: "0.06x20 0.05" } },
  ],
  [
    "Z02 responses take two seconds for five minutes",
    "very_slow",
    { fires: { p95: "0 2.1x21" }, at: 315, not: { p95: "2.1x20 2" } },
  ],
  [
    "Z02 connections are exhausted",
    "connections_exhausted",
    { fires: { connections: "0.9 1" }, at: 15, not: { connections: "0.99x9" } },
  ],
  [
    "Z02 a critical hole is known",
    "vulnerable",
    { fires: { vulnerabilities: "0 1" }, at: 60, not: { vulnerabilities: "0x9" } },
  ],
  [
    "Z02 data are corrupt",
    "corrupt",
    { fires: { corrupt_rows: "0 1" }, at: 60, not: { corrupt_rows: "0x9" } },
  ],
  ["Z02 it is out", "outage", { fires: { up: "1 0x5" }, at: 75, not: { up: "0x4 1" } }],
  ["Z02 it cannot even be asked", "outage", { fires: { up: "1 !x5" }, at: 75, not: { up: "!x4 1" } }],
  [
    "Z03 one in fifty fails for ten minutes",
    "errors_raised",
    { fires: { error_ratio: "0 0.03x41" }, at: 615, not: { error_ratio: "0.03x40 0.02" } },
  ],
  [
    "Z03 responses take a second for ten minutes",
    "slow",
    { fires: { p95: "0 1.1x41" }, at: 615, not: { p95: "1.1x40 1" } },
  ],
  [
    "Z03 memory is nearly used up",
    "memory_high",
    { fires: { memory_used: "0.5 0.91x21" }, at: 315, not: { memory_used: "0.91x20 0.9" } },
  ],
  [
    "Z03 many logins fail",
    "odd_logins",
    { fires: { failed_logins: counter(20, 20) }, at: 135, not: { failed_logins: counter(15, 30) } },
  ],
  [
    "Z03 the cache is cold",
    "cold_cache",
    { fires: { cache_hits: "0.9 0.4x21" }, at: 315, not: { cache_hits: "0.4x20 0.5" } },
  ],
  [
    "Z03 failures below that are watched",
    "errors_seen",
    { fires: { error_ratio: "0 0.015" }, at: 15, not: { error_ratio: "0.01x9" } },
  ],
  ["Z03 slower responses are watched", "slower", { fires: { p95: "0 0.6" }, at: 15, not: { p95: "0.5x9" } }],
];

const limits: Record<string, [string, number, number]> = {
  errors: ["error_percent", 1, 2],
  p95: ["p95_ms", 500, 1_000],
  cpu: ["cpu_percent", 70, 85],
  memory: ["memory_percent", 80, 90],
  connections: ["connection_percent", 80, 90],
  logins: ["failed_logins", 10, 50],
};
const matrix = Object.entries(limits).flatMap(
  ([name, [signal, warning, critical]]): [string, string, Line][] => [
    [
      `Z17 ${name} at warning`,
      `${name}_warning`,
      { fires: { [signal]: `0 ${warning + 0.5}x9` }, at: 135, not: { [signal]: `${warning}x20` } },
    ],
    [
      `Z17 ${name} at critical`,
      `${name}_critical`,
      { fires: { [signal]: `0 ${critical + 0.5}x9` }, at: 135, not: { [signal]: `${critical}x20` } },
    ],
  ],
);

const files: Record<string, [string, string, Line][]> = {
  "compose-stack.yaml": composeStack,
  "blue-green.yaml": blueGreen,
  "kubernetes-erp.yaml": erp,
  "warehouse.yaml": warehouse,
  "release-folders.yaml": releaseFolders,
  "matrix.yaml": matrix,
};

const playbooks = new Map<string, Playbook>();
async function playbookOf(file: string): Promise<Playbook> {
  const playbook = playbooks.get(file) ?? (await examplePlaybook(file));
  playbooks.set(file, playbook);
  return playbook;
}

describe.each(Object.entries(files))("examples/triggers/%s", (file, lines) => {
  test.each(lines)("%s", async (_, trigger, { fires, at, not, baselines }) => {
    const playbook = await playbookOf(file);
    expect(firesAt(playbook, trigger, fires, baselines)).toBe(at);
    expect(firesAt(playbook, trigger, not, baselines)).toBeUndefined();
  });

  test("every trigger is played", async () => {
    const { triggers } = await playbookOf(file);
    expect(new Set(lines.map(([, trigger]) => trigger))).toEqual(new Set(Object.keys(triggers)));
  });
});

test("every file of the examples is played", () => {
  const folder = fileURLToPath(new URL("../../examples/triggers/", import.meta.url));
  expect(
    readdirSync(folder)
      .filter((name) => name.endsWith(".yaml"))
      .sort(),
  ).toEqual(Object.keys(files).sort());
});
