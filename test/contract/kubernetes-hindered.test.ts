import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import type { StepSpec, TargetDriver } from "../../src/core/driver.js";
import { target } from "../../src/drivers/kubernetes/index.js";
import { rejection } from "../../src/drivers/testing/target-faults.js";
import { type TargetSession, targetSession } from "../../src/drivers/testing/target-session.js";
import { type Deployed, type KubernetesApp, kubernetesApp, settings } from "../support/kubernetes-app.js";
import { app, template, until, type World } from "../support/kubernetes-world.js";
import { lookingRules, readerWith, rule } from "../support/reader-rights.js";
import { controlledCluster } from "../support/suite-cluster.js";

const up = controlledCluster();

describe("one cluster", () => {
  describe("kubernetes, where something is in the way", () => {
    const driver: TargetDriver = target;
    const docker = (...args: string[]) =>
      promisify(execFile)("docker", ["--host", `unix://${join(up().folder, "docker.sock")}`, ...args]);
    const withSession = async (
      work: (session: TargetSession<KubernetesApp>, world: World) => Promise<void>,
    ): Promise<void> => {
      const session = await targetSession(driver, {
        ...{ driver: "kubernetes", faults: [] },
        setUp: () => kubernetesApp(up()),
      });
      try {
        await work(session, session.fixture.world$);
      } finally {
        await session.cleanUp();
      }
    };
    const image = async (world: World) =>
      (await world.get<Deployed>("deployments/api"))?.spec.template.spec.containers[0]?.image;

    // Each has a namespace of its own, and waits most of the time.
    describe.concurrent("of its own", () => {
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

      test("what somebody changed since the plan stops it, with the difference", () =>
        withSession(async (session, world) => {
          await session.fixture.break();
          const [, objects, rollout] = await session.steps();
          await session.apply(objects as StepSpec, "stale");
          await world.patch("deployments/api", {
            spec: { template: template({ ...settings, image: "app:v9" }) },
          });
          const error = await rejection(() => session.apply(rollout as StepSpec, "stale"));
          expect(error.code).toBe("CONFLICT");
          expect(error.message).toMatch(/containers\/app\/image is "app:v9", to become "app:v1"/);
        }));

      test("a quota that is full in the middle is told at once, in the cluster's own words", () =>
        withSession(async (session, world) => {
          await session.fixture.break();
          const steps = await session.steps();
          await world.create("resourcequotas", { metadata: { name: "few" }, spec: { hard: { pods: "1" } } });
          await until("the quota to be counted", async () =>
            JSON.stringify(await world.get("resourcequotas/few")).includes('"used":{"pods"'),
          );
          const error = await rejection(async () => {
            for (const step of steps) await session.apply(step, "full");
          });
          expect(error.code).toBe("CHECK_FAILED");
          expect(error.message).toMatch(/api: will not become ready: FailedCreate: .*exceeded quota: few/);
        }));

      test("forbidden for one verb in the middle: which one, and nothing half done", () =>
        withSession(async (session, world) => {
          const { fixture, contexts } = session;
          const kubeconfig = await readerWith(up(), world, fixture.folder, [
            ...lookingRules,
            rule("", ["events"]),
            rule("", ["configmaps"], ["get", "create", "update"]),
          ]);
          const options = session.parse({ ...fixture.options, kubeconfig });
          const said = (await driver.check?.(options, contexts.plain()))
            ?.map(({ message }) => message)
            .join();
          expect(said).toMatch(/may not, in namespace ".*": patch deployments\.apps/);
          await fixture.break();
          const steps = await session.steps();
          const rollout = steps.at(-1) as StepSpec;
          for (const step of steps.slice(0, -1)) await session.apply(step, "forbidden", 1, { options });
          const before = await fixture.world();
          const error = await rejection(() => session.apply(rollout, "forbidden", 1, { options }));
          expect([error.code, error.effect]).toEqual(["DENIED", "none"]);
          expect(error.message).toMatch(/PATCH .*deployments\/api.*cannot patch resource/);
          expect(await fixture.world()).toBe(before);
        }));

      test("a full quota is found by the proof, not by the rollback", () =>
        withSession(async (session, world) => {
          const { contexts, taken, resolved } = session;
          const prove = async () =>
            (await driver.prove?.(taken.part, resolved, await contexts.prove(taken)))?.checks;
          expect((await prove())?.filter(({ result }) => result !== "passed")).toEqual([]);
          await world.create("resourcequotas", { metadata: { name: "few" }, spec: { hard: { pods: "2" } } });
          await until("the quota to be counted", async () =>
            JSON.stringify(await world.get("resourcequotas/few")).includes('"used":{"pods":"2"}'),
          );
          const wrong = (await prove())?.filter(({ result }) => result !== "passed");
          expect(wrong?.map(({ name, result }) => [name, result])).toEqual([
            ["Deployment/api: one more pod would be admitted", "failed"],
          ]);
          expect(JSON.stringify(wrong)).toMatch(/exceeded quota: few/);
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
    });

    describe("of the whole node", () => {
      test("an image that is gone is told at once, not when the time is out", () =>
        withSession(async (session) => {
          await session.fixture.break();
          const steps = await session.steps();
          await docker("tag", "app:v1", "app:before");
          await docker("rmi", "app:v1");
          try {
            const error = await rejection(async () => {
              for (const step of steps) await session.apply(step, "gone");
            });
            expect([error.code, error.effect]).toEqual(["CHECK_FAILED", "applied"]);
            expect(error.message).toMatch(/api: will not become ready: api-\S+: app: ErrImageNeverPull/);
            expect(session.contexts.lines.join("\n")).toMatch(/Pod api-\S+: ErrImageNeverPull/);
          } finally {
            await docker("tag", "app:before", "app:v1");
          }
        }));

      test("M12 the API server dies in the middle of a rollout: it is waited for, and told", () =>
        withSession(async (session) => {
          await session.fixture.break();
          const [, objects, rollout] = await session.steps();
          await session.apply(objects as StepSpec, "crash");
          const going = session.apply(rollout as StepSpec, "crash");
          await until("the rollout to begin", async () => (await image(session.fixture.world$)) === "app:v1");
          await up().crashApiServer();
          expect((await going).summary).toBe("api: 2 of 2 pods ready");
          await session.fixture.isGood();
        }));

      test("H11 a tag that was moved meanwhile: the same template with another digest is not verified", () =>
        withSession(async (session) => {
          await session.fixture.break();
          await docker("tag", "app:v1", "app:before");
          await docker("tag", "app:v2", "app:v1");
          try {
            for (const step of await session.steps()) await session.apply(step, "moved");
            const failed = (await session.verify()).filter(({ result }) => result !== "passed");
            expect(failed.map(({ name }) => name)).toEqual(["deployment api: image of app"]);
          } finally {
            await docker("tag", "app:before", "app:v1");
          }
        }));
    });
  });
});
