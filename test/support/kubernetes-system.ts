import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { contentDigest } from "../../src/core/content-digest.js";
import { canonicalJson, type JsonObject } from "../../src/core/json.js";
import type { TargetFixture } from "../../src/drivers/testing/target-fixture.js";
import { kubeconfigText } from "./kubernetes-cluster.js";
import { app, kubernetesWorld, template, until, type World } from "./kubernetes-world.js";
import type { TestCluster } from "./test-cluster.js";

/** A small system in a namespace, with one object of each kind. */
export interface KubernetesSystem extends TargetFixture {
  readonly cluster: World;
}

export const configured = {
  envFrom: [{ configMapRef: { name: "settings" } }],
  env: [{ name: "KEY", valueFrom: { secretKeyRef: { name: "keys", key: "key" } } }],
};
const base64 = (text: string): string => Buffer.from(text).toString("base64");

const backend = (name: string) => ({ defaultBackend: { service: { name, port: { number: 80 } } } });
const scale = (kind: string, name: string) => ({ apiVersion: "apps/v1", kind, name });

/** Everything of a small system, each of its kind once. */
async function bringUp(world: World): Promise<void> {
  await world.create("configmaps", { metadata: { name: "settings" }, data: { MODE: "good" } });
  await world.create("secrets", { metadata: { name: "keys" }, data: { key: base64("key-of-old") } });
  const api = app({ replicas: 1 }) as { spec: object };
  await world.create("deployments", { ...api, spec: { ...api.spec, template: template(configured) } });
  await world.create("statefulsets", {
    metadata: { name: "db" },
    spec: {
      ...{ replicas: 2, serviceName: "db", selector: { matchLabels: { app: "db" } } },
      template: template({ name: "db" }),
    },
  });
  await world.create("daemonsets", {
    metadata: { name: "agent" },
    spec: { selector: { matchLabels: { app: "agent" } }, template: template({ name: "agent" }) },
  });
  await world.create(
    "services",
    { metadata: { name: "db" }, spec: { clusterIP: "None", selector: { app: "db" }, ports: [{ port: 80 }] } },
    {
      metadata: { name: "api" },
      spec: { selector: { app: "api" }, ports: [{ port: 80, targetPort: 8080 }] },
    },
  );
  await world.create("horizontalpodautoscalers", {
    metadata: { name: "api" },
    spec: { scaleTargetRef: scale("Deployment", "api"), minReplicas: 1, maxReplicas: 3 },
  });
  await world.create("poddisruptionbudgets", {
    metadata: { name: "db" },
    spec: { minAvailable: 1, selector: { matchLabels: { app: "db" } } },
  });
  await world.create("ingresses", {
    metadata: { name: "shop", annotations: { "example.com/limit": "10" } },
    spec: backend("api"),
  });
}

async function allReady(world: World): Promise<void> {
  await world.ready("api");
  await until("the StatefulSet and the DaemonSet to be ready", async () => {
    const db = await world.get<Status>("statefulsets/db");
    const agent = await world.get<Status>("daemonsets/agent");
    return (
      db?.status.observedGeneration === db?.metadata.generation &&
      db?.status.readyReplicas === 2 &&
      db.status.updateRevision === db.status.currentRevision &&
      agent?.status.observedGeneration === agent?.metadata.generation &&
      // On every node that takes it.
      (agent?.status.desiredNumberScheduled ?? 0) > 0 &&
      agent?.status.numberAvailable === agent?.status.desiredNumberScheduled &&
      agent?.status.updatedNumberScheduled === agent?.status.desiredNumberScheduled
    );
  });
}

export interface Status {
  readonly metadata: { readonly generation: number; readonly uid: string };
  readonly status: {
    readonly observedGeneration?: number;
    readonly readyReplicas?: number;
    readonly updateRevision?: string;
    readonly currentRevision?: string;
    readonly desiredNumberScheduled?: number;
    readonly numberAvailable?: number;
    readonly updatedNumberScheduled?: number;
  };
}

interface Anything {
  readonly metadata: { readonly annotations?: JsonObject };
  readonly data?: JsonObject;
  readonly spec?: JsonObject & {
    template?: { metadata: { annotations?: JsonObject } };
    replicas?: number;
    clusterIP?: string;
    clusterIPs?: string[];
    revisionHistoryLimit?: number;
  };
}

const places = [
  ...["deployments/api", "statefulsets/db", "daemonsets/agent", "configmaps/settings", "secrets/keys"],
  ...[
    "services/api",
    "services/db",
    "horizontalpodautoscalers/api",
    "poddisruptionbudgets/db",
    "ingresses/shop",
  ],
];

/** What people had written: without what the cluster adds, and without marks of restarts. */
async function seen(world: World): Promise<JsonObject> {
  const all = await Promise.all(
    places.map(async (place) => {
      const found = await world.get<Anything>(place);
      if (found === undefined) return [place, null] as const;
      const { data, spec, metadata } = found;
      if (spec?.template !== undefined) delete spec.template.metadata.annotations;
      delete spec?.clusterIP;
      delete spec?.clusterIPs;
      // Raised on the way, when there have been many rollouts.
      delete spec?.revisionHistoryLimit;
      const annotations = place.startsWith("ingresses") ? metadata.annotations : {};
      return [place, { data: data ?? null, spec: spec ?? null, annotations: annotations ?? {} }] as const;
    }),
  );
  return Object.fromEntries(all);
}

export async function kubernetesSystem(up: TestCluster, more: JsonObject): Promise<KubernetesSystem> {
  const folder = await mkdtemp(join(tmpdir(), "backout-kubernetes-namespace-"));
  const world = await kubernetesWorld(up);
  await bringUp(world);
  await allReady(world);
  await writeFile(join(folder, "nobody.json"), kubeconfigText(up.server, up.tokens.nobody));
  const then = canonicalJson(await seen(world));
  return {
    ...{ folder, cluster: world },
    options: { kubeconfig: up.kubeconfig, namespace: world.namespace, ...more },
    secrets: ["key-of-old", base64("key-of-old"), "key-of-new", base64("key-of-new")],
    break: async () => {
      await world.patch("configmaps/settings", { data: { MODE: "bad", MORE: "1" } });
      await world.patch("secrets/keys", { data: { key: base64("key-of-new") } });
      await world.patch("deployments/api", {
        spec: { template: template({ ...configured, image: "app:v2" }) },
      });
      await world.patch("statefulsets/db", {
        spec: { template: template({ name: "db", image: "app:v2" }) },
      });
      await world.patch("daemonsets/agent", {
        spec: { template: template({ name: "agent", env: [{ name: "LEVEL", value: "high" }] }) },
      });
      await world.patch("services/api", { spec: { selector: { app: "elsewhere" } } });
      await world.patch("horizontalpodautoscalers/api", { spec: { maxReplicas: 9 } });
      await world.patch("poddisruptionbudgets/db", { spec: { minAvailable: 2 } });
      await world.patch("ingresses/shop", {
        metadata: { annotations: { "example.com/limit": "1" } },
        spec: backend("db"),
      });
    },
    isGood: async () => {
      expect(canonicalJson(await seen(world))).toBe(then);
      await allReady(world);
    },
    world: async () => contentDigest(await seen(world)),
    cleanUp: async () => {
      await world.cleanUp();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
