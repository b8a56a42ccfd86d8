import { describe, expect, test } from "vitest";
import type { StepSpec, TargetDriver } from "../../src/core/driver.js";
import type { JsonObject } from "../../src/core/json.js";
import { check, signal, target } from "../../src/drivers/kubernetes/index.js";
import { rejection } from "../../src/drivers/testing/target-faults.js";
import { type TargetSession, targetSession } from "../../src/drivers/testing/target-session.js";
import { type Deployed, type KubernetesApp, kubernetesApp, settings } from "../support/kubernetes-app.js";
import { template, until, type World } from "../support/kubernetes-world.js";
import { suiteCluster } from "../support/suite-cluster.js";

const up = suiteCluster();

interface Settings {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
  readonly data: Readonly<Record<string, string>>;
}

describe("one cluster", () => {
  // Each has a namespace of its own, and waits most of the time.
  describe.concurrent("kubernetes, where a person says where to go", () => {
    const driver: TargetDriver = target;
    const withApp = async (
      options: JsonObject,
      work: (session: TargetSession<KubernetesApp>, world: World) => Promise<void>,
    ): Promise<void> => {
      const setUp = async () => {
        const made = await kubernetesApp(up(), {}, 1);
        const { deployment, ...rest } = made.options;
        return { ...made, options: { ...rest, ...("switch" in options ? {} : { deployment }), ...options } };
      };
      const session = await targetSession(driver, { driver: "kubernetes", faults: [], setUp });
      try {
        await work(session, session.fixture.world$);
      } finally {
        await session.cleanUp();
      }
    };
    const flag = (more: JsonObject): JsonObject => ({
      switch: { configMap: "settings", key: "MODE", ...more },
    });
    /** As a later run with other options plans it. */
    const stepsWith = async (session: TargetSession<KubernetesApp>, more: JsonObject) => {
      const { contexts, parse, fixture } = session;
      const { deployment: _one, ...rest } = fixture.options;
      const options = parse({ ...rest, ...more });
      const observed = await driver.observe(options, contexts.plain());
      const intent = { restore: false, quiesce: false, restart: true, keep: [] };
      const steps = driver.plan({ captured: undefined, restoreMs: undefined, observed, options, intent });
      return { options, steps };
    };
    const applyWith = async (
      session: TargetSession<KubernetesApp>,
      { options, steps }: Awaited<ReturnType<typeof stepsWith>>,
      run: string,
    ): Promise<void> => {
      for (const step of steps) await session.apply(step, run, 1, { options });
    };
    const map = async (world: World) => (await world.get<Settings>("configmaps/settings")) as Settings;
    const image = async (world: World) =>
      (await world.get<Deployed>("deployments/api"))?.spec.template.spec.containers[0]?.image;

    test("M14 a kill switch: key, restart, proof in the process, expiry, and back", () => {
      const thrown = flag({ value: "off", expires: "1s", weakens: "scripts may come from anywhere" });
      return withApp(thrown, async (session, world) => {
        const steps = await session.steps();
        expect(steps.map(({ operation }) => operation)).toEqual(["keep", "switch", "rollout", "seen"]);
        expect(steps[1]?.impact).toEqual({
          changes: [{ what: "ConfigMap/settings/data/MODE", before: '"good"', after: '"off"' }],
          ...{ security: "scripts may come from anywhere", needsApproval: true },
        });
        const settle = async (step: StepSpec) => {
          const context = await session.contexts.step(session.taken, `thrown/${step.operation}`, 1);
          return (await driver.settle(session.job(step), context)).state;
        };
        for (const step of steps) {
          // Pods that are made anew have it already.
          const before = step.operation === "seen" ? "applied" : "not-applied";
          expect(await settle(step), step.operation).toBe(before);
          const { summary } = await session.apply(step, "thrown");
          expect(await settle(step), step.operation).toBe("applied");
          expect((await session.apply(step, "thrown", 2)).changed, step.operation).toBe(false);
          if (step.operation === "seen") expect(summary).toBe('1 processes have MODE "off"');
        }
        expect((await map(world)).data["MODE"]).toBe("off");
        expect(await session.steps()).toEqual([]);

        const { contexts, fixture } = session;
        const { switch: _switch, ...place } = fixture.options;
        const looked = { ...place, deployment: "api" };
        const expired = async () =>
          (await signal.read(signal.options.parse({ ...looked, value: "expired" }), contexts.plain())).value;
        await until("the switch to expire", async () => (await expired()) === 1);
        const failed = (await check.run(check.options.parse(looked), contexts.plain())).filter(
          ({ result }) => result !== "passed",
        );
        expect(failed.map(({ name, actual }) => `${name}: ${actual}`).join()).toMatch(
          /^deployment api: switches: settings\/MODE, since \d{4}-/,
        );
        const said = (await driver.check?.(session.resolved, contexts.plain()))?.map(
          ({ message }) => message,
        );
        expect(said?.join()).toMatch(/settings\/MODE, since .*: was to be switched back/);

        await applyWith(session, await stepsWith(session, flag({})), "back");
        expect((await map(world)).data["MODE"]).toBe("good");
        expect((await map(world)).metadata.annotations ?? {}).toEqual({});
        expect(await expired()).toBe(0);
        expect((await stepsWith(session, flag({}))).steps).toEqual([]);
      });
    });

    test("M14 a value that the process does not get is found, though key and restart went well", () =>
      withApp(flag({ value: "off" }), async (session, world) => {
        await world.create("configmaps", { metadata: { name: "later" }, data: { MODE: "on" } });
        const envFrom = [...settings.envFrom, { configMapRef: { name: "later" } }];
        await world.patch("deployments/api", { spec: { template: template({ envFrom }) } });
        await world.ready("api");
        const [, thrown, rollout, seen] = await session.steps();
        for (const step of [thrown, rollout]) await session.apply(step as StepSpec, "hidden");
        const error = await rejection(() => session.apply(seen as StepSpec, "hidden"));
        expect([error.code, error.effect]).toEqual(["CHECK_FAILED", "none"]);
        expect(error.message).toMatch(/^api-\S+\/app: has not got MODE "off"$/);
      }));

    test("M14 H48 a switch that nobody reads is refused, and found by `check`", () =>
      withApp(flag({ value: "off" }), async (session, world) => {
        const { contexts, parse, fixture } = session;
        const nobody = /settings\/MODUS: there is no such key in the ConfigMap/;
        const wrong = parse({
          ...fixture.options,
          switch: { configMap: "settings", key: "MODUS", value: "off" },
        });
        expect((await rejection(() => driver.observe(wrong, contexts.plain()))).message).toMatch(nobody);
        const said = await driver.check?.(wrong, contexts.plain());
        expect(said?.map(({ severity, message }) => `${severity}: ${message}`).join()).toMatch(nobody);
        const hidden = template({ ...settings, env: [{ name: "MODE", value: "set by itself" }] });
        await world.patch("deployments/api", { spec: { template: hidden } });
        const error = await rejection(() => session.observe());
        expect([error.code, error.message]).toEqual(["REFUSED", expect.stringMatching(/settings\/MODE: no/)]);
        const { switch: _switch, ...rest } = fixture.options;
        const plain = parse({ ...rest, objects: ["ConfigMap/settings"] });
        expect((await driver.check?.(plain, contexts.plain()))?.map(({ message }) => message)).toEqual([
          'ConfigMap/settings: no container gets its "MODE"',
        ]);
      }));

    test("W03 to a revision that a person names: as a template, and never by its number", () =>
      withApp({ to: { revision: 1 } }, async (session, world) => {
        await world.patch("deployments/api", {
          spec: { template: template({ ...settings, image: "app:v2" }) },
        });
        await world.ready("api");
        const steps = await session.steps();
        // Meanwhile a restart makes revisions of its own.
        for (const step of steps) await session.apply(step, "to-first");
        expect(await image(world)).toBe("app:v1");
        await world.ready("api");
        const again = await session.apply(steps.at(-1) as StepSpec, "to-first", 2);
        expect(again.changed).toBe(false);
        // The same template has a new number now, so that the old one leads nowhere, and above all not forward.
        const error = await rejection(() => session.steps());
        expect([error.code, error.message]).toEqual(["REFUSED", "api: has no revision 1 (any more)"]);
        expect(error.hint).toBe("there is 2, 3");
        expect((await stepsWith(session, { deployment: "api", to: { revision: 3 } })).steps).toEqual([]);
      }));

    test("W03 W08 an image by hand, when the first way failed: to nothing, set, up again", () =>
      withApp({ to: { image: "app:v1" }, way: "scale-down" }, async (session, world) => {
        await world.patch("deployments/api", {
          spec: { template: template({ ...settings, image: "app:v2", first: "false" }) },
        });
        const steps = await session.steps();
        const to = steps.find(({ operation }) => operation === "rollout")?.impact?.changes;
        expect(to).toEqual([
          {
            what: "Deployment/api/spec/template/spec/containers/app/image",
            ...{ before: '"app:v2"', after: '"app:v1"' },
          },
        ]);
        expect(steps.map(({ operation }) => operation)).toEqual(["keep", "stop", "rollout", "start"]);
        await world.patch("deployments/api", {
          spec: { template: template({ ...settings, image: "app:v2" }) },
        });
        const stale = await rejection(async () => {
          for (const step of steps) await session.apply(step, "stale");
        });
        expect(stale.code).toBe("CONFLICT");
        for (const step of await session.steps()) await session.apply(step, "by-hand");
        expect(await image(world)).toBe("app:v1");
        await world.ready("api");
        expect((await world.get<Deployed>("deployments/api"))?.spec.replicas).toBe(1);
      }));

    test("H10 an image with capitals, or for a container that there is not, is refused before anything moves", () =>
      withApp({}, async ({ parse, fixture, contexts }) => {
        const to = (place: JsonObject) => parse({ ...fixture.options, to: place });
        expect(() => to({ image: "ghcr.io/Shop/API:v1" })).toThrow(/has to be in small letters/);
        expect(() => to({ image: "app:v1", revision: 3 })).toThrow(/exactly one of revision, image, images/);
        const strange = to({ images: { sidecar: "app:v1" } });
        const error = await rejection(() => driver.observe(strange, contexts.plain()));
        expect([error.code, error.message]).toEqual(["REFUSED", 'api: has no container "sidecar"']);
      }));
  });
});
