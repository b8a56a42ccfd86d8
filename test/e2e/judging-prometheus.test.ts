import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Report } from "../../src/core/report/report-types.js";
import { type Load, startLoad } from "../../src/demo/load.js";
import { openScope, type Scope } from "../../src/demo/scope.js";
import { buildSystem, type System, startSystem, writePlaybook } from "../../src/demo/system.js";
import { backout, type Ended, type Started, startBackout } from "../support/backout-process.js";
import { type PrometheusServer, prometheusServer } from "../support/prometheus-server.js";

const example = fileURLToPath(new URL("../../examples/demo-app", import.meta.url));
const node = (cwd: string, ...args: string[]) => promisify(execFile)(process.execPath, args, { cwd });

let scope: Scope;
let system: System;
let load: Load;
let prometheus: PrometheusServer;
let environment: Record<string, string>;

const failing = 'sum(rate(shop_requests_total{code=~"5.."}[15s])) / sum(rate(shop_requests_total[15s]))';

/** The playbook of the example, judged by what Prometheus has scraped. */
function watchByPrometheus(url: string, check: boolean): void {
  const file = join(scope.root, "backout.yaml");
  const asks = `driver: prometheus\n    with: { url: "${url}", query: '${failing}', unit: ratio }\n    every: 1s\n    timeout: 2s`;
  const text = readFileSync(file, "utf8")
    .replace(
      /(?<=^ {2}failing:\n) {4}driver: http\n {4}with: .*\n {4}every: .*\n {4}timeout: .*$/m,
      `    ${asks}`,
    )
    .replace("when: failing > 0.1", "when: failing > 0.05")
    .replace(
      /^checks:\n/m,
      check
        ? `checks:\n  monitored:\n    driver: prometheus\n    with: { url: "${url}", targets: {} }\n    within: 3s\n`
        : "checks:\n",
    );
  expect(text).toContain(failing);
  writeFileSync(file, text);
}

beforeEach(async () => {
  scope = openScope();
  system = await startSystem(scope, buildSystem(example, scope.root));
  const identity = await generateX25519Identity();
  environment = { SHOP_IDENTITY: identity };
  writePlaybook(scope.root, { port: system.port, recipient: await identityToRecipient(identity) });
  await node(scope.root, "appctl.mjs", "start");
  load = startLoad(system.port);
  prometheus = await prometheusServer({ jobs: { shop: [`127.0.0.1:${system.port}`] } });
});

afterEach(async () => {
  await load.stop();
  await prometheus.stop();
  await scope.end();
});

const run = (...args: string[]): Promise<Ended> => backout({ cwd: scope.root, environment }, ...args);

/** Watches until it has been green, then deploys the release that fails two of five reads. */
async function breakIt(): Promise<Started> {
  await prometheus.until(failing, (ratio) => ratio === 0);
  const taken = await run("checkpoint", "--change", "v2");
  expect(taken.status, taken.stdout + taken.stderr).toBe(0);
  const watch = startBackout({ cwd: scope.root, environment }, "watch", "--change", "v2");
  await watch.said("GREEN");
  await node(scope.root, "deploy.mjs", "v2");
  return watch;
}

const release = async (): Promise<unknown> =>
  ((await (await fetch(`http://127.0.0.1:${system.port}/health`)).json()) as { release: string }).release;

test("V04 errors above 5 % as a real Prometheus has scraped them roll the demo application back by themselves", async () => {
  watchByPrometheus(prometheus.url, true);
  const ended = await (await breakIt()).ended;
  expect(ended.status, ended.stdout + ended.stderr).toBe(0);
  expect(ended.stdout).toContain("rolled back and verified");
  expect(await release()).toBe("v1");
  const { stdout } = await run("report", "--json");
  const report = JSON.parse(stdout) as Report;
  expect(report.trigger).toMatchObject({
    verdict: "RED",
    triggers: expect.arrayContaining([
      expect.objectContaining({ trigger: "orders_fail", when: "failing > 0.05" }),
    ]),
    signals: expect.arrayContaining([
      expect.objectContaining({
        signal: "failing",
        driver: "prometheus",
        with: expect.objectContaining({ query: failing }),
      }),
    ]),
  });
  // Afterwards the same Prometheus sees that it is good again.
  await prometheus.until(failing, (ratio) => ratio === 0);
});

test("H65 a Prometheus that dies in the middle of a rollback does not fail it; what it was to verify is not known", async () => {
  watchByPrometheus(prometheus.url, true);
  const watch = await breakIt();
  await watch.said("db.stage           started");
  await prometheus.halt();
  const ended = await watch.ended;
  // Everything was brought back and the other checks passed: not verified, and not failed.
  expect(ended.status, ended.stdout + ended.stderr).toBe(3);
  expect(await release()).toBe("v1");
  const report = JSON.parse((await run("report", "--json")).stdout) as Report;
  expect(report.outcome).toBe("unverified");
  const results = report.checks.map(({ step, result }) => `${step} ${result}`);
  expect(results.filter((one) => one.includes("monitored"))).toEqual([expect.stringMatching(/error$/)]);
  expect(results.filter((one) => !one.includes("monitored")).every((one) => one.endsWith("passed"))).toBe(
    true,
  );
});
