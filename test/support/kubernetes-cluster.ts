import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFile, mkdtemp, readdir, readFile, rm, rmdir, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { freePorts } from "./free-ports.js";
import type { ApiAnswer, LimitedUser, TestCluster } from "./test-cluster.js";

const run = promisify(execFile);
/** Of the repository; what is bundled says where that is. */
const here = fileURLToPath(new URL("../..", import.meta.url));

/** A real Kubernetes of one node, which runs real pods; nothing is left after `stop`. */
export interface KubernetesCluster extends TestCluster {
  /** Ends the API server as a crash would; it comes back by itself. */
  crashApiServer(): Promise<void>;
}

const tokens = { admin: "admin-of-tests", reader: "reader-of-tests", nobody: "nobody-of-tests" };

const subject = (name: LimitedUser) => ({ apiGroup: "rbac.authorization.k8s.io", kind: "User", name });

export async function kubernetesCluster(root = here): Promise<KubernetesCluster> {
  await needPrograms();
  const { stdout } = await run("bash", [join(root, "scripts/build-test-kubernetes.sh")]);
  const folder = await mkdtemp(join(tmpdir(), "backout-kubernetes-"));
  const port = await freePorts(6);
  const server = `https://127.0.0.1:${port}`;
  const bridge = `bkt${port}`;
  const subnet = `10.${200 + (port % 50)}.${Math.floor(port / 128) % 256}`;
  const kubeconfig = join(folder, "kubeconfig");
  await writeFile(kubeconfig, kubeconfigText(server, tokens.admin), { mode: 0o600 });
  const limited = [`${tokens.reader},reader,reader`, `${tokens.nobody},nobody,nobody`, ""];
  await writeFile(join(folder, "limited-tokens.csv"), limited.join("\n"), { mode: 0o600 });
  await run("ip", ["link", "add", bridge, "type", "bridge"]);
  await run("ip", ["address", "add", `${subnet}.1/24`, "dev", bridge]);
  await run("ip", ["link", "set", bridge, "up"]);
  const programs = stdout.trim().split("\n").at(-1) ?? "";
  const process = spawn(
    "setpriv",
    [
      ...["--pdeathsig", "KILL", "unshare", "--mount", "--propagation", "private", "--pid", "--fork"],
      ...["--kill-child", "--mount-proc", "bash", join(root, "test/support/kubernetes-up.sh")],
    ],
    {
      env: {
        ...{ PATH: `${globalThis.process.env["PATH"]}:/usr/sbin:/sbin`, HOME: folder },
        ...{
          FOLDER: folder,
          PROGRAMS: programs,
          BRIDGE: bridge,
          ADDRESS: `${subnet}.1`,
          PORT: String(port),
          TOKEN: tokens.admin,
        },
      },
      stdio: ["ignore", "ignore", "pipe"],
    },
  );
  process.stderr.on("data", (text: Buffer) => void appendFile(join(folder, "start.log"), text));
  // Where this process ends without having stopped it, as on Ctrl-C, somebody else cleans up.
  const clean = (): void => {
    process.kill("SIGKILL");
    const script = join(root, "test/support/kubernetes-clean.sh");
    spawn("bash", [script, folder, bridge], { detached: true, stdio: "ignore" }).unref();
  };
  globalThis.process.once("exit", clean);
  const stop = async (): Promise<void> => {
    await end(process, folder, bridge);
    globalThis.process.off("exit", clean);
  };
  try {
    await nodeReady(server, tokens.admin, folder, process);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    ...{ folder, kubeconfig, server, mark: "built", tokens, stop },
    subjects: { reader: subject("reader"), nobody: subject("nobody") },
    call: callAs(server),
    crashApiServer: async () => {
      for (const pid of await pidsOf("kube-apiserver", String(port))) globalThis.process.kill(pid, "SIGKILL");
    },
  };
}

export const kubeconfigText = (server: string, token: string): string =>
  JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "local", cluster: { server, "insecure-skip-tls-verify": true } }],
    users: [{ name: "user", user: { token } }],
    contexts: [{ name: "local", context: { cluster: "local", user: "user" } }],
    "current-context": "local",
  });

