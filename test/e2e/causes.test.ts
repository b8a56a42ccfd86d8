import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { parse } from "yaml";
import { backout, startBackout } from "../support/backout-process.js";
import { type StepSystem, stepSystem } from "../support/step-system.js";

/** A minute of the example's takes an eighth of a second: who waits for how long stays in proportion. */
const quicker = 480;

interface Example {
  readonly signals: Readonly<Record<string, object>>;
  readonly triggers: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

const example = (name: string): Example =>
  parse(readFileSync(new URL(`../../examples/triggers/${name}.yaml`, import.meta.url), "utf8")) as Example;

let system: StepSystem | undefined;
afterEach(() => system?.remove());

function scaled(text: string): string {
  const [, number = "", unit = ""] = /^(\d+)(s|m)$/.exec(text) ?? [];
  return `${Math.round((Number(number) * (unit === "m" ? 60_000 : 1_000)) / quicker)}ms`;
}

const inLessTime = (trigger: object): object =>
  Object.fromEntries(
    Object.entries(trigger).map(([key, value]) => [
      key,
      key === "for" || key === "settle" ? scaled(String(value)) : (value as unknown),
    ]),
  );

const quickly = { every: "250ms", timeout: "60s" };

/** The example's triggers as they are but for time; each signal is read from a file of its name. */
function watched({ signals, triggers }: Example): StepSystem {
  const read = (name: string) => ({
    driver: "command",
    with: { program: { run: ["cat", name] } },
    ...quickly,
  });
  const made = stepSystem({
    targets: { app: { restart: ["true"] } },
    scenarios: { back: { restart: ["app"] } },
    more: {
      signals: Object.fromEntries(Object.keys(signals).map((name) => [name, read(name)])),
      triggers: Object.fromEntries(
        Object.entries(triggers).map(([name, trigger]) => [name, inLessTime(trigger)]),
      ),
      decisions: [{ when: 'verdict == "RED"', scenario: "back", mode: "auto" }],
    },
  });
  for (const name of Object.keys(signals)) writeFileSync(join(made.folder, name), `${healthy[name] ?? 0}\n`);
  return made;
}

/** What is not well at nought. */
const healthy: Readonly<Record<string, number>> = { up: 1, cache_hits: 0.9 };

const causes = [
  ["V04 health fails three times in a row", "blue-green", "unhealthy", { failing: 1 }],
  ["V04 more than 5 % of requests fail", "blue-green", "errors", { error_ratio: 0.06 }],
  ["V04 responses take more than three seconds", "blue-green", "slow", { mean_seconds: 3.1 }],
  ["V04 memory is used up", "blue-green", "out_of_memory", { memory_used: 0.91 }],
  ["V04 the processors are used up", "blue-green", "busy", { cpu_used: 0.96 }],
  ["Z02 errors", "release-folders", "errors_high", { error_ratio: 0.06 }],
  ["Z02 slowness", "release-folders", "very_slow", { p95: 2.1 }],
  ["Z02 exhausted connections", "release-folders", "connections_exhausted", { connections: 1 }],
  ["Z02 a critical hole", "release-folders", "vulnerable", { vulnerabilities: 1 }],
  ["Z02 corruption", "release-folders", "corrupt", { corrupt_rows: 1 }],
  ["Z02 an outage", "release-folders", "outage", { up: 0 }],
] as const;

test.each(causes)(
  "%s: rolled back by itself, and the report says why",
  async (_, file, trigger, readings) => {
    system = watched(example(file));
    await rollsBack(system, trigger, async ({ folder }) => {
      for (const [name, value] of Object.entries(readings)) writeFileSync(join(folder, name), `${value}\n`);
    });
  },
);

test("W14 a hole that somebody reports: rolled back by itself, and the report says why", async () => {
  system = stepSystem({
    targets: { app: { restart: ["true"] } },
    scenarios: { back: { restart: ["app"] } },
    more: {
      signals: { holes: { driver: "reports", with: { kind: "security", over: "24h" }, ...quickly } },
      triggers: { hole: { when: "holes > 0", for: "0s", level: "RED" } },
      decisions: [{ when: "hole", scenario: "back", mode: "auto" }],
    },
  });
  await rollsBack(system, "hole", async ({ place }) => {
    const told = await backout(
      place,
      "report-problem",
      "--kind",
      "security",
      "--note",
      "the parser runs what it reads",
    );
    expect(told.status, told.stderr).toBe(0);
  });
});

/** Watches until it is GREEN, lets it go wrong, and expects one verified rollback for that reason. */
async function rollsBack(
  made: StepSystem,
  trigger: string,
  goWrong: (made: StepSystem) => Promise<void>,
): Promise<void> {
  const watch = startBackout(made.place, "watch");
  try {
    await watch.said("GREEN");
    await goWrong(made);
    const ended = await watch.ended;
    expect(ended.stdout, ended.stderr).toContain("rolled back and verified");
  } finally {
    watch.process.kill("SIGKILL");
  }
  const [run, ...others] = await made.runs();
  expect(others).toEqual([]);
  expect(run).toMatchObject({ scenario: "back", outcome: "verified" });
  const requested = (await made.facts()).find(({ type }) => type === "run.requested");
  expect(JSON.stringify(requested?.["trigger"])).toContain(`"${trigger}"`);
}
