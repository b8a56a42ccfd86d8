import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import type { DriverContext } from "../../core/driver.js";
import type { ChosenContext } from "./kubeconfig.js";

/** Sockets that nobody has used for so long are closed here, well before a server or a balancer would do it. */
const idleMs = 15_000;

const agents = new Map<string, HttpAgent | HttpsAgent>();

/**
 * Connections of this process to one API server, used again by whoever comes next: a run opens none where its watch has
 * some already. Idle ones do not keep the process alive.
 */
export async function sharedAgent(
  { cluster }: ChosenContext,
  server: URL,
  { host }: Pick<DriverContext, "host">,
): Promise<HttpAgent | HttpsAgent> {
  const common = { keepAlive: true, maxSockets: 256, scheduling: "lifo", timeout: idleMs } as const;
  const secure = server.protocol !== "http:";
  const options = secure ? { ...common, ...(await trustOf(cluster, host)) } : common;
  const key = JSON.stringify([server.origin, options]);
  const known = agents.get(key);
  if (known !== undefined) return known;
  const made = secure ? new HttpsAgent(options) : new HttpAgent(options);
  agents.set(key, made);
  return made;
}

async function trustOf(cluster: ChosenContext["cluster"], host: DriverContext["host"]) {
  const data = cluster["certificate-authority-data"];
  const path = cluster["certificate-authority"];
  const ca =
    data === undefined
      ? path && Buffer.from(await host.files.read(path)).toString()
      : Buffer.from(data, "base64").toString();
  const servername = cluster["tls-server-name"];
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(servername === undefined ? {} : { servername }),
    rejectUnauthorized: cluster["insecure-skip-tls-verify"] !== true,
  };
}
