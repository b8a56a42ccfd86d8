import type { KubernetesObject } from "../../clients/kubernetes/objects.js";

/** What puts a Deployment back to its own idea, where its marks say so: it would put the bad version back. */
export function reconcilerOf({ metadata }: KubernetesObject): string | undefined {
  const labels = metadata.labels ?? {};
  const annotations = metadata.annotations ?? {};
  const argo = annotations["argocd.argoproj.io/tracking-id"] ?? labels["argocd.argoproj.io/instance"];
  if (argo !== undefined) return `Argo CD (${argo})`;
  const flux = labels["kustomize.toolkit.fluxcd.io/name"];
  if (flux !== undefined) return `Flux (Kustomization ${flux})`;
  const release = labels["helm.toolkit.fluxcd.io/name"];
  if (release !== undefined) return `Flux (HelmRelease ${release})`;
  const managers = (metadata.managedFields ?? []).map(({ manager }) => manager ?? "");
  if (managers.some((one) => one.startsWith("argocd"))) return "Argo CD (a field manager)";
  if (managers.some((one) => /^(kustomize|helm)-controller$/.test(one))) return "Flux (a field manager)";
  return undefined;
}

/** Helm only acts when somebody calls it: the release that made this object, by Helm's own marks. */
export function helmReleaseOf({ metadata }: KubernetesObject): string | undefined {
  const release = metadata.annotations?.["meta.helm.sh/release-name"];
  if (release !== undefined) return release;
  const labels = metadata.labels ?? {};
  const { "app.kubernetes.io/managed-by": manager, "app.kubernetes.io/instance": instance } = labels;
  if (manager === "Helm") return instance ?? "release unknown";
  const byHelm = (metadata.managedFields ?? []).some(({ manager: one }) => one === "helm");
  return byHelm ? (instance ?? "release unknown") : undefined;
}
