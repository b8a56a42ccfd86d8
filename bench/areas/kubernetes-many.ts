import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { KubernetesCluster } from "../../test/support/kubernetes-cluster.js";
import { app, template, until, type World } from "../../test/support/kubernetes-world.js";
import { type Figure, figure } from "../figure.js";
import { backout } from "../program.js";
import { timeProcess } from "../timed.js";

const count = 500;
const area = "kubernetes";
const named = (index: number): string => `app-${String(index).padStart(3, "0")}`;
const all = Array.from({ length: count }, (_, index) => named(index));

/** Captured, planned and rolled back as one target, beside kubectl, eight at a time. No pod runs: the control plane alone is measured. */
export async function manyDeployments(
  cluster: KubernetesCluster,
  world: World,
  into: string,
): Promise<Figure[]> {
  const folder = join(into, "many");
  mkdirSync(folder);
  const text = `backout: 1\nsystem: many\ntargets:\n  all: { driver: kubernetes, with: { kubeconfig: ${cluster.kubeconfig}, namespace: ${world.namespace}, everything: true } }\nscenarios:\n  full: { restore: [all] }\n`;
  writeFileSync(join(folder, "backout.yaml"), text);
  await eightAtATime(all, (name) => world.create("deployments", app({ name, replicas: 0 })));
  await settled(world);

  const captured = await measure(["checkpoint"], folder);
  await breakAll(world);
  const back = await measure(["rollback", "full", "--yes"], folder);
  const theirCapture = timeProcess(loop(cluster, world, "get", "-o", "yaml", "deployment/NAME"), {
    cwd: folder,
  });
  await breakAll(world);
  const theirUndo = timeProcess(loop(cluster, world, "rollout", "undo", "deployment/NAME"), { cwd: folder });

  const against = `xargs -P 8 kubectl get: ${Math.round(theirCapture)} ms, kubectl rollout undo: ${Math.round(theirUndo)} ms`;
  const one = (figureOf: string, unit: string, value: number, most?: number): Figure =>
    figure({
      ...{ area, figure: figureOf, unit, values: [value], against },
      ...(most === undefined ? {} : { most }),
    });
  return [
    one("500 Deployments: checkpoint", "ms", captured.ms),
    one("500 Deployments: plan and rollback", "ms", back.ms),
    one(
      "both against kubectl in parallel",
      "times",
      (captured.ms + back.ms) / (theirCapture + theirUndo),
      0.2,
    ),
    one("requests per object, checkpoint", "requests", captured.requests / count),
    one("requests per object, plan and rollback", "requests", back.requests / count),
    one("peak memory", "MB", Math.max(captured.megabytes, back.megabytes), 300),
  ];
}

async function eightAtATime(names: readonly string[], work: (name: string) => Promise<void>): Promise<void> {
  const left = [...names];
  const worker = async (): Promise<void> => {
    for (let name = left.pop(); name !== undefined; name = left.pop()) await work(name);
  };
  await Promise.all(Array.from({ length: 8 }, worker));
}

const breakAll = async (world: World): Promise<void> => {
  await eightAtATime(all, (name) =>
    world.patch(`deployments/${name}`, { spec: { template: template({ name, image: "app:v2" }) } }),
  );
  await settled(world);
};

interface List {
  readonly items: readonly {
    readonly metadata: { readonly generation: number };
    readonly status: { readonly observedGeneration?: number };
  }[];
}

const settled = (world: World): Promise<void> =>
  until("the controller to have seen all", async () => {
    const list = await world.get<List>("deployments");
    return (
      list?.items.length === count &&
      list.items.every(({ metadata, status }) => status.observedGeneration === metadata.generation)
    );
  });

/** One kubectl for each, eight at a time, as people do it; a few that fail on a busy machine are let go. */
function loop(cluster: KubernetesCluster, world: World, ...args: readonly string[]): [string, ...string[]] {
  const base = ["kubectl", `--kubeconfig=${cluster.kubeconfig}`, `--namespace=${world.namespace}`];
  const script = `printf '%s\\n' "$@" | xargs -P 8 -I NAME ${[...base, ...args].join(" ")} >/dev/null || true`;
  return ["sh", "-c", script, "sh", ...all];
}

/** Runs before the program, and writes at its end how many requests it has made. */
const counting = `
let requests = 0;
require("node:diagnostics_channel").subscribe("http.client.request.start", () => requests++);
process.on("exit", () => require("node:fs").writeFileSync("requests", String(requests)));
`;

interface Measured {
  readonly ms: number;
  readonly megabytes: number;
  readonly requests: number;
}

async function measure(args: readonly string[], cwd: string): Promise<Measured> {
  writeFileSync(join(cwd, "counting.cjs"), counting);
  const begun = performance.now();
  const child = spawn(process.execPath, ["--require", "./counting.cjs", backout, ...args], {
    cwd,
    stdio: ["ignore", "ignore", "inherit"],
  });
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  let peak = 0;
  let status: number | null | undefined;
  void ended.then((code) => {
    status = code;
  });
  while (status === undefined) {
    const text = await readFile(`/proc/${child.pid}/status`, "utf8").catch(() => "");
    peak = Math.max(peak, Number(/^VmHWM:\s+(\d+)/m.exec(text)?.[1] ?? 0));
    await sleep(20);
  }
  const ms = performance.now() - begun;
  if (status !== 0 && status !== 3) throw new Error(`backout ${args.join(" ")}: exit ${status}`);
  const requests = Number(await readFile(join(cwd, "requests"), "utf8"));
  return { ms, megabytes: peak / 1024, requests };
}
