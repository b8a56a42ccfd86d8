/**
 * What metrics-server serves, by its published contract (metrics.k8s.io/v1beta1, `PodMetricsList`): a stand-in, since its image
 * cannot be had. Every container uses the same.
 */
const version = "metrics.k8s.io/v1beta1";

export const metricsGroup = {
  name: "metrics.k8s.io",
  versions: [{ groupVersion: version, version: "v1beta1" }],
  preferredVersion: { groupVersion: version, version: "v1beta1" },
};

export const metricsResources = {
  ...{ kind: "APIResourceList", apiVersion: "v1", groupVersion: version },
  resources: [
    { name: "pods", singularName: "", namespaced: true, kind: "PodMetrics", verbs: ["get", "list"] },
  ],
};

/** In cores and bytes. */
export const used = { cpu: 0.0025, memory: 12_345 * 1024 };
const usage = { cpu: "2500000n", memory: "12345Ki" };

export interface PodList {
  readonly items: readonly {
    readonly metadata: { readonly name: string; readonly namespace: string };
    readonly spec: { readonly containers: readonly { readonly name: string }[] };
  }[];
}

export const podMetrics = ({ items }: PodList): object => ({
  ...{ kind: "PodMetricsList", apiVersion: version, metadata: {} },
  items: items.map(({ metadata: { name, namespace }, spec }) => ({
    metadata: { name, namespace },
    ...{ timestamp: new Date().toISOString(), window: "15s" },
    containers: spec.containers.map((container) => ({ name: container.name, usage })),
  })),
});
