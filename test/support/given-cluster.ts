import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connect, type Kubernetes } from "../../src/clients/kubernetes/connect.js";
import { chooseContext } from "../../src/clients/kubernetes/kubeconfig.js";
import { BackoutError } from "../../src/core/errors.js";
import type { Json } from "../../src/core/json.js";
import { localHost } from "../../src/platform/local-host.js";
import { systemClock } from "../../src/platform/system-clock.js";
import {
  type ApiAnswer,
  deleteNamespaces,
  type LimitedUser,
  type TestCluster,
  testLabel,
} from "./test-cluster.js";

/**
 * The cluster of $KUBECONFIG, where its owner is its administrator. It has to have the images `app:v1` and `app:v2`
 * (test-images.sh). Only namespaces of the tests' own are touched, and removed by `stop`.
 */
export async function givenCluster(): Promise<TestCluster> {
  const folder = await mkdtemp(join(tmpdir(), "backout-given-cluster-"));
  const context = {
    ...{ name: "the given cluster", clock: systemClock, signal: new AbortController().signal },
    host: localHost({ baseDir: folder, redact: (text) => text }),
  };
  const { cluster, user } = await chooseContext({}, context);
  const kubeconfig = join(folder, "kubeconfig");
  const text = {
    clusters: [{ name: "given", cluster }],
    users: [{ name: "admin", user }],
    contexts: [{ name: "given", context: { cluster: "given", user: "admin" } }],
    "current-context": "given",
  };
  await writeFile(kubeconfig, JSON.stringify(text), { mode: 0o600 });
  const api = await connect({ kubeconfig }, context);
  console.warn(`the tests of Kubernetes use ${api.server}, as $KUBECONFIG says`);
  const mark = `t${randomBytes(4).toString("hex")}`;
  const call = (method: string, path: string, body?: unknown) => callOf(api, method, path, body);
  const users = `backout-test-users-${mark}`;
  const stop = async (): Promise<void> => {
    await removeNamespaces(call, mark);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const metadata = { name: users, labels: { [testLabel]: mark } };
    await made(call, "/api/v1/namespaces", { metadata });
    const tokens = {
      reader: await tokenOf(call, users, "reader"),
      nobody: await tokenOf(call, users, "nobody"),
    };
    const subject = (name: LimitedUser) => ({ kind: "ServiceAccount", name, namespace: users });
    const subjects = { reader: subject("reader"), nobody: subject("nobody") };
    return { folder, kubeconfig, server: cluster.server ?? "", mark, tokens, subjects, call, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

type Caller = TestCluster["call"];

async function callOf(api: Kubernetes, method: string, path: string, body: unknown): Promise<ApiAnswer> {
  const [place = "", query = ""] = path.split("?");
  const contentType = method === "PATCH" ? "application/merge-patch+json" : "application/json";
  try {
    const text = await api.text({
      ...{ method: method as "GET", path: place, query: Object.fromEntries(new URLSearchParams(query)) },
      ...(body === undefined ? {} : { body: body as Json, contentType }),
    });
    return { status: 200, body: text };
  } catch (error) {
    const status =
      error instanceof BackoutError ? (error.details as { status?: number } | undefined)?.status : 0;
    if (!status) throw error;
    return { status, body: String(error) };
  }
}

async function made(call: Caller, path: string, body: object): Promise<string> {
  const answer = await call("POST", path, body);
  if (answer.status >= 300) throw new Error(`POST ${path}: ${answer.status}: ${answer.body}`);
  return answer.body;
}

async function tokenOf(call: Caller, namespace: string, name: LimitedUser): Promise<string> {
  const accounts = `/api/v1/namespaces/${namespace}/serviceaccounts`;
  await made(call, accounts, { metadata: { name } });
  const spec = { expirationSeconds: 7_200 };
  const body = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec };
  const answer = await made(call, `${accounts}/${name}/token`, body);
  return (JSON.parse(answer) as { status: { token: string } }).status.token;
}

async function removeNamespaces(call: Caller, mark: string): Promise<void> {
  for (let tries = 0; tries < 240; tries++) {
    if ((await deleteNamespaces(call, mark)) === 0) return;
    await sleep(500);
  }
  throw new Error(`namespaces with the label ${testLabel}=${mark} are still there: kubectl get namespaces`);
}
