import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { contentDigest } from "../../src/core/content-digest.js";
import type { StepSpec, TargetDriver } from "../../src/core/driver.js";
import { canonicalJson, type Json, type JsonObject } from "../../src/core/json.js";
import { target } from "../../src/drivers/kubernetes/index.js";
import { describeTarget } from "../../src/drivers/testing/target-contract.js";
import { rejection } from "../../src/drivers/testing/target-faults.js";
import type { TargetFixture, TargetSuite } from "../../src/drivers/testing/target-fixture.js";
import { type TargetSession, targetSession } from "../../src/drivers/testing/target-session.js";
import { type KubernetesCluster, kubeconfigText, kubernetesCluster } from "../support/kubernetes-cluster.js";
import { app, kubernetesWorld, template, until, type World } from "../support/kubernetes-world.js";

let cluster: KubernetesCluster | undefined;
const up = (): KubernetesCluster => {
  if (cluster === undefined) throw new Error("the cluster did not come up");
  return cluster;
};
beforeAll(async () => {
  cluster = await kubernetesCluster();
}, 1_500_000);
afterAll(() => cluster?.stop());

const settings = { envFrom: [{ configMapRef: { name: "settings" } }] };
const good = () => template({ ...settings, env: [{ name: "TOKEN", value: "plain-secret" }] });

