import { describe, expect, test } from "vitest";
import type { Intent, StepSpec, TargetDriver } from "../../src/core/driver.js";
import type { JsonObject } from "../../src/core/json.js";
import { target } from "../../src/drivers/kubernetes/index.js";
import { planOrder } from "../../src/drivers/testing/plan-order.js";
import { describeTarget } from "../../src/drivers/testing/target-contract.js";
import { rejection } from "../../src/drivers/testing/target-faults.js";
import type { TargetSuite } from "../../src/drivers/testing/target-fixture.js";
import { type TargetSession, targetSession } from "../../src/drivers/testing/target-session.js";
import {
  configured,
  type KubernetesSystem,
  kubernetesSystem,
  type Status,
} from "../support/kubernetes-system.js";
import { template, until, type World } from "../support/kubernetes-world.js";
import { suiteCluster } from "../support/suite-cluster.js";

const up = suiteCluster();

const suite: TargetSuite<KubernetesSystem> = {
  ...{ driver: "kubernetes", name: "kubernetes, a whole namespace", kills: 0 },
  setUp: () => kubernetesSystem(up(), { everything: true, secrets: "encrypt", proof: "start" }),
  faults: [
    {
      ...{ name: "no right", code: "DENIED", on: ["check", "capture", "observe", "apply"] },
      options: ({ options }) => ({ ...options, kubeconfig: "nobody.json" }),
      says: /nobody" cannot|may not, in namespace .*patch statefulsets\.apps.*list ingresses\.networking\.k8s\.io/,
    },
  ],
};

