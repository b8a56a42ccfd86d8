import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { freePort } from "./free-port.js";
import { serverProcess } from "./server-process.js";

/** A Prometheus of its own: temporary folder, free port, scrapes once a second; nothing is left after `stop`. */
export interface PrometheusServer {
  readonly url: string;
  readonly port: number;
  readonly folder: string;
  /** The value of an instant query that gives one series; `undefined` where it gives none. */
  value(query: string): Promise<number | undefined>;
  /** Waits until the query gives one series for which the condition holds, for at most two minutes: a busy machine misses scrapes. */
  until(query: string, holds?: (value: number | undefined) => boolean): Promise<void>;
  /** As a server that is down for a while; `start` brings it back on the same port with its data. */
  halt(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface PrometheusSetUp {
  /** `host:port` of each job's targets. */
  readonly jobs: Readonly<Record<string, readonly string[]>>;
  /** A rule file. */
  readonly rules?: string;
  /** What it has recorded before, in OpenMetrics' text format with times. */
  readonly recorded?: string;
  /** Of its web configuration file: TLS, users. */
  readonly web?: string;
  /** How its API is asked here, where it is not open to everybody. */
  readonly ask?: (url: string) => Promise<unknown>;
  readonly scheme?: "http" | "https";
  /** `host:port` of an Alertmanager that gets its alerts. */
  readonly alertmanager?: string;
}

export async function prometheusServer(setUp: PrometheusSetUp): Promise<PrometheusServer> {
  const folder = await mkdtemp(join(tmpdir(), "backout-prometheus-"));
  const port = await freePort();
  const url = `${setUp.scheme ?? "http"}://127.0.0.1:${port}`;
  await writeFile(join(folder, "prometheus.yml"), configuration(setUp));
  if (setUp.rules !== undefined) await writeFile(join(folder, "rules.yml"), setUp.rules);
  if (setUp.recorded !== undefined) await backfill(folder, setUp.recorded);
  if (setUp.web !== undefined) await writeFile(join(folder, "web.yml"), setUp.web);
  const ask = (path: string) => (setUp.ask ?? askJson)(url + path);
  const launch = () =>
    serverProcess({
      program: "prometheus",
      package: "prometheus",
      cwd: folder,
      args: [
        "--config.file=prometheus.yml",
        `--storage.tsdb.path=${join(folder, "data")}`,
        `--web.listen-address=127.0.0.1:${port}`,
        "--log.level=warn",
        ...(setUp.web === undefined ? [] : ["--web.config.file=web.yml"]),
      ],
      ready: () => ask("/api/v1/query?query=1"),
    });
  let server = await launch();
  const value = async (query: string): Promise<number | undefined> => {
    const answer = (await ask(`/api/v1/query?query=${encodeURIComponent(query)}`)) as InstantAnswer;
    const { result } = answer.data;
    return result.length === 1 && result[0] !== undefined ? Number(result[0].value[1]) : undefined;
  };
  return {
    url,
    port,
    folder,
    value,
    until: async (query, holds = (found) => found !== undefined) => {
      for (let left = 1_200; left > 0; left--) {
        if (holds(await value(query))) return;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      throw new Error(`Prometheus: "${query}" gives ${await value(query)} after two minutes`);
    },
    halt: () => server.stop(),
    start: async () => {
      server = await launch();
    },
    stop: async () => {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Written as blocks, so that a whole day is there at once. */
async function backfill(folder: string, recorded: string): Promise<void> {
  const file = join(folder, "recorded.txt");
  await writeFile(file, recorded);
  const args = ["tsdb", "create-blocks-from", "openmetrics", file, join(folder, "data")];
  await promisify(execFile)("promtool", args, { maxBuffer: 2 ** 26 });
  await rm(file);
}

interface InstantAnswer {
  readonly data: { readonly result: readonly { readonly value: readonly [number, string] }[] };
}

async function askJson(url: string): Promise<unknown> {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}`);
  return answer.json();
}

function configuration({ jobs, rules, alertmanager }: PrometheusSetUp): string {
  const scrapes = Object.entries(jobs).map(([job_name, targets]) => ({
    job_name,
    static_configs: [{ targets }],
  }));
  const alerting = { alertmanagers: [{ static_configs: [{ targets: [alertmanager] }] }] };
  return JSON.stringify({
    global: { scrape_interval: "1s", scrape_timeout: "1s", evaluation_interval: "1s" },
    ...(rules === undefined ? {} : { rule_files: ["rules.yml"] }),
    ...(alertmanager === undefined ? {} : { alerting }),
    scrape_configs: scrapes,
  });
}
