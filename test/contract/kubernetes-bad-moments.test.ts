import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer } from "node:https";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import type { StepSpec, TargetDriver } from "../../src/core/driver.js";
import type { JsonObject } from "../../src/core/json.js";
import { target } from "../../src/drivers/kubernetes/index.js";
import { rejection } from "../../src/drivers/testing/target-faults.js";
import { type TargetSession, targetSession } from "../../src/drivers/testing/target-session.js";
import { freePort } from "../support/free-port.js";
import { type Deployed, type KubernetesApp, kubernetesApp, settings } from "../support/kubernetes-app.js";
import { template, until, type World } from "../support/kubernetes-world.js";
import { builtCluster } from "../support/suite-cluster.js";

const up = builtCluster();

describe("one cluster", () => {
  const driver: TargetDriver = target;
  const withSession = async (
    work: (session: TargetSession<KubernetesApp>, world: World) => Promise<void>,
    { replicas = 1, objects = [] }: { replicas?: number; objects?: string[] } = {},
  ): Promise<void> => {
    const setUp = async () => {
      const made = await kubernetesApp(up(), {}, replicas);
      const { deployment, ...place } = made.options;
      for (const name of objects) {
        await made.world$.create("configmaps", { metadata: { name }, data: { small: "1" } });
      }
      const own =
        objects.length > 0 ? { objects: objects.map((name) => `ConfigMap/${name}`) } : { deployment };
      return { ...made, options: { ...place, ...own } as JsonObject };
    };
    const session = await targetSession(driver, {
      ...{ driver: "kubernetes", faults: [], setUp },
    });
    try {
      await work(session, session.fixture.world$);
    } finally {
      await session.cleanUp();
    }
  };
  const bad = (world: World, more: object = {}) =>
    world.patch("deployments/api", {
      spec: { ...more, template: template({ ...settings, image: "app:v2" }) },
    });

  // Each has a namespace of its own, and waits most of the time.
  describe.concurrent("kubernetes, at a bad moment", () => {
    test("an admission webhook that refuses: its own words, and nothing half done", () =>
      withSession(async ({ fixture, steps, apply }, world) => {
        await fixture.break();
        const planned = await steps();
        const end = await refusing(world, fixture.folder);
        try {
          for (const step of planned.slice(0, -1)) await apply(step, "refused");
          const before = await fixture.world();
          const error = await rejection(() => apply(planned.at(-1) as StepSpec, "refused"));
          expect([error.code, error.effect]).toEqual(["DENIED", "none"]);
          expect(error.message).toMatch(
            /admission webhook "freeze\.example\.com" denied.*no changes after six/,
          );
          expect(await fixture.world()).toBe(before);
        } finally {
          await end();
        }
        await apply(planned.at(-1) as StepSpec, "refused", 2);
        await fixture.isGood();
      }));

    test("what is replaced is larger than an object may be: it cannot be undone, and goes back all the same", () =>
      withSession(
        async ({ steps, apply }, world) => {
          const large = async (name: string) => {
            const large = randomBytes(480_000).toString("base64");
            await world.patch(`configmaps/${name}`, { data: { large } });
          };
          for (const name of ["first", "second"]) await large(name);
          const planned = await steps();
          const [keep, objects] = planned;
          expect([keep?.operation, keep?.onFailure]).toEqual(["keep", "continue"]);
          const error = await rejection(() => apply(keep as StepSpec, "large"));
          expect([error.code, error.effect]).toEqual(["REFUSED", "none"]);
          expect(error.message).toMatch(/^what is replaced takes \d{6,} bytes: too much for one object/);
          await apply(objects as StepSpec, "large");
          expect(await steps()).toEqual([]);
        },
        { objects: ["first", "second"] },
      ));

    test("the namespace goes in the middle: told at once, and not waited for", () =>
      withSession(async ({ fixture, steps, apply, observe }, world) => {
        await fixture.break();
        const planned = await steps();
        const [, objects, rollout] = planned;
        await apply(objects as StepSpec, "gone");
        const going = rejection(() => apply(rollout as StepSpec, "gone"));
        await world.cleanUp();
        const error = await going;
        expect(["CHECK_FAILED", "CONFLICT", "DENIED", "NOT_FOUND"]).toContain(error.code);
        expect(error.message).toMatch(/was deleted|is being terminated|not found/);
        await until(
          "the Deployment to be gone",
          async () => (await world.get("deployments/api")) === undefined,
        );
        const later = await rejection(() => apply(rollout as StepSpec, "gone", 2));
        expect([later.code, later.effect]).toEqual(["CONFLICT", "none"]);
        expect(later.message).toMatch(/Deployment\/api: was deleted since the plan was made/);
        // A namespace that is gone has nothing in it; it is not taken for another's.
        expect((await observe()).summary).toMatch(/^0 workloads/);
      }));

    test("a workload that somebody deleted since the plan is not made again unasked; by a new plan it is", () =>
      withSession(async ({ fixture, steps, apply }, world) => {
        await fixture.break();
        const [, objects, rollout] = await steps();
        await apply(objects as StepSpec, "deleted");
        await world.remove("deployments/api");
        const error = await rejection(() => apply(rollout as StepSpec, "deleted"));
        expect([error.code, error.effect]).toEqual(["CONFLICT", "none"]);
        expect(error.message).toBe("Deployment/api: was deleted since the plan was made");
        expect(await world.get("deployments/api")).toBeUndefined();
        for (const step of await steps()) await apply(step, "again");
        await fixture.isGood();
      }));

    test("what was kept for an undo is removed by a later rollback, when its time is over, and no earlier", () =>
      withSession(async ({ fixture, steps, apply, contexts, parse }, world) => {
        const kept = async () => {
          const list = await world.get<NameList>("configmaps?labelSelector=backout.dev%2Fkept");
          return (list?.items ?? []).map(({ metadata }) => metadata.name);
        };
        const keep = async (run: string, undo: string) => {
          await world.patch("configmaps/settings", { data: { MODE: run } });
          const [first] = await steps();
          await apply(first as StepSpec, run, 1, { options: parse({ ...fixture.options, undo }) });
        };
        await keep("short", "1ms");
        const [short = "none"] = await kept();
        await keep("long", "1h");
        const [long = "none", ...others] = await kept();
        expect([others, long === short]).toEqual([[], false]);
        expect(contexts.lines.join("\n")).toContain(`ConfigMap ${short}: was kept for an undo`);
        await keep("longer", "1h");
        expect(await kept()).toHaveLength(2);
      }));

    test("a rollout that somebody has paused goes on, and goes back", () =>
      withSession(async ({ fixture, steps, apply }, world) => {
        await bad(world, { paused: true });
        const planned = await steps();
        const changes = planned.flatMap(({ impact }) => impact?.changes ?? []);
        expect(changes).toContainEqual({
          what: "Deployment/api/spec/paused",
          before: "true",
          after: "false",
        });
        for (const step of planned) await apply(step, "paused");
        await fixture.isGood();
      }));

    test("a checkpoint of another cluster is refused, also where the workload is not there at all", () =>
      withSession(async ({ taken, resolved, contexts }, world) => {
        const data = { ...(taken.part.data as JsonObject), cluster: "https://another.example.com:6443" };
        await world.remove("deployments/api");
        const context = await contexts.prove(taken);
        const error = await rejection(() => driver.observe(resolved, context, { ...taken.part, data }));
        expect(error.code).toBe("REFUSED");
        expect(error.message).toMatch(
          /Deployment\/api: is not on https:\/\/127.*was captured from https:\/\/another\.example\.com:6443/,
        );
        expect((await driver.observe(resolved, context, taken.part)).summary).toMatch(/^0 workloads/);
      }));

    test("M12 a rollback keeps the full strength: never fewer pods ready than there are to be", () =>
      withSession(
        async ({ fixture, steps, apply }, world) => {
          await bad(world);
          await world.ready("api");
          const planned = await steps();
          let ended = false;
          let fewest = Number.POSITIVE_INFINITY;
          let looks = 0;
          const serving = new Set<string>();
          const looking = (async () => {
            while (!ended) {
              const list = await world.get<PodList>("pods?labelSelector=app%3Dapi");
              const present = (list?.items ?? []).filter(isThere);
              // A probe that is late on a busy machine takes nobody away.
              for (const pod of present.filter(isReady)) serving.add(pod.metadata.uid);
              fewest = Math.min(fewest, present.filter(({ metadata }) => serving.has(metadata.uid)).length);
              looks++;
            }
          })();
          for (const step of planned) await apply(step, "strong");
          ended = true;
          await looking;
          expect(looks).toBeGreaterThan(5);
          expect(fewest).toBe(2);
          await fixture.isGood();
          const deployment = await world.get<Deployed>("deployments/api");
          expect(JSON.stringify(deployment)).toContain('"maxUnavailable":0');
        },
        { replicas: 2 },
      ));
  });
});

