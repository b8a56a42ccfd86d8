import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { StepSpec, TargetDriver } from "../../src/core/driver.js";
import type { FollowedUnit, Follower } from "../../src/core/follow.js";
import { target } from "../../src/drivers/kubernetes/index.js";
import { contextsFor } from "../../src/drivers/testing/contexts.js";
import { planOrder } from "../../src/drivers/testing/plan-order.js";
import { type TargetSession, targetSession } from "../../src/drivers/testing/target-session.js";
import { type CurrentVersions, currentVersions } from "../support/current-versions.js";
import { type KubernetesApp, kubernetesApp } from "../support/kubernetes-app.js";
import { kubeconfigText } from "../support/kubernetes-cluster.js";
import type { World } from "../support/kubernetes-world.js";
import { used } from "../support/pod-metrics.js";
import { builtCluster } from "../support/suite-cluster.js";

/** The tests' cluster is a 1.20; a stand-in before it speaks the versions of a current one. */

const up = builtCluster();
const driver: TargetDriver = target;
let current: CurrentVersions;

beforeAll(async () => {
  current = await currentVersions(up().server);
});
afterAll(() => current?.stop());

const backend = (name: string) => ({ defaultBackend: { service: { name, port: { number: 80 } } } });
const scaled = { apiVersion: "apps/v1", kind: "Deployment", name: "api" };

/** A Deployment without pods, with one object of each kind whose version has changed. */
async function setUp(kubeconfig: "new" | "old"): Promise<KubernetesApp> {
  const made = await kubernetesApp(up(), {}, 0);
  const { deployment: _one, ...place } = made.options;
  await made.world$.create("horizontalpodautoscalers", {
    metadata: { name: "api" },
    spec: { scaleTargetRef: scaled, minReplicas: 1, maxReplicas: 3 },
  });
  await made.world$.create("poddisruptionbudgets", {
    metadata: { name: "api" },
    spec: { minAvailable: 1, selector: { matchLabels: { app: "api" } } },
  });
  await made.world$.create("ingresses", { metadata: { name: "shop" }, spec: backend("api") });
  await writeFile(join(made.folder, "new.json"), kubeconfigText(current.server, "admin-of-tests"));
  const own = { objects: ["Deployment/api", "Ingress/shop"] };
  return {
    ...made,
    options: { ...place, ...own, ...(kubeconfig === "new" ? { kubeconfig: "new.json" } : {}) },
    break: async () => {
      await made.break();
      await made.world$.patch("horizontalpodautoscalers/api", { spec: { maxReplicas: 9 } });
      await made.world$.remove("poddisruptionbudgets/api");
      await made.world$.patch("ingresses/shop", { spec: backend("elsewhere") });
    },
    isGood: async () => {
      await made.isGood();
      const { world$: world } = made;
      const specs = ["horizontalpodautoscalers/api", "poddisruptionbudgets/api", "ingresses/shop"].map(
        async (place) => (await world.get<{ spec: object }>(place))?.spec,
      );
      expect(await Promise.all(specs)).toMatchObject([
        { maxReplicas: 3 },
        { minAvailable: 1 },
        backend("api"),
      ]);
    },
  };
}

async function withSession(
  kubeconfig: "new" | "old",
  work: (session: TargetSession<KubernetesApp>, world: World) => Promise<void>,
): Promise<void> {
  const session = await targetSession(driver, {
    ...{ driver: "kubernetes", faults: [], setUp: () => setUp(kubeconfig) },
  });
  try {
    await work(session, session.fixture.world$);
  } finally {
    await session.cleanUp();
  }
}

const said = (steps: readonly StepSpec[]) =>
  steps.flatMap(({ impact }) => impact?.changes ?? []).map(({ what }) => what);

/** Each group whose version has changed, as it was spoken. */
const spoken = (from: number) =>
  new Set(
    current.calls
      .slice(from)
      .map((call) => /\/apis\/((?:autoscaling|policy|networking\.k8s\.io)\/\w+)\/namespaces/.exec(call)?.[1])
      .filter((one) => one !== undefined),
  );
const todays = new Set(["autoscaling/v2", "policy/v1", "networking.k8s.io/v1"]);

describe("kubernetes, in the API versions of a current cluster (a stand-in before a real 1.20)", () => {
  test("autoscaler, budget and Ingress are captured, proven, brought back and verified", () =>
    withSession("new", async (session, world) => {
      const { taken, contexts, resolved } = session;
      const proof = await driver.prove?.(taken.part, resolved, await contexts.prove(taken));
      expect(proof?.checks.filter(({ result }) => result !== "passed")).toEqual([]);
      const checked = await driver.check?.(resolved, contexts.plain());
      expect(checked?.filter(({ severity }) => severity === "error")).toEqual([]);
      await session.fixture.break();
      const changes = said(await session.steps());
      for (const place of ["HorizontalPodAutoscaler/api/spec/maxReplicas", "Ingress/shop/spec"]) {
        expect(changes.join()).toContain(place);
      }
      expect(changes.join()).toContain("PodDisruptionBudget/api");
      await session.bringBack("current");
      expect(await session.steps()).toEqual([]);
      expect(spoken(0)).toEqual(todays);
      expect(await world.get("poddisruptionbudgets/api")).toBeDefined();
    }));

  test("M26 what each pod uses is followed where the cluster measures it", async () => {
    const made = await kubernetesApp(up(), {}, 1);
    const contexts = await contextsFor(made.folder);
    try {
      await writeFile(join(made.folder, "new.json"), kubeconfigText(current.server, "admin-of-tests"));
      const options = driver.options.parse({ ...made.options, kubeconfig: "new.json" });
      const end = new AbortController();
      const signal = AbortSignal.any([end.signal, AbortSignal.timeout(180_000)]);
      const missing: string[] = [];
      let measured: FollowedUnit | undefined;
      const told: Follower = {
        state: (parts) => {
          measured = parts.flatMap(({ units }) => units).find(({ memory }) => memory !== undefined);
          if (measured !== undefined) end.abort();
        },
        event: () => {},
        line: () => {},
        missing: (what) => missing.push(what),
      };
      await driver.follow?.(options, { ...contexts.plain(), signal }, told).catch(() => {});
      expect(measured).toMatchObject({ cpu: { used: used.cpu }, memory: { used: used.memory } });
      expect(missing).not.toContain("resource use");
    } finally {
      await contexts.cleanUp();
      await made.cleanUp();
    }
  });

  test("a checkpoint of the older versions is restored in the newer ones", () =>
    withSession("old", async (session) => {
      const { contexts, taken, parse, fixture } = session;
      const from = current.calls.length;
      await fixture.break();
      const options = parse({ ...fixture.options, kubeconfig: "new.json" });
      const observed = await driver.observe(options, await contexts.prove(taken), taken.part);
      const intent = { restore: true, quiesce: false, restart: false, keep: [] };
      const input = { captured: taken.part, restoreMs: undefined, observed, options, intent };
      for (const step of planOrder(driver.plan(input))) await session.apply(step, "newer", 1, { options });
      await fixture.isGood();
      const checks = await driver.verify?.(taken.part, options, await contexts.prove(taken));
      expect(checks?.filter(({ result }) => result !== "passed")).toEqual([]);
      expect(spoken(from)).toEqual(todays);
    }));
});
