import { afterEach, beforeEach, expect, test } from "vitest";
import type { Report } from "../../src/core/report/report-types.js";
import { type AlertmanagerServer, alertmanagerServer } from "../support/alertmanager-server.js";
import { backout, type Ended, jsonLines, type Started, startBackout } from "../support/backout-process.js";
import { freePort } from "../support/free-port.js";
import { type MetricsTarget, metricsTarget } from "../support/metrics-target.js";
import { type PrometheusServer, prometheusServer } from "../support/prometheus-server.js";
import { type SmallSystem, smallSystem } from "../support/small-system.js";

const token = "al3rt-t0ken-Zz19";
const rules = JSON.stringify({
  groups: [
    {
      name: "shop",
      rules: [
        { alert: "Watchdog", expr: "vector(1)" },
        { alert: "Slow", expr: "shop_p95_seconds > 0.5", for: "2s", labels: { severity: "critical" } },
      ],
    },
  ],
});

let system: SmallSystem;
let metrics: MetricsTarget;
let alertmanager: AlertmanagerServer;
let prometheus: PrometheusServer;
let port: number;

beforeEach(async () => {
  system = await smallSystem();
  metrics = await metricsTarget();
  metrics.set("shop_p95_seconds", 0.2);
  port = await freePort();
  alertmanager = await alertmanagerServer({ url: `http://127.0.0.1:${port}/`, token });
  const address = new URL(alertmanager.url).host;
  prometheus = await prometheusServer({ jobs: { shop: [metrics.address] }, rules, alertmanager: address });
  await prometheus.until("shop_p95_seconds");
});

afterEach(async () => {
  await prometheus.stop();
  await alertmanager.stop();
  await metrics.close();
  await system.remove();
});

const place = () => ({ cwd: system.folder, environment: { ...system.environment, ALERT_TOKEN: token } });
const run = (...args: string[]): Promise<Ended> => backout(place(), ...args);

function judgeBy(signal: string, trigger: string): void {
  const text = system
    .read("backout.yaml")
    .replace(/^signals:\n[^]*?^triggers:\n.*\n/m, `signals:\n  ${signal}\ntriggers:\n  ${trigger}\n`)
    .replace("when: errors,", "when: slow,");
  system.write("backout.yaml", `${text}watch: { baseline: 2s }\n`);
}

/** Checkpoint, watch until it is GREEN, deploy, and the release is slow. */
async function deploySlow(): Promise<Started> {
  const taken = await run("checkpoint", "--change", "v2");
  expect(taken.status, taken.stdout + taken.stderr).toBe(0);
  const watch = startBackout(place(), "watch", "--change", "v2");
  await watch.said("GREEN");
  system.deploy();
  metrics.set("shop_p95_seconds", 0.7);
  return watch;
}

async function rolledBack(watch: Started): Promise<Report> {
  const ended = await watch.ended;
  expect(ended.status, ended.stdout + ended.stderr).toBe(0);
  expect(ended.stdout).toContain("rolled back and verified");
  expect(system.items()).toEqual(["one", "two"]);
  expect(ended.stdout + ended.stderr).not.toContain(token);
  return JSON.parse((await run("report", "--json")).stdout) as Report;
}

test("V04 an alert of a real Prometheus, sent by a real Alertmanager, rolls back by itself", async () => {
  const listen = `{ port: ${port}, bearer: "\${env:ALERT_TOKEN}", heartbeat: 5s }`;
  judgeBy(
    `alerts: { driver: alertmanager, with: { listen: ${listen}, match: { severity: critical }, watchdog: Watchdog }, every: 500ms }`,
    "slow: { when: alerts > 0, level: RED }",
  );
  const report = await rolledBack(await deploySlow());
  expect(report.trigger).toMatchObject({
    verdict: "RED",
    triggers: [expect.objectContaining({ trigger: "slow", when: "alerts > 0" })],
    signals: [expect.objectContaining({ signal: "alerts", driver: "alertmanager" })],
  });
  expect(JSON.stringify(report)).not.toContain(token);
});

test("L08 three times as slow as the checkpoint's baseline, by a real Prometheus, rolls back by itself", async () => {
  judgeBy(
    `p95: { driver: prometheus, with: { url: "${prometheus.url}", query: shop_p95_seconds, unit: s }, every: 500ms, timeout: 5s }`,
    "slow: { when: p95 > 3 * baseline(p95), for: 1s, level: RED }",
  );
  const watch = await deploySlow();
  const report = await rolledBack(watch);
  const [checkpoint] = jsonLines((await run("checkpoints", "show", "latest", "--json")).stdout);
  expect(checkpoint).toMatchObject({ checkpoint: { baselines: { p95: 0.2 } } });
  expect(JSON.stringify(report.trigger)).toContain('"baseline(p95)":0.2');
});
