import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { generateIdentity, identityToRecipient } from "age-encryption";
import { loadAll } from "js-yaml";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Ended, type Place, startBackout } from "../support/backout-process.js";
import { kubernetesWorld, until, type World } from "../support/kubernetes-world.js";
import { suiteCluster } from "../support/suite-cluster.js";

/** `examples/erp` by the built program, on a real cluster. */

const example = fileURLToPath(new URL("../../examples/erp/", import.meta.url));
const plurals: Readonly<Record<string, string>> = {
  ...{ ConfigMap: "configmaps", Secret: "secrets", Service: "services" },
  ...{ Deployment: "deployments", PodDisruptionBudget: "poddisruptionbudgets" },
};

interface Manifest {
  readonly kind: string;
}

interface Container {
  readonly image: string;
  readonly env?: readonly { readonly name: string; readonly value: string }[];
  readonly readinessProbe: { readonly httpGet: { readonly path: string } };
  readonly resources: { readonly limits: { readonly memory: string } };
}

interface Version {
  readonly name: string;
  readonly summary: string;
  readonly identity: string;
}

interface Settings {
  readonly data: Readonly<Record<string, string>>;
}

interface Deployed {
  readonly spec: {
    readonly replicas: number;
    readonly template: { readonly spec: { readonly containers: Container[] } };
  };
}

const up = suiteCluster();
let world: World;
let folder: string;
let place: Place;

