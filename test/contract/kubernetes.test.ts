import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Check } from "../../src/core/driver.js";
import type { JsonObject } from "../../src/core/json.js";
import { check, signal } from "../../src/drivers/kubernetes/index.js";
import { describeCheck } from "../../src/drivers/testing/check-contract.js";
import { type Contexts, contextsFor } from "../../src/drivers/testing/contexts.js";
import type { ReadingFixture } from "../../src/drivers/testing/reading-fixture.js";
import { describeSignal } from "../../src/drivers/testing/signal-contract.js";
import { rejection } from "../../src/drivers/testing/target-faults.js";
import { kubeconfigText } from "../support/kubernetes-cluster.js";
import { app, kubernetesWorld, template, until, type World } from "../support/kubernetes-world.js";
import { lookingRules, readerWith } from "../support/reader-rights.js";
import { builtCluster } from "../support/suite-cluster.js";

const up = builtCluster();

interface Fixture extends ReadingFixture {
  readonly world: World;
}

interface PodList {
  readonly items: readonly {
    readonly metadata: { readonly name: string };
    readonly status: {
      readonly containerStatuses?: readonly { readonly imageID: string; readonly state: object }[];
    };
  }[];
}

async function fixture(
  more: JsonObject,
  objects: (world: World) => Promise<void> = healthy,
): Promise<Fixture> {
  const folder = await mkdtemp(join(tmpdir(), "backout-kubernetes-test-"));
  const world = await kubernetesWorld(up());
  try {
    await objects(world);
  } catch (error) {
    await world.cleanUp();
    throw error;
  }
  const options = { kubeconfig: up().kubeconfig, namespace: world.namespace, deployment: "api", ...more };
  return {
    ...{ folder, world, options, secrets: Object.values(up().tokens) },
    cleanUp: async () => {
      await world.cleanUp();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function healthy(world: World): Promise<void> {
  await world.create("deployments", app());
  await world.create("services", {
    metadata: { name: "api" },
    spec: { selector: { app: "api" }, ports: [{ port: 80, targetPort: 8080 }] },
  });
  await world.create("poddisruptionbudgets", {
    metadata: { name: "api" },
    spec: { minAvailable: 1, selector: { matchLabels: { app: "api" } } },
  });
  await world.ready("api");
  await until("the budget to be looked at", async () => {
    const budget = await world.get<{ status?: { currentHealthy?: number } }>("poddisruptionbudgets/api");
    return budget?.status?.currentHealthy === 2;
  });
}

const pods = async (world: World): Promise<PodList["items"]> =>
  (await world.get<PodList>("pods?labelSelector=app%3Dapi"))?.items ?? [];

/** Patches the template, waits until the cluster shows what is to be seen; takes both back. */
async function changed(
  world: World,
  change: object,
  seen: () => Promise<boolean>,
): Promise<() => Promise<void>> {
  await world.patch("deployments/api", { spec: { template: change } });
  await until("the change to show", seen);
  return async () => {
    await world.patch("deployments/api", { spec: { template: template({}) } });
    await world.ready("api");
    await until("the old pods to be gone", async () => (await pods(world)).length === 2);
  };
}

const crashing = (world: World): Promise<() => Promise<void>> =>
  changed(world, template({ first: "false" }), async () =>
    JSON.stringify(await pods(world)).includes('"CrashLoopBackOff"'),
  );

const unreachable = {
  name: "no cluster",
  code: "UNREACHABLE",
  says: /https:\/\/127\.0\.0\.1:1: does not answer: ECONNREFUSED/,
} as const;

describe("one cluster", () => {
  const nowhere = { kubeconfig: "nowhere.json" };
  const written = async ({ folder }: Fixture): Promise<() => Promise<void>> => {
    await writeFile(join(folder, "nowhere.json"), kubeconfigText("https://127.0.0.1:1", "x"));
    await writeFile(join(folder, "expired.json"), kubeconfigText(up().server, "expired-token"));
    await writeFile(join(folder, "nobody.json"), kubeconfigText(up().server, up().tokens.nobody));
    await writeFile(join(folder, "garbage.json"), "token: [secret-in-garbage");
    return async () => undefined;
  };
  const faults = [
    { ...unreachable, arrange: written, options: ({ options }: Fixture) => ({ ...options, ...nowhere }) },
    {
      name: "expired credentials",
      code: "DENIED",
      arrange: written,
      options: ({ options }: Fixture) => ({ ...options, kubeconfig: "expired.json" }),
      says: /does not accept the credentials of \\?"user\\?"/,
    },
    {
      name: "no right",
      code: "DENIED",
      arrange: written,
      options: ({ options }: Fixture) => ({ ...options, kubeconfig: "nobody.json" }),
      says: /User \\+"nobody\\+" cannot get resource|User "nobody" cannot get resource/,
    },
    {
      name: "no such kubeconfig",
      code: "NOT_FOUND",
      options: ({ options }: Fixture) => ({ ...options, kubeconfig: "no-such-file" }),
      says: /no-such-file: does not exist/,
    },
    {
      name: "garbage in the kubeconfig",
      code: "REFUSED",
      arrange: written,
      options: ({ options }: Fixture) => ({ ...options, kubeconfig: "garbage.json" }),
      says: /garbage\.json: is not YAML/,
    },
    {
      name: "no such context",
      code: "NOT_FOUND",
      options: ({ options }: Fixture) => ({ ...options, context: "production" }),
      says: /there is no \\?"production\\?" among its contexts/,
    },
    {
      name: "no such Deployment",
      code: "NOT_FOUND",
      options: ({ options }: Fixture) => ({ ...options, deployment: "shop" }),
      says: /deployments\/shop: deployments\.apps \\?"shop\\?" not found/,
    },
    {
      name: "no such namespace",
      code: "NOT_FOUND",
      options: ({ options }: Fixture) => ({ ...options, namespace: "no-such-namespace" }),
      says: /namespaces\/no-such-namespace/,
    },
  ] as const;

  describeSignal(signal, {
    driver: "kubernetes",
    name: "kubernetes, ready",
    setUp: () => fixture({ value: "ready" }),
    expect: (reading) => expect(reading).toEqual({ value: 2, unit: "pods" }),
    faults: [
      ...faults,
      {
        name: "no metrics server",
        code: "NOT_FOUND",
        options: ({ options }) => ({ ...options, value: "memory" }),
        says: /deployment api: the cluster measures no memory: it serves no metrics\.k8s\.io/,
      },
    ],
  });

  describeCheck(check, {
    driver: "kubernetes",
    setUp: () =>
      fixture({
        health: { path: "/health", port: 8080 },
        logs: { pattern: "error" },
        services: ["api"],
      }),
    failures: [
      {
        name: "H45 H47 the newest pod crash-loops, while the old ones are fine",
        arrange: ({ world }) => crashing(world),
        says: /deployment api: pods.*api-\S+: app: CrashLoopBackOff \(its program ended with 1\)/,
      },
      {
        name: "H44 M24 the health path lacks its prefix",
        options: ({ options }) => ({ ...options, health: { path: "/api/health", port: 8080 } }),
        says: /404: it answers, but has nothing there: is the prefix right\?/,
      },
      {
        name: "M23 an error line in one pod's log",
        arrange: ({ world }) =>
          changed(world, template({ first: "echo an ERROR of mine" }), async () => {
            await world.ready("api");
            return true;
          }),
        says: /error lines in the last 300 s.*2: .*last \\?"an ERROR of mine/,
      },
      {
        name: "another digest than the wanted one",
        options: ({ options }) => ({ ...options, images: { app: `sha256:${"0".repeat(64)}` } }),
        says: /image of app.*sha256:0{64}.*api-\S+: sha256:/,
      },
      {
        name: "a Service that leads elsewhere",
        arrange: async ({ world }) => {
          await world.patch("services/api", { spec: { selector: { app: "other" } } });
          await until("the endpoints to follow", async () => {
            const found = await world.get<{ subsets?: readonly object[] }>("endpoints/api");
            return (found?.subsets ?? []).length === 0;
          });
          return async () => {
            await world.patch("services/api", { spec: { selector: { app: "api" } } });
            await until("the endpoints to follow back", async () => {
              const found = await world.get<{ subsets?: readonly { addresses?: readonly object[] }[] }>(
                "endpoints/api",
              );
              return found?.subsets?.[0]?.addresses?.length === 2;
            });
          };
        },
        says: /service api: endpoints.*does not lead to api-/,
      },
      {
        name: "a disruption budget that asks for more than there is",
        arrange: async ({ world }) => {
          const settled = (healthy: number) =>
            until("the budget", async () => {
              const budget = await world.get<{ status: { desiredHealthy: number } }>(
                "poddisruptionbudgets/api",
              );
              return budget?.status.desiredHealthy === healthy;
            });
          await world.patch("poddisruptionbudgets/api", { spec: { minAvailable: 5 } });
          await settled(5);
          return async () => {
            await world.patch("poddisruptionbudgets/api", { spec: { minAvailable: 1 } });
            await settled(1);
          };
        },
        says: /disruption budget api.*5 healthy pods/,
      },
      {
        name: "an autoscaler that cannot measure",
        arrange: async ({ world }) => {
          await world.create("horizontalpodautoscalers", {
            metadata: { name: "api" },
            spec: {
              scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "api" },
              ...{ minReplicas: 2, maxReplicas: 4, targetCPUUtilizationPercentage: 50 },
            },
          });
          await until("the autoscaler to find out", async () =>
            JSON.stringify(await world.get("horizontalpodautoscalers/api")).includes("ScalingActive"),
          );
          return () => world.remove("horizontalpodautoscalers/api");
        },
        says: /autoscaler api.*ScalingActive is False: FailedGetResourceMetric/,
      },
    ],
    faults: [
      ...faults,
      {
        name: "H41 M23 logs that may not be read",
        arrange: async ({ world, folder }) => {
          await readerWith(up(), world, folder, lookingRules);
          return async () => undefined;
        },
        options: ({ options }) => ({ ...options, kubeconfig: "reader.json" }),
        says: /error lines in the last.*pods\/log/,
      },
    ],
  });

  describe("one Deployment that goes bad", () => {
    let made: Fixture | undefined;
    let contexts: Contexts | undefined;
    const here = (): { made: Fixture; contexts: Contexts } => {
      if (made === undefined || contexts === undefined) throw new Error("the fixture did not come up");
      return { made, contexts };
    };
    beforeAll(async () => {
      made = await fixture({});
      contexts = await contextsFor(made.folder);
    });
    afterAll(async () => {
      await contexts?.cleanUp();
      await made?.cleanUp();
    });
    const read = async (more: JsonObject): Promise<number> => {
      const { made, contexts } = here();
      return (await signal.read(signal.options.parse({ ...made.options, ...more }), contexts.plain())).value;
    };
    const run = async (more: JsonObject = {}): Promise<Check[]> => {
      const { made, contexts } = here();
      return check.run(check.options.parse({ ...made.options, ...more }), contexts.plain());
    };

    test("crash loops are counted over all pods, while the old pods stay ready", async () => {
      const { made } = here();
      expect(await read({ value: "waiting" })).toBe(0);
      const undo = await crashing(made.world);
      expect(await read({ value: "waiting" })).toBe(1);
      expect(await read({ value: "waiting", reasons: ["ErrImageNeverPull"] })).toBe(0);
      expect(await read({ value: "restarts" })).toBeGreaterThan(0);
      expect(await read({ value: "ready" })).toBe(2);
      expect(await read({ value: "missing" })).toBe(0);
      await undo();
      expect(await read({ value: "waiting" })).toBe(0);
    });

    test("an image that is not there is a stuck pod, not a missing one", async () => {
      const { made } = here();
      const undo = await changed(made.world, template({ image: "app:v9" }), async () =>
        JSON.stringify(await pods(made.world)).includes('"ErrImageNeverPull"'),
      );
      expect(await read({ value: "waiting" })).toBe(1);
      const failed = (await run()).filter(({ result }) => result === "failed");
      expect(failed.map(({ name }) => name)).toContain("deployment api: pods");
      await undo();
    });

    test("a paused rollout half-way is seen as old pods", async () => {
      const { made } = here();
      await made.world.patch("deployments/api", {
        spec: { paused: true, template: template({ image: "app:v2" }) },
      });
      await until("the pause to be acted on", async () => {
        const one = await made.world.get<{
          metadata: { generation: number };
          status: { observedGeneration: number };
        }>("deployments/api");
        return one?.metadata.generation === one?.status.observedGeneration;
      });
      const said = JSON.stringify(await run());
      expect(said).toContain("its rollout is paused");
      expect(said).toContain("is of an older template");
      await made.world.patch("deployments/api", { spec: { paused: false, template: template({}) } });
      await made.world.ready("api");
    });

    test("M24 H44 a probe that asks where nothing is, is found while pods are still ready", async () => {
      const { made, contexts } = here();
      const options = check.options.parse(made.options);
      expect(await check.check?.(options, contexts.plain())).toEqual([]);
      const undo = await changed(made.world, template({ probe: "/api/health" }), async () =>
        JSON.stringify(await pods(made.world)).includes('"/api/health"'),
      );
      const problems = (await check.check?.(options, contexts.plain())) ?? [];
      expect(problems.map(({ message }) => message).join()).toMatch(
        /container "app": its readinessProbe asks for "\/api\/health", where api-\S+ has nothing \(404\)/,
      );
      await undo();
    });

    test("a call that is given up ends at once, as what it was", async () => {
      const { made, contexts } = here();
      const given = AbortSignal.abort(new Error("given up"));
      const options = signal.options.parse({ ...made.options, value: "ready" });
      await expect(signal.read(options, { ...contexts.plain(), signal: given })).rejects.toThrow("given up");
    });

    test("credentials out of a plugin; one that fails says so", async () => {
      const { made } = here();
      const plugin = async (name: string, script: string): Promise<string> => {
        const user = {
          exec: { apiVersion: "client.authentication.k8s.io/v1", command: "sh", args: ["-c", script] },
        };
        const text = JSON.parse(kubeconfigText(up().server, "")) as Record<string, unknown>;
        const path = join(made.folder, name);
        await writeFile(path, JSON.stringify({ ...text, users: [{ name: "user", user }] }));
        return path;
      };
      const answer = `{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"token":"admin-of-tests"}}`;
      const good = await plugin("plugin.json", `test -n "$KUBERNETES_EXEC_INFO" && echo '${answer}'`);
      expect(await read({ value: "ready", kubeconfig: good })).toBe(2);
      const bad = await plugin("bad-plugin.json", "echo session expired >&2; exit 3");
      const error = await rejection(() => read({ value: "ready", kubeconfig: bad }));
      expect(error.code).toBe("DENIED");
      expect(error.message).toMatch(/user "user": its plugin "sh" ended with 3: session expired/);
    });
  });
});
