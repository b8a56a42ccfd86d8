import type { Kubernetes } from "../../clients/kubernetes/connect.js";

export interface Right {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
}

const all = (group: string, resources: readonly string[], verbs: readonly string[]): Right[] =>
  resources.flatMap((resource) => verbs.map((verb) => ({ verb, group, resource })));

/** docs/kubernetes.md, "Rights", has the same as a role. */
export const rightsToLook: readonly Right[] = [
  ...all("apps", ["deployments", "replicasets"], ["get", "list", "watch"]),
  ...all("", ["pods"], ["get", "list", "watch"]),
  ...all("", ["configmaps"], ["get"]),
  ...all("", ["services"], ["list"]),
  ...all("autoscaling", ["horizontalpodautoscalers"], ["list"]),
  ...all("policy", ["poddisruptionbudgets"], ["list"]),
];

export const rightsToChange: readonly Right[] = [
  ...all("apps", ["deployments"], ["patch"]),
  ...all("", ["configmaps"], ["update", "create"]),
  ...all("", ["services"], ["get", "update"]),
  ...all("autoscaling", ["horizontalpodautoscalers"], ["get", "update", "create"]),
  ...all("policy", ["poddisruptionbudgets"], ["get", "update", "create"]),
];

export const rightsForSecrets: readonly Right[] = all("", ["secrets"], ["get", "update", "create"]);

interface Review {
  readonly status: { readonly allowed: boolean };
}

/** The cluster's own answer about its user: nothing is tried out. `patch deployments.apps`, for each that is missing. */
export async function missingRights(api: Kubernetes, wanted: readonly Right[]): Promise<string[]> {
  const answers = await Promise.all(
    wanted.map(async ({ verb, group, resource }) => {
      const attributes = { namespace: api.namespace, verb, group, resource };
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
