import { execFile, execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TriggerDefinitions } from "../../src/core/signal/compile-triggers.js";
import type { Sample } from "../../src/core/signal/sample.js";
import { triggerJudge } from "../../src/core/signal/trigger-judge.js";

/** One series under one alerting rule, evaluated every 15 s. */
export interface PromtoolCase {
  readonly rule: AlertingRule;
  /** Seconds between two samples: 15, or 60. */
  readonly every: number;
  /** At every `every` from 0 on; `_` is none, `stale` the end of the series. */
  readonly values: readonly (number | "_" | "stale" | "NaN")[];
}

export interface AlertingRule {
  readonly compare: string;
  /** Seconds. */
  readonly for: number;
  readonly keepFiring: number;
}

export interface Agreement {
  readonly cases: number;
  readonly agreeing: number;
  readonly differences: readonly string[];
}

const evaluated = 15;
const steps = 100;
/** Prometheus' own: a series is gone five minutes after its last sample. */
const lookback = 300_000;

const rules: readonly AlertingRule[] = [
  ...[0, 15, 30, 60, 100, 300].map((needed) => ({ compare: "> 1", for: needed, keepFiring: 0 })),
  ...[0, 45, 120].map((needed) => ({ compare: "<= 1", for: needed, keepFiring: 0 })),
  { compare: "== 2", for: 30, keepFiring: 0 },
  { compare: "> 1", for: 30, keepFiring: 60 },
  { compare: "> 1", for: 0, keepFiring: 40 },
  { compare: "< 2", for: 60, keepFiring: 330 },
];

/** The same for the same seed: Park and Miller's generator. */
function random(seed: number): (below: number) => number {
  let state = (seed % 2_147_483_646) + 1;
  return (below) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
}

/** Runs of one value, holes of every length up to more than five minutes, ends, numbers that are none. */
export function generatedCases(count: number, seed: number): PromtoolCase[] {
  const draw = random(seed);
  return Array.from({ length: count }, (_, index) => {
    const every = draw(5) === 0 ? 60 : evaluated;
    const length = Math.floor((steps * evaluated) / every) - draw(20);
    const values: PromtoolCase["values"][number][] = [];
    while (values.length < length) {
      const kind = draw(20);
      const run = 1 + draw(kind < 3 ? 30 : 8);
      const value = kind < 5 ? "_" : kind === 5 ? "stale" : kind === 6 ? "NaN" : draw(4);
      values.push(...Array.from({ length: value === "stale" ? 1 : run }, () => value));
    }
    return {
      rule: rules[index % rules.length] ?? { compare: "> 1", for: 0, keepFiring: 0 },
      every,
      values: values.slice(0, Math.max(1, length)),
    };
  });
}

type AlertState = "pending" | "firing" | undefined;

const made = new Map<string, TriggerDefinitions>();

/** Each made once: conditions are compiled once for each object. */
function definitionsFor(rule: AlertingRule, every: number, inclusive: boolean): TriggerDefinitions {
  const key = JSON.stringify([rule, every, inclusive]);
  const known = made.get(key);
  if (known !== undefined) return known;
  const stale = lookback + (inclusive ? evaluated * 1_000 : 0);
  const signals = { a: { driver: "prometheus", with: {}, every: every * 1_000, timeout: 1_000, stale } };
  const clear = { for: rule.keepFiring * 1_000 };
  const trigger = {
    when: `a ${rule.compare}`,
    for: rule.for * 1_000,
    clear,
    level: "RED",
    no_data: "ignore",
  } as const;
  const definitions = { signals, triggers: { t: trigger } };
  made.set(key, definitions);
  return definitions;
}

/** What our trigger is at every moment at which Prometheus evaluates its rule. */
export function triggerStates({ rule, every, values }: PromtoolCase, inclusive: boolean): AlertState[] {
  const judge = triggerJudge(definitionsFor(rule, every, inclusive));
  const samples = values.flatMap((value, index): Sample[] => {
    const at = index * every * 1_000;
    if (value === "_") return [];
    if (value === "stale") return [{ signal: "a", at, error: "the series has ended" }];
    return [{ signal: "a", at, value: value === "NaN" ? Number.NaN : value }];
  });
  let next = 0;
  return Array.from({ length: steps }, (_, step) => {
    const now = step * evaluated * 1_000;
    const from = next;
    while ((samples[next]?.at ?? Number.POSITIVE_INFINITY) <= now) next++;
    judge.judge(samples.slice(from, next), { now });
    const state = judge.statuses()[0]?.state;
    return state === "pending" || state === "firing" ? state : undefined;
  });
}