describe("one cluster", () => {
  describeTarget(target, suite);

  // Each has a namespace of its own, and waits most of the time.
  describe.concurrent("kubernetes workloads of all kinds", () => {
    const driver: TargetDriver = target;
    const withSession = async (
      options: JsonObject,
      work: (session: TargetSession<KubernetesSystem>, world: World) => Promise<void>,
    ): Promise<void> => {
      const session = await targetSession(driver, { ...suite, setUp: () => kubernetesSystem(up(), options) });
      try {
        await work(session, session.fixture.cluster);
      } finally {
        await session.cleanUp();
      }
    };
    const applyAll = async (
      session: TargetSession<KubernetesSystem>,
      steps: readonly StepSpec[],
      run: string,
    ) => {
      for (const step of steps) await session.apply(step, run);
    };

    test("a StatefulSet that waits for its broken pod for ever comes back all the same", () =>
      withSession({ statefulSet: "db" }, async (session, world) => {
        await world.patch("statefulsets/db", {
          spec: { template: template({ name: "db", first: "false" }) },
        });
        await until("its pod to crash", async () =>
          JSON.stringify((await world.get("pods/db-1")) ?? "").includes('"CrashLoopBackOff"'),
        );
        await session.bringBack("stuck");
        expect(session.contexts.lines.join("\n")).toMatch(
          /db-1: was not ready .*deleted, so that it is made anew/,
        );
      }));

    test("H35 a workload that was deleted with its history is made again out of the checkpoint", () =>
      withSession(
        { objects: ["Deployment/api", "DaemonSet/agent", "Ingress/shop"] },
        async (session, world) => {
          const before = await world.get<Status>("deployments/api");
          for (const place of ["deployments/api", "daemonsets/agent", "ingresses/shop"])
            await world.remove(place);
          await session.bringBack("deleted");
          expect((await world.get<Status>("deployments/api"))?.metadata.uid).not.toBe(before?.metadata.uid);
          expect(await session.steps()).toEqual([]);
        },
      ));

    test("H68 scaled to nothing for what they use, and back to the captured counts: the plan says that it is the outage", () =>
      withSession({ statefulSet: "db" }, async (session, world) => {
        await world.patch("statefulsets/db", {
          spec: { replicas: 1, template: template({ name: "db", image: "app:v2" }) },
        });
        const steps = planned(session, { quiesce: true }, await session.observe());
        expect(steps.map(({ operation, phase }) => `${phase}: ${operation}`)).toEqual([
          ...["preserve: keep", "quiesce: stop", "restore: rollout", "resume: start"],
        ]);
        expect(steps.find(({ operation }) => operation === "stop")?.impact).toEqual({ interrupts: true });
        await applyAll(session, steps, "quiesced");
        await session.fixture.isGood();
      }));

    test.each([
      { way: "scale-down", steps: "keep stop rollout start" },
      { way: "recreate", steps: "keep remove rollout" },
    ])("W08 H35 H68 $way, the last ways, with the outage in the plan", ({ way, steps: expected }) =>
      withSession({ deployment: "api", way }, async (session) => {
        await session.fixture.cluster.patch("deployments/api", {
          spec: { template: template({ ...configured, image: "app:v2" }) },
        });
        const steps = await session.steps();
        expect(steps.map(({ operation }) => operation).join(" ")).toBe(expected);
        expect(steps.some(({ impact }) => impact?.interrupts === true)).toBe(true);
        const settle = async (step: StepSpec) => {
          const context = await session.contexts.step(session.taken, `${way}/${step.operation}`, 1);
          return (await driver.settle(session.job(step), context)).state;
        };
        for (const step of steps) {
          expect(await settle(step), step.operation).toBe("not-applied");
          await session.apply(step, way);
          expect(await settle(step), step.operation).toBe("applied");
          expect((await session.apply(step, way, 2)).changed).toBe(false);
        }
        await session.fixture.isGood();
        expect(await session.steps()).toEqual([]);
      }),
    );

    test("a restart makes every pod anew, once, and is no other version", () =>
      withSession({ daemonSet: "agent" }, async (session, world) => {
        const pod = async () =>
          (await world.get<{ items: Status[] }>("pods?labelSelector=app%3Dagent"))?.items.map(
            ({ metadata }) => metadata.uid,
          );
        const before = await pod();
        const steps = planned(session, { restore: false, restart: true }, await session.observe());
        expect(steps.map(({ operation }) => operation)).toEqual(["restart"]);
        await applyAll(session, steps, "restarted");
        const after = await pod();
        expect(after).not.toEqual(before);
        await applyAll(session, steps, "restarted");
        expect(await pod()).toEqual(after);
        expect(await session.steps()).toEqual([]);
      }));

    test("H48 settings that no workload reads are found beforehand", () =>
      withSession({ objects: ["ConfigMap/settings"] }, async ({ contexts, parse, fixture }, world) => {
        const check = async (name: string) =>
          (await driver.check?.(parse({ ...fixture.options, objects: [name] }), contexts.plain()))?.map(
            ({ message }) => message,
          );
        await world.create("configmaps", { metadata: { name: "setings" }, data: { MODE: "good" } });
        expect(await check("ConfigMap/settings")).toEqual([]);
        expect(await check("ConfigMap/setings")).toEqual([
          "ConfigMap/setings: no Deployment, StatefulSet or DaemonSet of the namespace refers to it",
        ]);
      }));

    test("what the playbook names and is not there cannot be captured", () =>
      withSession({ objects: ["ConfigMap/settings"] }, async (session) => {
        const { contexts, fixture } = session;
        const options = session.parse({
          ...fixture.options,
          objects: ["ConfigMap/settings", "Ingress/typo"],
        });
        const error = await rejection(() => contexts.take(driver, options));
        expect([error.code, error.message]).toEqual([
          ...["NOT_FOUND", `${fixture.cluster.namespace}: there is no Ingress/typo`],
        ]);
      }));
  });
});

function planned(
  session: TargetSession<KubernetesSystem>,
  intent: Partial<Intent>,
  observed: Parameters<TargetSession["plan"]>[0],
): StepSpec[] {
  const { driver, taken, parse, fixture } = session;
  return planOrder(
    driver.plan({
      ...{ captured: taken.part, restoreMs: undefined, observed, options: parse(fixture.options) },
      intent: { restore: true, quiesce: false, restart: false, keep: [], ...intent },
    }),
  );
}