async function needPrograms(): Promise<void> {
  const missing: string[] = [];
  for (const program of ["etcd", "dockerd", "busybox", "openssl", "ip", "setpriv", "curl"]) {
    await run("which", [program], { env: { PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` } }).catch(() =>
      missing.push(program),
    );
  }
  if (missing.length === 0) return;
  throw new Error(
    `these tests need ${missing.join(", ")}, not installed; on Debian 12, as root: bash scripts/install-test-tools.sh`,
  );
}

/** Asks as its administrator, without any code of ours in between. */
export const callAs =
  (server: string): TestCluster["call"] =>
  (method, path, body) =>
    call(server, tokens.admin, method, path, body);

async function nodeReady(
  server: string,
  token: string,
  folder: string,
  process: ChildProcess,
): Promise<void> {
  for (let tries = 0; tries < 900 && process.exitCode === null; tries++) {
    const node = await call(server, token, "GET", "/api/v1/nodes/node1").catch(() => ({ body: "" }));
    if (node.body.includes('"KubeletReady"') && !node.body.includes("node.kubernetes.io/not-ready")) return;
    await sleep(200);
  }
  const tail = async (name: string) =>
    `${name}: ${(await readFile(join(folder, name), "utf8").catch(() => "")).slice(-600)}`;
  const logs = ["start.log", "apiserver.log", "docker.log", "kubelet.log"].map(tail);
  throw new Error(`Kubernetes did not come up\n${(await Promise.all(logs)).join("\n")}`);
}

function call(
  server: string,
  token: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<ApiAnswer> {
  return new Promise((resolve, reject) => {
    const type = method === "PATCH" ? "application/merge-patch+json" : "application/json";
    const headers = { authorization: `Bearer ${token}`, "content-type": type };
    const options = { method, headers, rejectUnauthorized: false, timeout: 120_000 };
    const asked = request(`${server}${path}`, options, (response) => {
      let text = "";
      response.on("data", (part: Buffer) => {
        text += part.toString();
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body: text }));
      response.on("error", reject);
    });
    asked.on("error", reject);
    asked.on("timeout", () => asked.destroy(new Error(`${method} ${path}: no answer`)));
    asked.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** Those whose arguments hold both. */
async function pidsOf(program: string, argument: string): Promise<number[]> {
  const ids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(
    ids.map(
      async (id) => [Number(id), await readFile(`/proc/${id}/cmdline`, "utf8").catch(() => "")] as const,
    ),
  );
  return lines
    .filter(([, line]) => line.split("\0")[0]?.endsWith(program) && line.includes(argument))
    .map(([id]) => id);
}

async function end(process: ChildProcess, folder: string, bridge: string): Promise<void> {
  if (process.exitCode === null && process.signalCode === null) {
    process.kill("SIGKILL");
    await once(process, "exit");
  }
  // What was in its namespaces ends with it, in a moment.
  for (let tries = 0; tries < 50; tries++) {
    const left = await rm(folder, { recursive: true, force: true }).catch((error: unknown) => error);
    if (left === undefined) break;
    await sleep(200);
  }
  await run("ip", ["link", "delete", bridge]).catch(() => undefined);
  await removeControlGroups("/sys/fs/cgroup", bridge);
}

/** A control group outlives the processes in it. */
async function removeControlGroups(root: string, name: string): Promise<void> {
  const below = async (folder: string): Promise<void> => {
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
    for (const entry of entries) if (entry.isDirectory()) await below(join(folder, entry.name));
    for (let tries = 0; tries < 20; tries++) {
      const left = await rmdir(folder).catch((error: NodeJS.ErrnoException) => error);
      if (left === undefined || left.code === "ENOENT") return;
      await sleep(50);
    }
  };
  await below(join(root, name));
  const controllers = await readdir(root, { withFileTypes: true }).catch(() => []);
  for (const one of controllers) if (one.isDirectory()) await below(join(root, one.name, name));
}