/** Asks `promtool test rules` whether Prometheus' alerts are what our triggers were, at every evaluation of every case. */
export async function compareWithPromtool(cases: readonly PromtoolCase[]): Promise<Agreement> {
  // Up to version 2 a sample of exactly five minutes still counts, so that the next evaluation is the first without it.
  const inclusive = promtoolVersion() < 3;
  const folder = await mkdtemp(join(tmpdir(), "backout-promtool-"));
  try {
    const file = join(folder, "test.json");
    await writeFile(join(folder, "rules.json"), JSON.stringify(rulesFile()));
    await writeFile(file, JSON.stringify(testFile(cases, inclusive)));
    const output = await testRules(file);
    const differences = differing(output);
    return { cases: cases.length, agreeing: cases.length - differences.length, differences };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export function promtoolVersion(): number {
  try {
    const text = execFileSync("promtool", ["--version"], { encoding: "utf8" });
    return Number(/version (\d+)/.exec(text)?.[1] ?? 2);
  } catch (error) {
    throw new Error("promtool is missing: apt-get install prometheus", { cause: error });
  }
}

const rulesFile = () => ({
  groups: [
    {
      name: "triggers",
      rules: rules.map((rule, index) => ({
        alert: `r${index}`,
        expr: `a{rule="${index}"} ${rule.compare}`,
        for: `${rule.for}s`,
        ...(rule.keepFiring === 0 ? {} : { keep_firing_for: `${rule.keepFiring}s` }),
      })),
    },
  ],
});

function testFile(cases: readonly PromtoolCase[], inclusive: boolean) {
  const numbered = cases.map((one, index) => ({ ...one, index, states: triggerStates(one, inclusive) }));
  const group = (every: number) => {
    const mine = numbered.filter((one) => one.every === every);
    return {
      interval: `${every}s`,
      input_series: mine.map(({ rule, index, values }) => ({
        series: `a{rule="${rules.indexOf(rule)}",case="${index}"}`,
        values: values.join(" "),
      })),
      promql_expr_test: Array.from({ length: steps }, (_, step) => ({
        expr: "ALERTS",
        eval_time: `${step * evaluated}s`,
        exp_samples: mine.flatMap(({ rule, index, states }) => {
          const state = states[step];
          const number = rules.indexOf(rule);
          const labels = `ALERTS{alertname="r${number}",alertstate="${state}",rule="${number}",case="${index}"}`;
          return state === undefined ? [] : [{ labels, value: 1 }];
        }),
      })),
    };
  };
  return {
    rule_files: ["rules.json"],
    evaluation_interval: `${evaluated}s`,
    tests: [group(evaluated), group(60)].filter(({ input_series: some }) => some.length > 0),
  };
}

/** It ends with 1 where anything differs, and with another number where it could not test at all. */
const testRules = (file: string): Promise<string> =>
  new Promise((resolve, reject) => {
    execFile("promtool", ["test", "rules", file], { maxBuffer: 2 ** 28 }, (error, stdout, stderr) => {
      const output = `${stdout}${stderr}`;
      if (error === null) resolve("");
      else if (error.code === 1 && /\bexp:/.test(output)) resolve(output);
      else reject(new Error(`promtool test rules: ${output.slice(0, 2_000)}`));
    });
  });

/** Cases with an alert that only one of both has, each once, with the first moment at which it is so. */
function differing(output: string): string[] {
  const found = new Map<string, string>();
  for (const [, time = "", expected = "", got = ""] of output.matchAll(
    /time: (\w+),?\s*exp:\s?([^\n]*)\s*got:\s?([^\n]*)/g,
  )) {
    const alerts = (text: string) => new Set(text.match(/\{[^}]*\}/g));
    const [ours, theirs] = [alerts(expected), alerts(got)];
    for (const alert of [...ours, ...theirs]) {
      if (ours.has(alert) && theirs.has(alert)) continue;
      const number = /case="(\d+)"/.exec(alert)?.[1] ?? "?";
      if (!found.has(number))
        found.set(
          number,
          `case ${number} at ${time}: ${ours.has(alert) ? "only ours" : "only Prometheus'"} ${alert}`,
        );
    }
  }
  return output === "" ? [] : [...found.values()];
}