interface NameList {
  readonly items: readonly { readonly metadata: { readonly name: string } }[];
}

interface PodList {
  readonly items: readonly {
    readonly metadata: { readonly uid: string; readonly deletionTimestamp?: string };
    readonly status: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
  }[];
}

type SeenPod = PodList["items"][number];

const isThere = ({ metadata }: SeenPod): boolean => metadata.deletionTimestamp === undefined;

const isReady = ({ status }: SeenPod): boolean =>
  (status.conditions ?? []).some(({ type, status: state }) => type === "Ready" && state === "True");

/** A real webhook, which the API server asks before it takes a change of a Deployment in this namespace. */
async function refusing(world: World, folder: string): Promise<() => Promise<void>> {
  const [key, cert] = [join(folder, "hook.key"), join(folder, "hook.crt")];
  await promisify(execFile)("openssl", [
    ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days", "1"],
    ...["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
  ]);
  const pem = await readFile(cert);
  const server = createServer({ key: await readFile(key), cert: pem }, (request, response) => {
    let text = "";
    request.on("data", (part: Buffer) => {
      text += part.toString();
    });
    request.on("end", () => {
      const { request: asked } = JSON.parse(text) as { request: { uid: string } };
      const status = { code: 403, message: "no changes after six" };
      const answer = { uid: asked.uid, allowed: false, status };
      response.setHeader("content-type", "application/json");
      response.end(
        JSON.stringify({ apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", response: answer }),
      );
    });
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const labels = { hooked: world.namespace };
  await world.call("PATCH", `/api/v1/namespaces/${world.namespace}`, { metadata: { labels } });
  const path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
  await world.call("POST", path, {
    metadata: { name: world.namespace },
    webhooks: [
      {
        ...{ name: "freeze.example.com", sideEffects: "None", admissionReviewVersions: ["v1"] },
        clientConfig: { url: `https://127.0.0.1:${port}/`, caBundle: pem.toString("base64") },
        namespaceSelector: { matchLabels: labels },
        rules: [
          { apiGroups: ["apps"], apiVersions: ["v1"], operations: ["UPDATE"], resources: ["deployments"] },
        ],
      },
    ],
  });
  // The API server takes a moment to know of it.
  await until("the webhook to be asked", async () => {
    const tried = world.patch("deployments/api", { metadata: { annotations: { tried: "once" } } });
    return tried.then(
      () => false,
      (error: unknown) => String(error).includes("no changes after six"),
    );
  });
  return async () => {
    await world.call("DELETE", `${path}/${world.namespace}`);
    await new Promise((resolve) => server.close(resolve));
    await until("the webhook to be forgotten", async () => {
      const tried = world.patch("deployments/api", { metadata: { annotations: { tried: "again" } } });
      return tried.then(
        () => true,
        () => false,
      );
    });
  };
}
