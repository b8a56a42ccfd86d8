import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { type TestCluster, testLabel } from "./test-cluster.js";

/** A namespace of its own on a cluster; what is in it goes with it. */
export interface World {
  readonly namespace: string;
  /** Rejects unless the answer is a success, or the status that is named. */
  call<T = unknown>(method: string, path: string, body?: unknown): Promise<T>;
  /** Below the namespace: `deployments/api`, `pods?labelSelector=app%3Dapi`. Undefined where there is none. */
  get<T>(path: string): Promise<T | undefined>;
  create(path: string, ...objects: readonly object[]): Promise<void>;
  patch(path: string, change: object): Promise<void>;
  remove(path: string): Promise<void>;
  /** Every pod of the Deployment's present template, and no other, is ready. */
  ready(deployment: string): Promise<void>;
  cleanUp(): Promise<void>;
}

const groups: Readonly<Record<string, string>> = {
  deployments: "/apis/apps/v1",
  replicasets: "/apis/apps/v1",
  statefulsets: "/apis/apps/v1",
  daemonsets: "/apis/apps/v1",
  ingresses: "/apis/networking.k8s.io/v1",
  roles: "/apis/rbac.authorization.k8s.io/v1",
  rolebindings: "/apis/rbac.authorization.k8s.io/v1",
  horizontalpodautoscalers: "/apis/autoscaling/v1",
};

export async function kubernetesWorld(cluster: TestCluster): Promise<World> {
  const namespace = `backout-test-${randomBytes(5).toString("hex")}`;
  // Moved in 1.21; the older place is gone since 1.25.
  const { status: newer } = await cluster.call("GET", "/apis/policy/v1");
  const places = { ...groups, poddisruptionbudgets: `/apis/policy/${newer === 200 ? "v1" : "v1beta1"}` };
  const whole = (path: string) =>
    `${places[path.split(/[/?]/)[0] as keyof typeof places] ?? "/api/v1"}/namespaces/${namespace}/${path}`;
  const call = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const { status, body: text } = await cluster.call(method, path, body);
    if (status >= 200 && status < 300) return (text === "" ? undefined : JSON.parse(text)) as T;
    throw new Error(`${method} ${path}: ${status}: ${text.slice(0, 500)}`);
  };
  const get = async <T>(path: string): Promise<T | undefined> => {
    const { status, body } = await cluster.call("GET", whole(path));
    if (status === 404) return undefined;
    if (status !== 200) throw new Error(`${path}: ${status}: ${body.slice(0, 500)}`);
    return JSON.parse(body) as T;
  };
  await call("POST", "/api/v1/namespaces", {
    metadata: { name: namespace, labels: { [testLabel]: cluster.mark } },
  });
  // No pod is taken before.
  await until(
    "the namespace's account",
    async () => (await get<object>("serviceaccounts/default")) !== undefined,
  );
  return {
    namespace,
    call,
    get,
    create: async (path, ...objects) => {
      for (const one of objects) await call("POST", whole(path), one);
    },
    patch: async (path, change) => void (await call("PATCH", whole(path), change)),
    remove: async (path) => {
      await cluster.call("DELETE", whole(path));
      await until(`${path} to be gone`, async () => (await get(path)) === undefined);
    },
    ready: (name) =>
      until(`deployment ${name} to be ready`, async () => {
        const one = await get<Rollout>(`deployments/${name}`);
        const wanted = one?.spec.replicas ?? -1;
        const {
          observedGeneration,
          replicas = 0,
          updatedReplicas = 0,
          availableReplicas = 0,
        } = one?.status ?? {};
        return (
          observedGeneration === one?.metadata.generation &&
          [replicas, updatedReplicas, availableReplicas].every((count) => count === wanted)
        );
      }),
    cleanUp: async () => void (await cluster.call("DELETE", `/api/v1/namespaces/${namespace}`)),
  };
}

interface Rollout {
  readonly metadata: { readonly generation: number };
  readonly spec: { readonly replicas: number };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly updatedReplicas?: number;
    readonly availableReplicas?: number;
  };
}

export async function until(what: string, good: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 1600; tries++) {
    if (await good()) return;
    await sleep(150);
  }
  throw new Error(`waited in vain for ${what}`);
}

/** `${command}` runs in a shell of the image's own. */
export interface AppOptions {
  readonly name?: string;
  readonly image?: string;
  readonly replicas?: number;
  /** What `/health` answers: the file is there, or it is not. */
  readonly path?: string;
  readonly probe?: string;
  /** Run before the server starts. */
  readonly first?: string;
  readonly env?: readonly object[];
  readonly envFrom?: readonly object[];
  readonly memory?: string;
}

/** A Deployment that serves a page by busybox, ready when the page is there. */
export function app({ name = "api", replicas = 2, ...options }: AppOptions = {}): object {
  return {
    metadata: { name, labels: { app: name } },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      template: template({ name, ...options }),
    },
  };
}

export function template({
  name = "api",
  image = "app:v1",
  path = "health",
  probe = "/health",
  first = "true",
  env = [],
  envFrom = [],
  memory = "64Mi",
}: AppOptions): object {
  const serve = `echo fine > /www/${path}; ${first} && exec busybox httpd -f -p 8080 -h /www`;
  return {
    metadata: { labels: { app: name } },
    spec: {
      terminationGracePeriodSeconds: 0,
      automountServiceAccountToken: false,
      containers: [
        {
          ...{ name: "app", image, imagePullPolicy: "Never", env, envFrom },
          command: ["sh", "-c", serve],
          ports: [{ name: "http", containerPort: 8080 }],
          readinessProbe: { httpGet: { path: probe, port: "http" }, periodSeconds: 1, failureThreshold: 1 },
          resources: { limits: { memory } },
        },
      ],
    },
  };
}