beforeAll(async () => {
  world = await kubernetesWorld(up());
  folder = mkdtempSync(join(tmpdir(), "backout-erp-"));
  const identity = await generateIdentity();
  const text = readFileSync(`${example}backout.yaml`, "utf8")
    .replace("namespace: erp\n", `namespace: ${world.namespace}\n`)
    .replace("lead: [anna]", `lead: [${userInfo().username}]`)
    .replace(/recipient: age1\w+/, `recipient: ${await identityToRecipient(identity)}`);
  writeFileSync(join(folder, "backout.yaml"), text);
  place = { cwd: folder, environment: { KUBECONFIG: up().kubeconfig, ERP_IDENTITY: identity } };
  for (const one of loadAll(readFileSync(`${example}manifests.yaml`, "utf8")) as Manifest[]) {
    await world.create(plurals[one.kind] ?? one.kind, one);
  }
  await ready();
  const checked = await backout("check");
  expect(checked.stdout + checked.stderr).not.toMatch(/error/i);
  expect(checked.status, checked.stdout + checked.stderr).toBe(0);
  await expectDone(backout("checkpoint", "--change", "release"));
}, 1_500_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

beforeEach(async () => {
  await ready();
});

const backout = (...args: string[]): Promise<Ended> => startBackout(place, ...args).ended;

async function expectDone(ended: Promise<Ended>): Promise<Ended> {
  const one = await ended;
  expect(one.status, `${one.stdout}${one.stderr}`).toBe(0);
  return one;
}

const ready = async (): Promise<void> => {
  await world.ready("api");
  await world.ready("web");
};

async function containerOf(name: string): Promise<Container> {
  const found = await world.get<Deployed>(`deployments/${name}`);
  const [one] = found?.spec.template.spec.containers ?? [];
  if (one === undefined) throw new Error(`deployment ${name} has no container`);
  return one;
}

/** As `kubectl patch` would. */
async function change(name: string, more: object): Promise<void> {
  const container = { ...(await containerOf(name)), ...more };
  await world.patch(`deployments/${name}`, { spec: { template: { spec: { containers: [container] } } } });
}

const restart = (name: string, at: string): Promise<void> =>
  world.patch(`deployments/${name}`, {
    spec: { template: { metadata: { annotations: { "kubectl.kubernetes.io/restartedAt": at } } } },
  });

const podsSay = (text: string): Promise<void> =>
  until(`a pod to say ${text}`, async () => JSON.stringify(await world.get("pods")).includes(text));

const good = async (): Promise<void> => {
  for (const name of ["api", "web"]) expect((await containerOf(name)).image).toBe("app:v1");
  expect((await containerOf("api")).env ?? []).toEqual([]);
  await ready();
};

const full = (change = "release", ...more: string[]): Promise<Ended> =>
  backout("rollback", "full", "--change", change, "--again", "--yes", ...more);

describe("an ERP on Kubernetes", () => {
  test("M19 both workloads crash-loop, with a restart in between: both come back at once, as captured", async () => {
    for (const name of ["api", "web"]) await change(name, { command: ["false"], image: "app:v2" });
    await podsSay('"CrashLoopBackOff"');
    for (const name of ["api", "web"]) await restart(name, "2026-01-01T00:00:00Z");
    expect((await backout("verify")).status).not.toBe(0);
    const { stdout } = await expectDone(full());
    expect(stdout).toMatch(/Deployment\/api.*image/s);
    await good();
    expect((await containerOf("api")).env).toBeUndefined();
  });

  test("a release that is ready and answers 500 is found by the check, and goes", async () => {
    await change("api", { env: [{ name: "STATUS", value: "500 Broken" }] });
    await ready();
    const said = await backout("verify");
    expect(said.status).not.toBe(0);
    expect(said.stdout).toMatch(/health at \/cgi-bin\/health.*500/s);
    await expectDone(full());
    await good();
  });

  test("H08 settings that went bad with the template go back with it", async () => {
    await world.patch("configmaps/settings", { data: { MODE: "loud" } });
    await change("api", { image: "app:v2" });
    await expectDone(full());
    await good();
    expect((await world.get<{ data: object }>("configmaps/settings"))?.data).toEqual({
      ...{ MODE: "quiet", CSP_DISABLED: "false" },
    });
  });

  test("M15 H06 the corrected probe survives the rollback, which is verified all the same", async () => {
    const probe = { httpGet: { path: "/ready", port: "http" }, periodSeconds: 1 };
    await change("web", { image: "app:v2", readinessProbe: probe });
    await expectDone(full());
    const container = await containerOf("web");
    expect([container.image, container.readinessProbe.httpGet.path]).toEqual(["app:v1", "/ready"]);
    await ready();
  });

  test("M10 H05 two changes in one workload: taking the release back keeps the memory of the other", async () => {
    await expectDone(backout("checkpoint", "--change", "release-only"));
    await change("api", { image: "app:v2", resources: { limits: { memory: "96Mi" } } });
    await ready();
    await expectDone(full("release-only"));
    const container = await containerOf("api");
    expect([container.image, container.resources.limits.memory]).toEqual(["app:v1", "96Mi"]);
    await expectDone(full());
    expect((await containerOf("api")).resources.limits.memory).toBe("64Mi");
  });

  test("M10 the other order: the memory goes back, and the release that came with it stays until it is its turn", async () => {
    await change("api", { image: "app:v2", resources: { limits: { memory: "96Mi" } } });
    await ready();
    await expectDone(backout("rollback", "api-only", "--change", "api-memory", "--again", "--yes"));
    const container = await containerOf("api");
    expect([container.image, container.resources.limits.memory]).toEqual(["app:v2", "64Mi"]);
    // The rollback of the story before left what this checkpoint holds.
    await expectDone(full("release-only", "--accept-known-bad"));
    await good();
  });

  test("W03 to a revision and to an image that a person names, in place of the checkpoint", async () => {
    const versions = async () => {
      const { stdout } = await expectDone(backout("versions", "api", "--json"));
      return (JSON.parse(stdout) as { versions: Version[] }).versions;
    };
    const before = (await versions()).find(({ summary }) => summary.endsWith("(current)"));
    await change("api", { image: "app:v2" });
    await change("web", { image: "app:v2" });
    await ready();
    const found = (await versions()).find(({ identity }) => identity === before?.identity);
    const old = found?.name.replace("revision ", "") ?? "";
    const byHand = ["full", "--to-revision", `api=${old}`, "--to-image", "web=app:v1"];
    const planned = await expectDone(backout("plan", ...byHand));
    expect(planned.stdout).toContain(`full (api=${old}, web=app:v1)`);
    await expectDone(backout("rollback", ...byHand, "--yes"));
    await good();
    const stranger = await backout("rollback", "api-only", "--to-image", "web=app:v1", "--yes");
    expect([stranger.status, stranger.stderr]).toEqual([
      ...[2, expect.stringContaining("is not part of scenario")],
    ]);
  });

  test("W08 what a full quota hinders is done by the named fallback, which scales to nothing first; then from scratch", async () => {
    for (const name of ["api", "web"]) await change(name, { image: "app:v2" });
    await ready();
    await world.create("resourcequotas", { metadata: { name: "few" }, spec: { hard: { pods: "3" } } });
    await until("the quota to be counted", async () =>
      JSON.stringify(await world.get("resourcequotas/few")).includes('"used":{"pods":"3"}'),
    );
    try {
      const hindered = await full();
      expect(hindered.status, hindered.stdout + hindered.stderr).toBe(4);
      expect(hindered.stdout + hindered.stderr).toMatch(/exceeded quota: few/);
      expect(hindered.stdout + hindered.stderr).toContain("by-scaling");
      await expectDone(backout("rollback", "by-scaling", "--change", "release", "--yes"));
      await good();
    } finally {
      await world.remove("resourcequotas/few");
    }
    await change("api", { image: "app:v2" });
    await expectDone(backout("rollback", "from-scratch", "--yes"));
    await good();
  });

  test("M14 a kill switch that weakens waits for somebody to agree, reaches the process, and goes back", async () => {
    const { ended } = startBackout(place, "rollback", "csp-off", "--yes");
    await until("the run to wait", async () => (await backout("status")).stdout.includes("approv"));
    expect((await world.get<Settings>("configmaps/settings"))?.data["CSP_DISABLED"]).toBe("false");
    await expectDone(backout("approve", "--reason", "seen"));
    const done = await expectDone(ended);
    expect(done.stdout).toMatch(/security: pages may load scripts from anywhere/);
    expect(done.stdout + done.stderr).toMatch(/2 processes have CSP_DISABLED "true"/);
    const { status, stdout } = await backout("check");
    expect([status, stdout]).toEqual([0, expect.not.stringContaining("switched back")]);
    await expectDone(backout("rollback", "csp-back", "--yes"));
    expect((await world.get<Settings>("configmaps/settings"))?.data["CSP_DISABLED"]).toBe("false");
    await ready();
  });

  test("killed in the middle of the rollout, it is resumed and verified", async () => {
    await change("api", { image: "app:v2" });
    await change("web", { image: "app:v2" });
    await ready();
    const { process, ended } = startBackout(
      place,
      "rollback",
      "full",
      "--change",
      "release",
      "--again",
      "--yes",
    );
    await until("the first patch", async () => (await containerOf("api")).image === "app:v1");
    process.kill("SIGKILL");
    expect((await ended).status).toBe("SIGKILL");
    await expectDone(backout("resume"));
    await good();
  });

  test("W05 H73 Secrets are in the checkpoints, and nowhere in clear text", async () => {
    const files = readdirSync(join(folder, ".backout"), { recursive: true, encoding: "utf8" });
    expect(files.filter((path) => path.endsWith("secrets.json.age"))).not.toEqual([]);
    const token = "token-of-the-example";
    for (const path of files
      .map((one) => join(folder, ".backout", one))
      .filter((one) => statSync(one).isFile())) {
      const text = readFileSync(path, "latin1");
      for (const word of [token, Buffer.from(token).toString("base64")])
        expect(text.includes(word), path).toBe(false);
    }
  });

  test("what the rollback replaced comes back by --undo", async () => {
    await change("api", { image: "app:v2" });
    await ready();
    await expectDone(full());
    await expectDone(backout("rollback", "--undo", "--yes"));
    expect((await containerOf("api")).image).toBe("app:v2");
    await expectDone(full());
    await good();
  });
});