interface Deployed {
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

interface Fixture extends TargetFixture {
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

async function setUp(more: JsonObject = {}): Promise<Fixture> {
  const folder = await mkdtemp(join(tmpdir(), "backout-kubernetes-target-"));
  const world = await kubernetesWorld(up());
  await world.create("configmaps", { metadata: { name: "settings" }, data: { MODE: "good", LEVEL: "1" } });
  const object = app() as { spec: { template: object } };
  // All new pods at once: what is tested here is not how long a rollout takes.
  const strategy = { type: "RollingUpdate", rollingUpdate: { maxSurge: 2, maxUnavailable: 0 } };
  await world.create("deployments", { ...object, spec: { ...object.spec, strategy, template: good() } });
  await world.create("services", {
    metadata: { name: "api" },
    spec: { selector: { app: "api" }, ports: [{ port: 80, targetPort: 8080 }] },
  });
  await world.ready("api");
  await writeFile(join(folder, "expired.json"), kubeconfigText(up().server, "expired-token"));
  await writeFile(join(folder, "nobody.json"), kubeconfigText(up().server, up().tokens.nobody));
  await writeFile(join(folder, "nowhere.json"), kubeconfigText("https://127.0.0.1:1", "x"));
  const then = canonicalJson(await seen(world));
  return {
    folder,
    world$: world,
    options: { kubeconfig: up().kubeconfig, namespace: world.namespace, deployment: "api", ...more },
    secrets: [...Object.values(up().tokens), "plain-secret"],
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

const suite: TargetSuite<Fixture> = {
  driver: "kubernetes",
  setUp: () => setUp(),
  kills: 2,
  faults: [
    {
      name: "no cluster",
      options: ({ options }) => ({ ...options, kubeconfig: "nowhere.json" }),
      code: "UNREACHABLE",
      says: /https:\/\/127\.0\.0\.1:1: does not answer: ECONNREFUSED/,
      on: ["check", "capture", "observe", "apply"],
    },
    {
      name: "expired credentials",
      options: ({ options }) => ({ ...options, kubeconfig: "expired.json" }),
      code: "DENIED",
      says: /does not accept the credentials of "user"/,
      on: ["check", "capture", "observe", "apply"],
    },
    {
      name: "no right",
      options: ({ options }) => ({ ...options, kubeconfig: "nobody.json" }),
      code: "DENIED",
      says: /"nobody" cannot get resource|may not, in namespace .*patch deployments\.apps/,
      on: ["check", "capture", "observe", "apply"],
    },
    {
      name: "changed by somebody else between plan and apply",
      arrange: async ({ world$ }) => {
        const replicas = (count: number) => world$.patch("deployments/api", { spec: { replicas: count } });
        await replicas(3);
        return () => replicas(2);
      },
      code: "CONFLICT",
      says: /Deployment\/api: was changed since the plan was made: \/spec\/replicas is 3, to become 2/,
      on: [],
    },
  ],
};

describe("one cluster", () => {
  describeTarget(target, suite);

  describe("kubernetes Deployments", () => {
    const driver: TargetDriver = target;
    const withSession = async (
      work: (session: TargetSession<Fixture>, world: World) => Promise<void>,
      more: { readonly options?: JsonObject; readonly keep?: readonly string[] } = {},
    ): Promise<void> => {
      const session = await targetSession(driver, {
        ...suite,
        setUp: () => setUp(more.options),
        intent: { keep: more.keep ?? [] },
      });
      try {
        await work(session, session.fixture.world$);
      } finally {
        await session.cleanUp();
      }
    };
    const applyAll = async (session: TargetSession<Fixture>, run: string): Promise<readonly StepSpec[]> => {
      const steps = await session.steps();
      for (const step of steps) await session.apply(step, run);
      return steps;
    };
    const image = async (world: World) =>
      (await world.get<Deployed>("deployments/api"))?.spec.template.spec.containers[0]?.image;

    test("H01 H03 H04 H07 after restarts and two bad patches: the captured template, and never forward again", () =>
      withSession(async (session, world) => {
        const { revision } = session.taken.part.data as { revision: string };
        const bad = (image: string) =>
          world.patch("deployments/api", { spec: { template: template({ ...settings, image }) } });
        await bad("app:v2");
        await world.patch("deployments/api", {
          spec: {
            template: {
              metadata: { annotations: { "kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z" } },
            },
          },
        });
        await bad("app:v3");
        await applyAll(session, "first");
        await session.fixture.isGood();
        const now = (await world.get<Deployed>("deployments/api"))?.metadata.annotations;
        expect(now?.["deployment.kubernetes.io/revision"]).not.toBe(revision);
        expect(await session.steps()).toEqual([]);
        await applyAll(session, "second");
        await session.fixture.isGood();
      }));

    test("a restart alone is no other version", () =>
      withSession(async (session, world) => {
        await world.patch("deployments/api", {
          spec: {
            template: {
              metadata: { annotations: { "kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z" } },
            },
          },
        });
        expect((await session.observe()).identity).toBe(session.taken.part.identity);
        expect(await session.steps()).toEqual([]);
      }));

    test("M15 H06 the corrected probe stays, while image and configuration go back", () =>
      withSession(
        async (session, world) => {
          const fixed = template({ ...settings, image: "app:v2", path: "healthz", probe: "/healthz" });
          await world.patch("configmaps/settings", { data: { MODE: "bad", LEVEL: "2" } });
          await world.patch("deployments/api", { spec: { template: fixed } });
          const steps = await session.steps();
          const changed = steps.flatMap(({ impact }) => impact?.changes ?? []).map(({ what }) => what);
          expect(changed).toContain("Deployment/api/spec/template/spec/containers/app/image");
          expect(changed).toContain("ConfigMap/settings/data/MODE");
          expect(changed.join()).not.toMatch(/readinessProbe|LEVEL|command/);
          for (const step of steps) await session.apply(step, "keeping");
          await world.ready("api");
          expect(await image(world)).toBe("app:v1");
          const now = JSON.stringify(await world.get("deployments/api"));
          expect(now).toContain('"path":"/healthz"');
          expect((await world.get<{ data: object }>("configmaps/settings"))?.data).toEqual({
            MODE: "good",
            LEVEL: "2",
          });
          expect(await session.steps()).toEqual([]);
        },
        {
          keep: [
            "/spec/template/spec/containers/app/readinessProbe",
            "/spec/template/spec/containers/app/command",
            "ConfigMap/settings/data/LEVEL",
          ],
        },
      ));

    test("M15 what is to be kept and is nowhere is refused, not lost", () =>
      withSession(
        async (session, world) => {
          await world.patch("deployments/api", {
            spec: { template: template({ ...settings, image: "app:v2" }) },
          });
          const error = await rejection(() => session.steps());
          expect(error.code).toBe("REFUSED");
          expect(error.message).toMatch(
            /cannot keep "\/spec\/template\/spec\/containers\/0\/readinessProbe"/,
          );
          expect(error.hint).toMatch(/containers\/app\/readinessProbe/);
        },
        { keep: ["/spec/template/spec/containers/0/readinessProbe"] },
      ));

    test("H08 a ConfigMap that went bad alone comes back, and every pod reads it", () =>
      withSession(async (session, world) => {
        await world.patch("configmaps/settings", { data: { MODE: "bad" } });
        const before = await podNames(world);
        const steps = await applyAll(session, "config");
        expect(steps.map(({ operation }) => operation)).toEqual(["objects", "rollout"]);
        await session.fixture.isGood();
        const after = await podNames(world);
        expect(after).toHaveLength(2);
        expect(after.filter((name) => before.includes(name))).toEqual([]);
      }));

    test("a Service that leads elsewhere leads back, after the pods are ready", () =>
      withSession(async (session, world) => {
        await session.fixture.break();
        await world.patch("services/api", { spec: { selector: { app: "green" } } });
        const steps = await applyAll(session, "traffic");
        expect(steps.map(({ operation }) => operation)).toEqual(["objects", "rollout", "traffic"]);
        await session.fixture.isGood();
      }));

    test("M06 H12 a small history is raised before the rollout takes the last good template away", () =>
      withSession(async (session, world) => {
        await world.patch("deployments/api", { spec: { revisionHistoryLimit: 1 } });
        for (const image of ["app:v7", "app:v8"]) {
          await world.patch("deployments/api", { spec: { template: template({ ...settings, image }) } });
          await until("a ReplicaSet for it", async () =>
            JSON.stringify(await world.get("replicasets")).includes(image),
          );
        }
        const problems = (await driver.check?.(session.resolved, session.contexts.plain())) ?? [];
        expect(problems.map(({ message }) => message).join()).toMatch(/keeps 1 old revisions/);
        const steps = await applyAll(session, "history");
        expect(steps[0]).toMatchObject({ operation: "history", phase: "preserve" });
        expect((await world.get<Deployed>("deployments/api"))?.spec.revisionHistoryLimit).toBe(20);
        await session.fixture.isGood();
      }));

    test("a checkpoint of another Deployment of the same name is refused", () =>
      withSession(async (session, world) => {
        await world.remove("deployments/api");
        await world.create("deployments", app());
        const error = await rejection(() => session.observe());
        expect(error.code).toBe("REFUSED");
        expect(error.message).toMatch(/is not the Deployment that was captured/);
      }));

    test("a rollout that is on its way is no state to come back to", () =>
      withSession(async (session) => {
        await session.fixture.break();
        const { contexts, resolved } = session;
        await until("the new pod to crash", async () =>
          JSON.stringify(await session.fixture.world$.get("pods")).includes('"CrashLoopBackOff"'),
        );
        const error = await rejection(() => contexts.take(driver, resolved));
        expect(error.code).toBe("REFUSED");
        expect(error.message).toMatch(/is no state to come back to/);
      }));

    test("an image that is gone is told at once, not when the time is out", () =>
      withSession(async (session, world) => {
        await session.fixture.break();
        const [objects, rollout] = await session.steps();
        await session.apply(objects as StepSpec, "gone");
        const { captured } = session.job(rollout as StepSpec);
        await world.patch("deployments/api", {
          spec: { template: template({ ...settings, image: "app:v9" }) },
        });
        expect(captured?.identity).toBe(session.taken.part.identity);
        const error = await rejection(() => session.apply(rollout as StepSpec, "gone"));
        expect(error.code).toBe("CONFLICT");
        expect(error.message).toMatch(/containers\/app\/image is "app:v9", to become "app:v1"/);
      }));

    test("M12 the API server dies in the middle of a rollout: it is waited for, and told", () =>
      withSession(async (session) => {
        await session.fixture.break();
        const [objects, rollout] = await session.steps();
        await session.apply(objects as StepSpec, "crash");
        const going = session.apply(rollout as StepSpec, "crash");
        await until("the rollout to begin", async () => (await image(session.fixture.world$)) === "app:v1");
        await up().crashApiServer();
        expect((await going).summary).toBe("api: 2 of 2 pods ready");
        await session.fixture.isGood();
      }));

    test("M03 what is captured: revision, replicas, digests as they really run", () =>
      withSession(async (session) => {
        const data = session.taken.part.data as JsonObject;
        expect(data).toMatchObject({
          revision: "1",
          replicas: 2,
          images: { app: expect.stringMatching(/^sha256:/) },
        });
        expect(Object.keys(data["digests"] as object)).toEqual([
          "ConfigMap/settings",
          "Deployment/api",
          "Service/api",
        ]);
        const [newest] = (await driver.versions?.(session.resolved, session.contexts.plain())) ?? [];
        expect(newest).toMatchObject({ name: "revision 1", summary: "app:v1 (current)" });
      }));

    test("H09 a reconciler that would put the bad version back is the reason to refuse", () =>
      withSession(async (session, world) => {
        await world.patch("deployments/api", {
          metadata: { labels: { "argocd.argoproj.io/instance": "shop" } },
        });
        await session.fixture.break();
        const error = await rejection(() => session.steps());
        expect(error.code).toBe("REFUSED");
        expect(error.message).toMatch(/api: is kept as it is by Argo CD \(shop\)/);
      }));

    async function podNames(world: World): Promise<string[]> {
      const list = await world.get<{ items: { metadata: { name: string; deletionTimestamp?: string } }[] }>(
        "pods",
      );
      return (list?.items ?? [])
        .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
        .map(({ metadata }) => metadata.name);
    }
  });
});
