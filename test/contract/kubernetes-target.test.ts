import { describe, expect, test } from "vitest";
import type { StepSpec, TargetDriver } from "../../src/core/driver.js";
import type { JsonObject } from "../../src/core/json.js";
import { target } from "../../src/drivers/kubernetes/index.js";
import { describeTarget } from "../../src/drivers/testing/target-contract.js";
import { rejection } from "../../src/drivers/testing/target-faults.js";
import type { TargetSuite } from "../../src/drivers/testing/target-fixture.js";
import { type TargetSession, targetSession } from "../../src/drivers/testing/target-session.js";
import { type Deployed, type KubernetesApp, kubernetesApp, settings } from "../support/kubernetes-app.js";
import { template, until, type World } from "../support/kubernetes-world.js";
import { suiteCluster } from "../support/suite-cluster.js";

const up = suiteCluster();

const suite: TargetSuite<KubernetesApp> = {
  driver: "kubernetes",
  setUp: () => kubernetesApp(up(), { proof: "start" }, 1),
  kills: 0,
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
      says: /nobody" cannot get resource|may not, in namespace .*patch deployments\.apps/,
      on: ["check", "capture", "observe", "apply"],
    },
  ],
};

describe("one cluster", () => {
  describeTarget(target, suite);
  // Without pods, so that a rollout is over in a moment, and can be killed often.
  describeTarget(target, {
    ...{ ...suite, name: "kubernetes, scaled to nothing", faults: [], kills: 4 },
    setUp: () => kubernetesApp(up(), { proof: "start" }, 0),
  });

  // Each has a namespace of its own, and waits most of the time.
  describe.concurrent("kubernetes Deployments", () => {
    const driver: TargetDriver = target;
    const withSession = async (
      work: (session: TargetSession<KubernetesApp>, world: World) => Promise<void>,
      more: { readonly options?: JsonObject; readonly keep?: readonly string[] } = {},
    ): Promise<void> => {
      const session = await targetSession(driver, {
        ...suite,
        setUp: () => kubernetesApp(up(), more.options),
        intent: { keep: more.keep ?? [] },
      });
      try {
        await work(session, session.fixture.world$);
      } finally {
        await session.cleanUp();
      }
    };
    const applyAll = async (
      session: TargetSession<KubernetesApp>,
      run: string,
    ): Promise<readonly StepSpec[]> => {
      const steps = await session.steps();
      for (const step of steps) await session.apply(step, run);
      return steps;
    };
    const image = async (world: World) =>
      (await world.get<Deployed>("deployments/api"))?.spec.template.spec.containers[0]?.image;

    test("H01 H03 H04 H07 after restarts and two bad patches: the captured template, and never forward again", () =>
      withSession(async (session, world) => {
        const { workloads } = session.taken.part.data as { workloads: Record<string, { revision: string }> };
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
        expect(now?.["deployment.kubernetes.io/revision"]).not.toBe(workloads["Deployment/api"]?.revision);
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
        expect(steps.map(({ operation }) => operation)).toEqual(["keep", "objects", "rollout"]);
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
        expect(steps.map(({ operation }) => operation)).toEqual(["keep", "objects", "rollout", "traffic"]);
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
        expect(steps.find(({ operation }) => operation === "history")).toMatchObject({ phase: "preserve" });
        expect((await world.get<Deployed>("deployments/api"))?.spec.revisionHistoryLimit).toBe(20);
        await session.fixture.isGood();
      }));

    test("M02 M03 W04 what is captured: revision, replicas, digests as they really run", () =>
      withSession(async (session) => {
        const data = session.taken.part.data as JsonObject;
        expect(data).toMatchObject({
          workloads: {
            "Deployment/api": {
              ...{ revision: "1", pods: 2 },
              images: { app: expect.stringMatching(/^sha256:/) as string },
            },
          },
        });
        expect(Object.keys(data["digests"] as object)).toEqual([
          "ConfigMap/settings",
          "Deployment/api",
          "Service/api",
        ]);
        const [newest] = (await driver.versions?.(session.resolved, session.contexts.plain())) ?? [];
        expect(newest).toMatchObject({ name: "revision 1", summary: "app:v1 (current)" });
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
