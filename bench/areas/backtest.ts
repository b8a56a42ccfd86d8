import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { prometheusServer } from "../../test/support/prometheus-server.js";
import { recordedText } from "../../test/support/recorded-series.js";
import { type Figure, figure } from "../figure.js";
import { backout } from "../program.js";
import { inTurn, timeProcess } from "../timed.js";

const signals = 100;
const every = 15_000;
const day = 86_400_000;

/** A day out of a real Prometheus, as a whole process; and what asking for the same costs without any judging. */
export async function backtesting(): Promise<Figure[]> {
  const to = Math.floor(Date.now() / every) * every - 3_600_000;
  const series = Array.from({ length: signals }, (_, index) => ({
    metric: `s${index}`,
    value: (at: number) => noise(at / every + index),
  }));
  const folder = mkdtempSync(join(tmpdir(), "backout-bench-"));
  const recorded = recordedText(series, { from: to - day - 600_000, to, every });
  const prometheus = await prometheusServer({ jobs: {}, recorded });
  try {
    writeFileSync(join(folder, "backout.yaml"), playbook(prometheus.url));
    const stretch = ["--from", "24h", "--to", new Date(to).toISOString(), "--json"];
    const ms = await inTurn(3, () =>
      timeProcess([process.execPath, backout, "backtest", ...stretch], { cwd: folder }),
    );
    const alone = await inTurn(3, () => askAlone(prometheus.url, to));
    return [
      figure({
        area: "backtest",
        figure: "24 h out of Prometheus",
        unit: "ms",
        values: ms,
        most: 5_000,
        against: `whole process, ${signals} signals every 15 s, ${2 * signals} triggers; the answers alone ${middle(alone).toFixed(0)} ms`,
      }),
    ];
  } finally {
    await prometheus.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function askAlone(url: string, to: number): Promise<number> {
  const started = performance.now();
  for (let index = 0; index < signals; index++) {
    const asked = { query: `s${index}`, start: `${(to - day) / 1_000}`, end: `${to / 1_000}`, step: "15" };
    const answer = await fetch(`${url}/api/v1/query_range?${new URLSearchParams(asked)}`);
    if (!answer.ok) throw new Error(`Prometheus answers ${answer.status}`);
    await answer.text();
  }
  return performance.now() - started;
}

const middle = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

function playbook(url: string): string {
  const each = (line: (index: number) => string): string[] =>
    Array.from({ length: signals }, (_, i) => line(i));
  const lines = [
    "backout: 1",
    "system: shop",
    "targets: { app: { driver: sqlite, with: { file: app.db } } }",
    "signals:",
    ...each((i) => `  s${i}: { driver: prometheus, with: { url: "${url}", query: s${i} }, every: 15s }`),
    "triggers:",
    ...each((i) => `  a${i}: { when: s${i} > 0.7, for: 45s, level: YELLOW }`),
    ...each((i) => `  b${i}: { when: 'avg(s${i}, "5m") > 0.6', for: 1m, level: RED }`),
    'decisions:\n  - { when: verdict == "RED", say: look }',
  ];
  return `${lines.join("\n")}\n`;
}

/** Between 0 and 1, without rhythm. */
const noise = (seed: number): number => {
  const value = Math.sin(seed * 12.9898) * 43_758.5453;
  return value - Math.floor(value);
};
