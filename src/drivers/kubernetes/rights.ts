import type { Kubernetes } from "../../clients/kubernetes/connect.js";
import { isWorkload, otherKinds, type PieceKind } from "./piece.js";
import { namedObjects, type TargetOptions } from "./target-options.js";
import { workloadKinds } from "./workload.js";
import { namedWorkloads } from "./workload-options.js";

interface Right {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
}

const resources: Readonly<Record<PieceKind, readonly [group: string, resource: string]>> = {
  Deployment: ["apps", "deployments"],
  StatefulSet: ["apps", "statefulsets"],
  DaemonSet: ["apps", "daemonsets"],
  ConfigMap: ["", "configmaps"],
  Secret: ["", "secrets"],
  Service: ["", "services"],
  HorizontalPodAutoscaler: ["autoscaling", "horizontalpodautoscalers"],
  PodDisruptionBudget: ["policy", "poddisruptionbudgets"],
  Ingress: ["networking.k8s.io", "ingresses"],
};

const rights = ([group, resource]: readonly [string, string], verbs: readonly string[]): Right[] =>
  verbs.map((verb) => ({ verb, group, resource }));

/** docs/kubernetes.md, "Rights", has the same as a role. */
export function rightsFor(options: TargetOptions): Right[] {
  const named = [...namedWorkloads(options), ...namedObjects(options)].map(({ kind }) => kind);
  const flag = options.switch;
  const wide = named.length === 0 && flag === undefined;
  const switched: readonly PieceKind[] = flag === undefined ? [] : ["ConfigMap", ...workloadKinds];
  const kinds = new Set<PieceKind>(wide ? [...workloadKinds, ...otherKinds] : [...named, ...switched]);
  const workloads = [...kinds].filter(isWorkload);
  // What belongs to a workload goes with it.
  if (workloads.length > 0) {
    for (const kind of otherKinds) if (kind !== "Ingress") kinds.add(kind);
  }
  if (options.secrets === "leave" && !named.includes("Secret")) kinds.delete("Secret");
  const others = [...kinds].filter((kind) => !isWorkload(kind));
  const list = wide ? ["list"] : [];
  return [
    ...workloads.flatMap((kind) => rights(resources[kind], ["get", "list", "watch", "patch"])),
    ...workloads.flatMap((kind) =>
      rights(["apps", kind === "Deployment" ? "replicasets" : "controllerrevisions"], ["list", "watch"]),
    ),
    ...(workloads.length > 0 ? rights(["", "pods"], ["list", "watch"]) : []),
    ...(flag?.seen === "process" ? rights(["", "pods/exec"], ["get", "create"]) : []),
    ...(workloads.includes("StatefulSet") ? rights(["", "pods"], ["delete"]) : []),
    ...others.flatMap((kind) => {
      const lists = kind === "ConfigMap" || kind === "Secret" || kind === "Ingress" ? list : ["list"];
      return rights(resources[kind], ["get", ...lists, "update", "create"]);
    }),
    ...(kinds.has("ConfigMap") ? [] : rights(resources.ConfigMap, ["get", "create"])),
  ];
}

interface Review {
  readonly status: { readonly allowed: boolean };
}

/** The cluster's own answer about its user: nothing is tried out. `patch deployments.apps`, for each that is missing. */
export async function missingRights(api: Kubernetes, wanted: readonly Right[]): Promise<string[]> {
  const answers = await Promise.all(
    wanted.map(async ({ verb, group, resource }) => {
      const [of = "", subresource = ""] = resource.split("/");
      const attributes = { namespace: api.namespace, verb, group, resource: of, subresource };
      const { status } = await api.json<Review>({
        method: "POST",
        path: "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
        body: {
          apiVersion: "authorization.k8s.io/v1",
          kind: "SelfSubjectAccessReview",
          spec: { resourceAttributes: attributes },
        },
      });
      return status.allowed ? [] : [`${verb} ${resource}${group === "" ? "" : `.${group}`}`];
    }),
  );
  return answers.flat();
}
