import { execFile } from "node:child_process";
import { chownSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type DocumentedObject, documentedObjects } from "../support/documented-objects.js";
import { app, kubernetesWorld, template, until, type World } from "../support/kubernetes-world.js";
import { builtCluster } from "../support/suite-cluster.js";

/** What `docs/kubernetes.md` says about running in the cluster, done: its roles, its account, its Job. */

const up = builtCluster();
/** What is to be brought back, and where backout runs. */
let shop: World;
let own: World;
let documented: readonly DocumentedObject[];
let folder: string;

interface Job extends DocumentedObject {
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly containers: readonly { readonly volumeMounts: readonly object[] }[];
      };
    };
  };
}

interface Status {
  readonly status: { readonly succeeded?: number; readonly failed?: number };
}

interface Pods {
  readonly items: readonly {
    readonly metadata: { readonly name: string };
    readonly status: {
      readonly containerStatuses?: readonly {
        readonly state: { readonly terminated?: { readonly exitCode: number } };
      }[];
    };
  }[];
}

const plurals: Readonly<Record<string, string>> = {
  ...{ Role: "roles", RoleBinding: "rolebindings", ServiceAccount: "serviceaccounts" },
  ...{ ConfigMap: "configmaps", PersistentVolumeClaim: "persistentvolumeclaims" },
};

beforeAll(async () => {
  const image = fileURLToPath(new URL("../support/program-image.sh", import.meta.url));
  await promisify(execFile)("bash", [image], {
    env: { ...process.env, DOCKER_HOST: `unix://${join(up().folder, "docker.sock")}` },
  });
  [shop, own] = await Promise.all([kubernetesWorld(up()), kubernetesWorld(up())]);
  documented = documentedObjects({ shop: shop.namespace, backout: own.namespace });
  // As a machine's own disk; who provides storage sets the owner as the pod's `fsGroup` says.
  folder = mkdtempSync(join(tmpdir(), "backout-in-cluster-"));
  const disk = join(folder, "state");
  mkdirSync(disk);
  chownSync(folder, 1000, 1000);
  chownSync(disk, 1000, 1000);
  await shop.call("POST", "/api/v1/persistentvolumes", {
    metadata: { name: own.namespace },
    spec: {
      ...{ capacity: { storage: "5Gi" }, accessModes: ["ReadWriteOnce"], hostPath: { path: disk } },
      claimRef: { namespace: own.namespace, name: "backout-state" },
    },
  });
  for (const one of documented) {
    const plural = plurals[one.kind];
    if (plural === undefined) continue;
    await (one.metadata.namespace === shop.namespace ? shop : own).create(plural, one);
  }
  await shop.create("configmaps", { metadata: { name: "settings" }, data: { MODE: "good" } });
  await shop.create("deployments", app({ replicas: 1, envFrom: [{ configMapRef: { name: "settings" } }] }));
  await shop.ready("api");
}, 1_500_000);

afterAll(async () => {
  await shop?.call("DELETE", `/api/v1/persistentvolumes/${own.namespace}`);
  rmSync(folder, { recursive: true, force: true });
});

let jobs = 0;

/** The documented Job with other arguments. The cluster has no network for Services, so that it takes the node's. */
async function run(...args: readonly string[]): Promise<{ status: number | undefined; said: string }> {
  const job = documented.find((one): one is Job => one.kind === "Job") as Job;
  const [container] = job.spec.template.spec.containers;
  const name = `job-${++jobs}`;
  const { hostname, port } = new URL(up().server);
  const reached = [
    { name: "KUBERNETES_SERVICE_HOST", value: hostname },
    { name: "KUBERNETES_SERVICE_PORT", value: port },
  ];
  const changed = {
    ...container,
    ...{ image: "backout:test", imagePullPolicy: "Never", env: reached },
    args: [...args, "--file", "/playbook/backout.yaml"],
  };
  const { template: pod } = job.spec;
  const spec = { ...pod.spec, hostNetwork: true, containers: [changed] };
  await own.call("POST", `/apis/batch/v1/namespaces/${own.namespace}/jobs`, {
    ...{ ...job, metadata: { ...job.metadata, name } },
    spec: { ...job.spec, template: { ...pod, spec } },
  });
  await until(`the Job of ${args.join(" ")} to end`, async () => {
    const { status } = await own.call<Status>(
      "GET",
      `/apis/batch/v1/namespaces/${own.namespace}/jobs/${name}`,
    );
    return (status.succeeded ?? 0) + (status.failed ?? 0) > 0;
  });
  const list = await own.get<Pods>(`pods?labelSelector=job-name%3D${name}`);
  const [only] = list?.items ?? [];
  const log = await up().call("GET", `/api/v1/namespaces/${own.namespace}/pods/${only?.metadata.name}/log`);
  const [ended] = only?.status.containerStatuses ?? [];
  return { status: ended?.state.terminated?.exitCode, said: log.body };
}

test("the Job of the documentation, with the account and the rights of the documentation, takes a checkpoint, plans and rolls back", async () => {
  const checked = await run("check");
  expect(checked, checked.said).toMatchObject({ status: 0 });
  const taken = await run("checkpoint");
  expect(taken, taken.said).toMatchObject({ status: 0 });
  expect(taken.said).toMatch(/^checkpoint cp-/m);
  // A right of the whole cluster, which these roles do not give.
  expect(taken.said.replaceAll(/\s+/g, " ")).toContain(
    `api: not known: which nodes have the images, besides those that run them now: user "this pod's account" may not list nodes`,
  );
  await shop.patch("configmaps/settings", { data: { MODE: "bad" } });
  await shop.patch("deployments/api", { spec: { template: template({ image: "app:v2" }) } });
  const planned = await run("plan", "full");
  expect(planned, planned.said).toMatchObject({ status: 0 });
  expect(planned.said).toContain("Deployment/api/spec/template/spec/containers/app/image");
  const went = await run("rollback", "full", "--yes");
  expect(went, went.said).toMatchObject({ status: 0 });
  await shop.ready("api");
  expect(JSON.stringify(await shop.get("deployments/api"))).toContain('"image":"app:v1"');
  expect((await shop.get<{ data: object }>("configmaps/settings"))?.data).toEqual({ MODE: "good" });
  const status = await run("status");
  expect(status, status.said).toMatchObject({ status: 0 });
  expect(status.said).toContain("full");
});

test("an account without its rights, and a pod without an account: said as what it is, and nothing moves", async () => {
  await shop.remove("rolebindings/backout-look");
  const denied = await run("plan", "full");
  expect(denied, denied.said).toMatchObject({ status: 1 });
  expect(denied.said).toMatch(
    new RegExp(`User "system:serviceaccount:${own.namespace}:backout" cannot get resource "deployments"`),
  );
  await own.patch("serviceaccounts/backout", { automountServiceAccountToken: false });
  const nobody = await run("plan", "full");
  expect(nobody, nobody.said).toMatchObject({ status: 1 });
  expect(nobody.said).toMatch(/serviceaccount\/token: does not exist, so this pod has no account/);
});
