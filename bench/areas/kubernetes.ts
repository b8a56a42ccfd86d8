import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type KubernetesCluster, kubernetesCluster } from "../../test/support/kubernetes-cluster.js";
import { app, kubernetesWorld, until, type World } from "../../test/support/kubernetes-world.js";
import { type Figure, figure } from "../figure.js";
import { backout, repository } from "../program.js";
import { inFolder } from "../run-plan.js";
import { inTurn, timeProcess } from "../timed.js";
import { manyDeployments } from "./kubernetes-many.js";
import { alreadyRunning } from "./kubernetes-running.js";

const area = "kubernetes";
const rounds = 3;
const names = ["api", "web"];

interface Deployed {
  readonly metadata: { readonly generation: number };
  readonly spec: {
    readonly template: { readonly spec: { readonly containers: readonly { readonly image: string }[] } };
  };
}

type Part = (cluster: KubernetesCluster, world: World, folder: string) => Promise<Figure[]>;

const parts: Readonly<Record<string, Part>> = { patch: patching, ready: waiting, many: manyDeployments };

/** The way back from a bad image: ours and that of `kubectl rollout undo`. All parts, or those that are named. */
export const rollingBack = (named: readonly string[]): Promise<Figure[]> =>
  inFolder(async (folder) => {
    const cluster = await kubernetesCluster(repository);
    try {
      const figures: Figure[] = [];
      for (const [name, part] of Object.entries(parts)) {
        if (named.length > 0 && !named.includes(name)) continue;
        figures.push(...(await part(cluster, await kubernetesWorld(cluster), folder)));
      }
      return figures;
    } finally {
      await cluster.stop();
    }
  });

const kubectl = (
  cluster: KubernetesCluster,
  world: World,
  ...args: readonly string[]
): [string, ...string[]] => [
  ...(["kubectl", `--kubeconfig=${cluster.kubeconfig}`, `--namespace=${world.namespace}`] as const),
  ...args,
];

function playbook(
  folder: string,
  cluster: KubernetesCluster,
  world: World,
  targets: readonly string[],
): void {
  const target = (name: string) =>
    `  ${name}: { driver: kubernetes, with: { kubeconfig: ${cluster.kubeconfig}, namespace: ${world.namespace}, deployment: ${name} } }`;
  const text = `backout: 1\nsystem: bench\ntargets:\n${targets.map(target).join("\n")}\nscenarios:\n  full: { restore: [${targets.join(", ")}] }\n`;
  writeFileSync(join(folder, "backout.yaml"), text);
}

const own = (...args: readonly string[]): [string, ...string[]] => [process.execPath, backout, ...args];

const imageOf = async (world: World, name: string): Promise<string | undefined> =>
  (await world.get<Deployed>(`deployments/${name}`))?.spec.template.spec.containers[0]?.image;

const allHave = (world: World, image: string) => async (): Promise<boolean> =>
  (await Promise.all(names.map((name) => imageOf(world, name)))).every((one) => one === image);

async function setImage(world: World, deployments: readonly string[], image: string): Promise<void> {
  for (const name of deployments) {
    await world.patch(`deployments/${name}`, {
      spec: { template: { spec: { containers: [{ ...container(name), image }] } } },
    });
  }
}

const container = (name: string): object =>
  (app({ name }) as { spec: { template: { spec: { containers: readonly object[] } } } }).spec.template.spec
    .containers[0] ?? {};

/** Milliseconds from starting the program until the cluster has taken what it was to take. */
async function untilSeen(
  argv: readonly [string, ...string[]],
  folder: string,
  seen: () => Promise<boolean>,
): Promise<number> {
  const [program, ...args] = argv;
  const begun = performance.now();
  const child = spawn(program, args, { cwd: folder, stdio: "ignore" });
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  for (let tries = 0; tries < 60_000 && !(await seen()); tries++) await sleep(2);
  const ms = performance.now() - begun;
  const status = await ended;
  if (status !== 0 && status !== 3) throw new Error(`${argv.join(" ")}: exit ${status}`);
  return ms;
}

async function patching(cluster: KubernetesCluster, world: World, folder: string): Promise<Figure[]> {
  playbook(folder, cluster, world, names);
  for (const name of names) await world.create("deployments", app({ name, replicas: 1 }));
  for (const name of names) await world.ready(name);
  timeProcess(own("checkpoint"), { cwd: folder });
  const run = await alreadyRunning(cluster, world, folder, names);
  const measured = await inTurn(rounds, async () => {
    await setImage(world, names, "app:v2");
    const theirs = names
      .map((name) => timeProcess(kubectl(cluster, world, "rollout", "undo", `deployment/${name}`)))
      .reduce((sum, ms) => sum + ms, 0);
    await until("the old image", allHave(world, "app:v1"));
    await setImage(world, names, "app:v2");
    const ours = await untilSeen(
      own("rollback", "full", "--yes", "--again"),
      folder,
      allHave(world, "app:v1"),
    );
    await setImage(world, names, "app:v2");
    const running = await run(allHave(world, "app:v1"));
    return { theirs, ours, running };
  });
  const against = `kubectl rollout undo twice: ${Math.round(measured.map(({ theirs }) => theirs).toSorted((a, b) => a - b)[1] ?? 0)} ms`;
  return [
    figure({
      ...{ area, figure: "decision to patch, 2 workloads", unit: "times", most: 3, against },
      values: measured.map(({ ours, theirs }) => ours / theirs),
    }),
    figure({
      ...{ area, figure: "the same, already running", unit: "times", most: 1, against },
      values: measured.map(({ running, theirs }) => running / theirs),
    }),
  ];
}

/** A program that takes ten seconds to be ready, as many do; two of them, one after the other. */
async function waiting(cluster: KubernetesCluster, world: World, folder: string): Promise<Figure[]> {
  playbook(folder, cluster, world, ["api"]);
  const slow = app({ replicas: 2 }) as {
    spec: { template: { spec: { containers: { readinessProbe: object }[] } } };
  };
  for (const one of slow.spec.template.spec.containers) {
    one.readinessProbe = { ...one.readinessProbe, initialDelaySeconds: 10 };
  }
  await world.create("deployments", slow);
  await world.ready("api");
  timeProcess(own("checkpoint"), { cwd: folder });
  const breakIt = async () => {
    // The bad version is ready at once.
    await setImage(world, ["api"], "app:v2");
    await world.ready("api");
  };
  const measured = await inTurn(rounds, async () => {
    await breakIt();
    const theirs =
      timeProcess(kubectl(cluster, world, "rollout", "undo", "deployment/api")) +
      timeProcess(kubectl(cluster, world, "rollout", "status", "deployment/api"));
    await breakIt();
    const ours = timeProcess(own("rollback", "full", "--yes", "--again"), { cwd: folder });
    return { theirs, ours };
  });
  return [
    figure({
      ...{ area, figure: "decision to every pod ready", unit: "times", most: 1.02 },
      values: measured.map(({ ours, theirs }) => ours / theirs),
      against: `kubectl rollout undo and rollout status, 2 pods that take 10 s each: ${Math.round(measured[0]?.theirs ?? 0)} ms`,
    }),
  ];
}
