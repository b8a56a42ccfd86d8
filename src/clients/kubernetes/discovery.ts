import { BackoutError } from "../../core/errors.js";
import { isCode } from "./api-error.js";
import type { Kubernetes } from "./connect.js";

interface Groups {
  readonly groups: readonly {
    readonly name: string;
    readonly versions: readonly { readonly version: string }[];
  }[];
}

interface Resources {
  readonly resources: readonly { readonly name: string }[];
}

export type Kind = keyof typeof kinds;

/** Kind → group, plural, and the versions that are understood here, best first. */
const kinds = {
  Pod: ["", "pods", ["v1"]],
  ConfigMap: ["", "configmaps", ["v1"]],
  Secret: ["", "secrets", ["v1"]],
  Service: ["", "services", ["v1"]],
  Event: ["", "events", ["v1"]],
  Endpoints: ["", "endpoints", ["v1"]],
  Deployment: ["apps", "deployments", ["v1"]],
  StatefulSet: ["apps", "statefulsets", ["v1"]],
  DaemonSet: ["apps", "daemonsets", ["v1"]],
  ReplicaSet: ["apps", "replicasets", ["v1"]],
  ControllerRevision: ["apps", "controllerrevisions", ["v1"]],
  Ingress: ["networking.k8s.io", "ingresses", ["v1", "v1beta1"]],
  HorizontalPodAutoscaler: ["autoscaling", "horizontalpodautoscalers", ["v2", "v2beta2", "v1"]],
  PodDisruptionBudget: ["policy", "poddisruptionbudgets", ["v1", "v1beta1"]],
  PodMetrics: ["metrics.k8s.io", "pods", ["v1", "v1beta1"]],
} as const satisfies Record<string, readonly [string, string, readonly string[]]>;

/** Where objects of a kind lie on this cluster. */
export interface Served {
  readonly apiVersion: string;
  readonly plural: string;
  /** `/apis/apps/v1/namespaces/shop/deployments`, with a name behind it: one object. */
  path(name?: string): string;
}

/** What the cluster serves, asked once per group. */
export interface Discovery {
  /** Undefined where the cluster has no such kind, in no version that is understood here. */
  served(kind: Kind): Promise<Served | undefined>;
  /** Rejects with NOT_FOUND where `served` would say undefined. */
  needed(kind: Kind): Promise<Served>;
}

/** Server and kind → version, as found in the last minute: each piece of work begins by asking for the same. */
const recent = new Map<string, string>();
const recentMs = 60_000;

export function discover(api: Kubernetes): Discovery {
  let groups: Promise<Groups> | undefined;
  const found = new Map<Kind, Promise<Served | undefined>>();
  const look = async (kind: Kind): Promise<Served | undefined> => {
    const [group, plural, known] = kinds[kind];
    if (group === "" || group === "apps") return servedAt(api, kind, "v1");
    const key = `${api.server} ${kind}`;
    const lately = recent.get(key);
    if (lately !== undefined) return servedAt(api, kind, lately);
    groups ??= api.json<Groups>({ path: "/apis" });
    const offered = (await groups).groups.find((one) => one.name === group)?.versions ?? [];
    for (const version of known.filter((one) => offered.some((other) => other.version === one))) {
      const list = await api
        .json<Resources>({ path: `/apis/${group}/${version}` })
        .catch((error: unknown) => {
          // A group whose server is down is listed all the same.
          if (isCode(error, "NOT_FOUND") || isCode(error, "UNREACHABLE")) return { resources: [] };
          throw error;
        });
      if (!list.resources.some(({ name }) => name === plural)) continue;
      recent.set(key, version);
      setTimeout(() => recent.delete(key), recentMs).unref();
      return servedAt(api, kind, version);
    }
    return undefined;
  };
  const served = (kind: Kind): Promise<Served | undefined> => {
    const known = found.get(kind) ?? look(kind);
    found.set(kind, known);
    return known;
  };
  return {
    served,
    needed: async (kind) => {
      const place = await served(kind);
      if (place !== undefined) return place;
      throw new BackoutError("NOT_FOUND", `${api.server}: serves no ${kind} in a version known here`, {
        effect: "none",
        hint: "`kubectl api-versions` lists what it serves",
      });
    },
  };
}

function servedAt(api: Kubernetes, kind: Kind, version: string): Served {
  const [group, plural] = kinds[kind];
  const root = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
  const folder = `${root}/namespaces/${encodeURIComponent(api.namespace)}/${plural}`;
  return {
    apiVersion: group === "" ? version : `${group}/${version}`,
    plural,
    path: (name) => (name === undefined ? folder : `${folder}/${encodeURIComponent(name)}`),
  };
}
