import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TargetDriver } from "../../src/core/driver.js";
import type { JsonObject } from "../../src/core/json.js";
import type { Data } from "../../src/drivers/kubernetes/capture.js";
import { target } from "../../src/drivers/kubernetes/index.js";
import { contextsFor } from "../../src/drivers/testing/contexts.js";
import { folderArtifacts } from "../../src/drivers/testing/folder-artifacts.js";
import { rejection } from "../../src/drivers/testing/target-faults.js";
import { systemClock } from "../../src/platform/system-clock.js";
import { backout } from "../support/backout-process.js";
import { type KubernetesApp, kubernetesApp, settings } from "../support/kubernetes-app.js";
import { template, until } from "../support/kubernetes-world.js";
import { lookingRules, readerWith, rule } from "../support/reader-rights.js";
import { type RegistryServer, registryServer, registryUser } from "../support/registry-server.js";
import { builtCluster } from "../support/suite-cluster.js";

const up = builtCluster();

describe("images in their registry", () => {
  const driver: TargetDriver = target;
  const docker = (...args: string[]) =>
    promisify(execFile)("docker", ["--host", `unix://${join(up().folder, "docker.sock")}`, ...args], {
      env: { ...process.env, DOCKER_CONFIG: join(up().folder, "docker-config") },
    });
  /** The same contents as an image of its own: the node gives those that were pushed another digest, which others would see. */
  const own = async (from: string, name: string): Promise<void> => {
    const { stdout } = await docker("create", from, "sh");
    await docker("commit", "--change", `LABEL own=${name}`, stdout.trim(), name);
    await docker("rm", stdout.trim());
  };
  let server: RegistryServer;
  let fixture: KubernetesApp;
  let image = "";

  beforeAll(async () => {
    server = await registryServer();
    image = `${server.host}/shop/api:v1`;
    await docker("login", "--username", registryUser.user, "--password", registryUser.password, server.host);
    await own("app:v1", image);
    await docker("push", image);
    fixture = await kubernetesApp(up(), {}, 1);
    await fixture.world$.patch("deployments/api", { spec: { template: template({ ...settings, image }) } });
    await fixture.world$.ready("api");
  });
  afterAll(async () => {
    await fixture?.cleanUp();
    await server?.stop();
  });

  const withPin = async (pin: JsonObject | undefined, more: JsonObject = {}) => {
    const contexts = await contextsFor(fixture.folder);
    const options = driver.options.parse({
      ...fixture.options,
      ...more,
      ...(pin === undefined ? {} : { pin }),
    }) as JsonObject;
    return { contexts, options };
  };

  test("M02 H11 what runs gets a tag of the checkpoint's own; proven while it is there; prune takes that tag and no other", async () => {
    const { contexts, options } = await withPin(registryUser);
    try {
      const taken = await contexts.take(driver, options);
      const [pin, ...others] = (taken.part.data as Data).pins ?? [];
      expect(others).toEqual([]);
      if (pin === undefined) throw new Error("nothing is pinned");
      expect(pin).toMatchObject({
        repository: `${server.host}/shop/api`,
        tag: expect.stringMatching(/^backout-\d{14}-[0-9a-f]{8}-[0-9a-f]{12}$/),
      });
      const { digest } = await server.look("shop/api", "v1");
      expect([pin.digest, (await server.look("shop/api", pin.tag)).digest]).toEqual([digest, digest]);

      const prove = async () =>
        (await driver.prove?.(taken.part, options, await contexts.prove(taken)))?.checks;
      const image = (checks: Awaited<ReturnType<typeof prove>>) =>
        checks?.find(({ name }) => name.endsWith("the registry has the image"));
      expect(image(await prove())).toMatchObject({ result: "passed", actual: digest });

      expect(await driver.letGo?.(taken.part, options, contexts.plain())).toEqual([]);
      expect(await server.tags("shop/api")).toEqual(["v1"]);
      expect((await server.look("shop/api", "v1")).digest).toBe(digest);
      expect(await driver.letGo?.(taken.part, options, contexts.plain())).toEqual([]);
    } finally {
      await contexts.cleanUp();
    }
  });

  test("M02 a tag that somebody has led elsewhere is not ours any more", async () => {
    const { contexts, options } = await withPin(registryUser);
    try {
      const taken = await contexts.take(driver, options);
      const [pin] = (taken.part.data as Data).pins ?? [];
      const moved = `${server.host}/shop/api:${pin?.tag}`;
      await own("app:v2", moved);
      await docker("push", moved);
      const left = await driver.letGo?.(taken.part, options, contexts.plain());
      expect(left?.join()).toMatch(/backout-\S+: somebody has led it to sha256:\w+: left as it is/);
      expect(await server.tags("shop/api")).toEqual([pin?.tag, "v1"]);
    } finally {
      await contexts.cleanUp();
    }
  });

  test("M02 two checkpoints of one second hold each by itself: one can be removed", async () => {
    const { contexts, options } = await withPin(registryUser);
    const folder = await mkdtemp(join(tmpdir(), "backout-images-"));
    try {
      const { writer } = await folderArtifacts(folder);
      const now = systemClock.now();
      const capture = () =>
        driver.capture?.(options, {
          ...contexts.plain(),
          clock: { ...systemClock, now: () => now },
          artifacts: writer,
        });
      const [one, other] = [await capture(), await capture()];
      if (one === undefined || other === undefined) throw new Error("nothing was captured");
      const letGo = (part: typeof one) =>
        driver.letGo?.({ ...part, artifacts: [], at: now }, options, contexts.plain());
      expect(await letGo(one)).toEqual([]);
      const [held] = (other.data as Data).pins ?? [];
      expect(await server.tags("shop/api")).toContain(held?.tag);
      expect(await letGo(other)).toEqual([]);
      expect(await server.tags("shop/api")).not.toContain(held?.tag);
    } finally {
      await contexts.cleanUp();
      await rm(folder, { recursive: true, force: true });
    }
  });

  test("M02 prune lets go of what it removes; so does a checkpoint that does not come about", async () => {
    const { namespace, kubeconfig } = fixture.options as Record<string, string>;
    const text = (more: string) => `backout: 1
system: shop
retention: { keep: 1 }
targets:
  api:
    driver: kubernetes
    with:
      kubeconfig: ${kubeconfig}
      namespace: ${namespace}
      deployment: api
      pin: { user: ${registryUser.user}, password: "\${env:REGISTRY_PASSWORD}" }
${more}`;
    const folder = await mkdtemp(join(tmpdir(), "backout-images-"));
    const place = { cwd: folder, environment: { REGISTRY_PASSWORD: registryUser.password } };
    const ours = async () => (await server.tags("shop/api")).filter((tag) => tag.startsWith("backout-"));
    try {
      const before = await ours();
      await writeFile(join(folder, "backout.yaml"), text(""));
      const first = await backout(place, "checkpoint");
      const early = await ours();
      const second = await backout(place, "checkpoint");
      expect([first.status, second.status], first.stderr + second.stderr).toEqual([0, 0]);
      expect(early).toHaveLength(before.length + 1);
      const held = (await ours()).filter((tag) => !early.includes(tag));
      expect(held).toHaveLength(1);
      const pruned = await backout(place, "checkpoints", "prune");
      expect([pruned.status, pruned.stderr]).toEqual([0, ""]);
      expect(pruned.stdout).toContain("1 checkpoint removed, 1 kept");
      expect((await ours()).filter((tag) => !before.includes(tag))).toEqual(held);

      await writeFile(
        join(folder, "backout.yaml"),
        text(
          `  late: { driver: command, with: { capture: { run: [sh, -c, "sleep 8; exit 1"] }, restore: { run: ["true"] } } }\n`,
        ),
      );
      const failed = await backout(place, "checkpoint");
      expect([failed.status, failed.stderr]).toEqual([
        1,
        expect.stringMatching(/late\.capture: .*exit status 1/),
      ]);
      expect((await ours()).filter((tag) => !before.includes(tag))).toEqual(held);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  test("a registry that does not answer, or has not got it any more: said, and refused only where it is required", async () => {
    const { contexts, options } = await withPin(registryUser);
    const strict = await withPin({ ...registryUser, required: true });
    const stranger = await withPin({ ...registryUser, password: "another" });
    try {
      const { digest } = await server.look("shop/api", "v1");
      const denied = await stranger.contexts.take(driver, stranger.options);
      expect(denied.part.summary).toMatch(
        /; not held in a registry: .*answered 401: authentication required/,
      );
      const taken = await contexts.take(driver, options);
      await server.remove("shop/api", digest ?? "");
      const checks = (await driver.prove?.(taken.part, options, await contexts.prove(taken)))?.checks ?? [];
      expect(checks.filter(({ result }) => result !== "passed")).toMatchObject([
        { name: expect.stringContaining("the registry has the image"), result: "failed", actual: "none" },
      ]);
      const later = await contexts.take(driver, options);
      expect(later.part.summary).toMatch(
        /; not held in a registry: .*shop\/api: sha256:\w+: the registry answered 404/,
      );
      expect(contexts.lines.join("\n")).toMatch(/image not held in its registry: .*give `pin` a user/);
      const error = await rejection(() => strict.contexts.take(driver, strict.options));
      expect([error.code, error.message]).toEqual([
        "REFUSED",
        expect.stringMatching(/^images cannot be held: /),
      ]);

      await server.stop();
      const away = await contexts.take(driver, options);
      expect(away.part.summary).toMatch(/; not held in a registry: .*connection refused/);
    } finally {
      await contexts.cleanUp();
      await strict.contexts.cleanUp();
      await stranger.contexts.cleanUp();
    }
  });

  test("a proof finds an image on the nodes; says what it may not ask as not known; and fails where an image that is never pulled is gone", async () => {
    const { contexts, options } = await withPin(undefined);
    try {
      const taken = await contexts.take(driver, options);
      const prove = async (more: JsonObject = {}) =>
        driver.prove?.(taken.part, { ...options, ...more }, await contexts.prove(taken));
      const onNodes = async () => {
        const proof = await prove();
        return proof?.checks.find(({ name }) => name === `${image}: a node has the image`);
      };
      const { images } = (taken.part.data as Data).workloads["Deployment/api"] ?? {};
      expect(await onNodes()).toMatchObject({
        ...{ result: "passed", expected: images?.["app"], actual: "on node1" },
      });
      const kubeconfig = await readerWith(up(), fixture.world$, fixture.folder, [
        ...lookingRules,
        rule("apps", ["deployments"], ["patch"]),
        rule("", ["configmaps", "services"], ["get", "create", "update"]),
      ]);
      const limited = await prove({ kubeconfig });
      expect(limited?.checks.filter(({ result }) => result !== "passed")).toEqual([]);
      expect(limited?.unknown).toEqual([
        'which nodes have the images, besides those that run them now: user "user" may not list nodes',
      ]);
      await fixture.world$.patch("deployments/api", { spec: { replicas: 0 } });
      const removed = () => docker("rmi", "--force", image);
      await until("no pod to need it", () =>
        removed().then(
          () => true,
          () => false,
        ),
      );
      // The kubelet looks twice a minute what it has.
      await until("the node to tell", async () => (await onNodes())?.result !== "passed");
      expect(await onNodes()).toMatchObject({
        ...{ result: "failed", actual: "none has, and its imagePullPolicy is Never" },
      });
    } finally {
      await contexts.cleanUp();
    }
  });
});
