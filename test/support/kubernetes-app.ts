import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { contentDigest } from "../../src/core/content-digest.js";
import { canonicalJson, type Json, type JsonObject } from "../../src/core/json.js";
import type { TargetFixture } from "../../src/drivers/testing/target-fixture.js";
import { kubeconfigText } from "./kubernetes-cluster.js";
import { app, kubernetesWorld, template, type World } from "./kubernetes-world.js";
import type { TestCluster } from "./test-cluster.js";

export const settings = { envFrom: [{ configMapRef: { name: "settings" } }] };
const good = () => template({ ...settings, env: [{ name: "TOKEN", value: "plain-secret" }] });

export interface Deployed {
  readonly metadata: { readonly uid: string; readonly annotations?: Readonly<Record<string, string>> };
  readonly spec: {
    readonly replicas: number;
    readonly revisionHistoryLimit: number;
    readonly template: {
      metadata: { annotations?: Record<string, string> };
      readonly spec: {
        readonly containers: readonly { readonly image: string; readonly readinessProbe: Json }[];
      };
    };
  };
}

/** One Deployment `api` with settings and a Service. */
export interface KubernetesApp extends TargetFixture {
  readonly world$: World;
}

/** What was applied by us, without marks of restarts. */
async function seen(world: World): Promise<JsonObject> {
  const deployment = await world.get<Deployed>("deployments/api");
  const map = await world.get<{ data: JsonObject }>("configmaps/settings");
  const service = await world.get<{ spec: { selector: JsonObject } }>("services/api");
  const { template, replicas } = deployment?.spec ?? { template: null, replicas: 0 };
  if (template !== null) delete template.metadata.annotations;
  return {
    template: template as unknown as Json,
    replicas,
    data: map?.data ?? null,
    selector: service?.spec.selector ?? null,
  };
}

export async function kubernetesApp(
  up: TestCluster,
  more: JsonObject = {},
  replicas = 2,
): Promise<KubernetesApp> {
  const folder = await mkdtemp(join(tmpdir(), "backout-kubernetes-target-"));
  const world = await kubernetesWorld(up);
  await world.create("configmaps", { metadata: { name: "settings" }, data: { MODE: "good", LEVEL: "1" } });
  const object = app({ replicas }) as { spec: { template: object } };
  // All new pods at once: what is tested here is not how long a rollout takes.
  const strategy = { type: "RollingUpdate", rollingUpdate: { maxSurge: 2, maxUnavailable: 0 } };
  await world.create("deployments", { ...object, spec: { ...object.spec, strategy, template: good() } });
  await world.create("services", {
    metadata: { name: "api" },
    spec: { selector: { app: "api" }, ports: [{ port: 80, targetPort: 8080 }] },
  });
  await world.ready("api");
  await writeFile(join(folder, "expired.json"), kubeconfigText(up.server, "expired-token"));
  await writeFile(join(folder, "nobody.json"), kubeconfigText(up.server, up.tokens.nobody));
  await writeFile(join(folder, "nowhere.json"), kubeconfigText("https://127.0.0.1:1", "x"));
  const then = canonicalJson(await seen(world));
  return {
    folder,
    world$: world,
    options: { kubeconfig: up.kubeconfig, namespace: world.namespace, deployment: "api", ...more },
    secrets: [...Object.values(up.tokens), "plain-secret"],
    break: async () => {
      await world.patch("configmaps/settings", { data: { MODE: "bad" } });
      await world.patch("deployments/api", {
        spec: { template: template({ ...settings, image: "app:v2", first: "false" }) },
      });
    },
    isGood: async () => {
      expect(canonicalJson(await seen(world))).toBe(then);
      await world.ready("api");
    },
    world: async () => contentDigest(await seen(world)),
    cleanUp: async () => {
      await world.cleanUp();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
