import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { request } from "node:https";
import { text } from "node:stream/consumers";
import { freePort } from "./free-port.js";
import { metricsGroup, metricsResources, type PodList, podMetrics } from "./pod-metrics.js";

/** Between a client and a Kubernetes 1.20. */
export interface CurrentVersions {
  readonly server: string;
  /** `PUT /apis/policy/v1/namespaces/…`, each call that came. */
  readonly calls: readonly string[];
  stop(): Promise<void>;
}

/** Group → the version of a current cluster, and the one of 1.20 with the same contents. */
const moved: Readonly<Record<string, readonly [current: string, old: string]>> = {
  autoscaling: ["v2", "v2beta2"],
  policy: ["v1", "v1beta1"],
};
/** Group → what a current cluster (1.26 and later) has of those that have changed. */
const served: Readonly<Record<string, readonly string[]>> = {
  ...{ autoscaling: ["v2", "v1"], policy: ["v1"], "networking.k8s.io": ["v1"], extensions: [] },
};

/**
 * A stand-in for a current cluster, as far as versions go: a real API server of 1.20 answers, and here discovery and the
 * names of API versions become those of today; the older names are gone. It has a metrics server as well. All else is handed
 * on as it is.
 */
export async function currentVersions(old: string): Promise<CurrentVersions> {
  const calls: string[] = [];
  const server = createServer((incoming, outgoing) => {
    calls.push(`${incoming.method} ${incoming.url}`);
    handle(old, incoming, outgoing).catch((error: unknown) => outgoing.destroy(error as Error));
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    ...{ server: `http://127.0.0.1:${port}`, calls },
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function handle(old: string, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const url = incoming.url ?? "/";
  const [, group = "", version = ""] = /^\/apis\/([^/?]+)\/([^/?]+)/.exec(url) ?? [];
  if (served[group]?.includes(version) === false) return gone(outgoing);
  if (group === metricsGroup.name) {
    const pods = async () =>
      JSON.parse(await text(await ask(`${old}/api/v1${placeOf(url)}`, incoming, ""))) as PodList;
    const answer = placeOf(url) === undefined ? metricsResources : podMetrics(await pods());
    return void outgoing.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer));
  }
  const [current, former] = moved[group] ?? [];
  const changed = version !== "" && version === current;
  const whole = (name: string | undefined) => `"${group}/${name}"`;
  const body = await text(incoming);
  const sent = changed ? body.replaceAll(whole(current), whole(former)) : body;
  const answer = await ask(
    `${old}${changed ? url.replace(`/${group}/${current}`, `/${group}/${former}`) : url}`,
    incoming,
    sent,
  );
  outgoing.writeHead(answer.statusCode ?? 502, { "content-type": answer.headers["content-type"] });
  if (url === "/apis") return void outgoing.end(groupsOf(await text(answer)));
  outgoing.on("close", () => answer.destroy());
  if (!changed) return void answer.pipe(outgoing);
  outgoing.end((await text(answer)).replaceAll(whole(former), whole(current)));
}

/** `/namespaces/shop/pods?labelSelector=…`: the same pods as in the core group. */
const placeOf = (url: string): string | undefined => /\/namespaces\/[^/]+\/pods(\?.*)?$/.exec(url)?.[0];

function ask(url: string, { method, headers }: IncomingMessage, body: string): Promise<IncomingMessage> {
  const { authorization, accept, "content-type": type } = headers;
  const sent = { authorization, accept, "content-type": type, "content-length": Buffer.byteLength(body) };
  const given = Object.entries(sent).filter(([, value]) => value !== undefined);
  return new Promise((resolve, reject) => {
    const options = { method, headers: Object.fromEntries(given), rejectUnauthorized: false };
    request(url, options, resolve).on("error", reject).end(body);
  });
}

interface Groups {
  readonly groups: readonly { readonly name: string; readonly versions: readonly object[] }[];
}

function groupsOf(answer: string): string {
  const list = JSON.parse(answer) as Groups;
  const groups = list.groups.flatMap((one) => {
    const versions = served[one.name];
    if (versions?.length === 0) return [];
    if (versions === undefined) return [one];
    const named = versions.map((version) => ({ groupVersion: `${one.name}/${version}`, version }));
    return [{ ...one, versions: named, preferredVersion: named[0] }];
  });
  return JSON.stringify({ ...list, groups: [...groups, metricsGroup] });
}

function gone(outgoing: ServerResponse): void {
  const message = "the server could not find the requested resource";
  const status = {
    kind: "Status",
    apiVersion: "v1",
    status: "Failure",
    message,
    reason: "NotFound",
    code: 404,
  };
  outgoing.writeHead(404, { "content-type": "application/json" }).end(JSON.stringify(status));
}
