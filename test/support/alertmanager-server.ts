import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./free-port.js";
import { serverProcess } from "./server-process.js";

/** An Alertmanager of its own: temporary folder, free port; nothing is left after `stop`. */
export interface AlertmanagerServer {
  readonly url: string;
  readonly folder: string;
  /** As Prometheus would: firing until `resolve`. */
  fire(labels: Readonly<Record<string, string>>): Promise<void>;
  resolve(labels: Readonly<Record<string, string>>): Promise<void>;
  silence(labels: Readonly<Record<string, string>>): Promise<void>;
  halt(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** `webhook`: where it sends, at once and again every second. */
export async function alertmanagerServer(
  webhook: { readonly url: string; readonly token?: string } = { url: "http://127.0.0.1:9/" },
): Promise<AlertmanagerServer> {
  const folder = await mkdtemp(join(tmpdir(), "backout-alertmanager-"));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const http_config = webhook.token === undefined ? {} : { authorization: { credentials: webhook.token } };
  const times = { group_wait: "100ms", group_interval: "1s", repeat_interval: "1s" };
  const configuration = {
    route: { receiver: "backout", group_by: ["alertname"], ...times },
    receivers: [{ name: "backout", webhook_configs: [{ url: webhook.url, http_config }] }],
  };
  await writeFile(join(folder, "alertmanager.yml"), JSON.stringify(configuration));
  const launch = () =>
    serverProcess({
      program: "prometheus-alertmanager",
      package: "prometheus-alertmanager",
      cwd: folder,
      args: [
        "--config.file=alertmanager.yml",
        `--storage.path=${join(folder, "data")}`,
        `--web.listen-address=127.0.0.1:${port}`,
        "--cluster.listen-address=",
        "--log.level=warn",
      ],
      ready: async () => {
        const { ok } = await fetch(`${url}/-/ready`);
        if (!ok) throw new Error("not ready");
      },
    });
  let server = await launch();
  const post = async (path: string, body: unknown): Promise<void> => {
    const headers = { "content-type": "application/json" };
    const answer = await fetch(url + path, { method: "POST", headers, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`);
  };
  const inHours = (hours: number): string => new Date(Date.now() + hours * 3_600_000).toISOString();
  return {
    url,
    folder,
    fire: (labels) => post("/api/v2/alerts", [{ labels, endsAt: inHours(1) }]),
    resolve: (labels) => post("/api/v2/alerts", [{ labels, endsAt: inHours(-0.001) }]),
    silence: (labels) => {
      const matchers = Object.entries(labels).map(([name, value]) => ({ name, value, isRegex: false }));
      const silence = {
        matchers,
        startsAt: inHours(0),
        endsAt: inHours(1),
        createdBy: "test",
        comment: "test",
      };
      return post("/api/v2/silences", silence);
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
