import { expect, test } from "vitest";
import type { Meta } from "../../clients/kubernetes/objects.js";
import { helmReleaseOf, reconcilerOf } from "./reconcilers.js";

const of = (meta: Partial<Meta>) => {
  const one = { metadata: { name: "api", ...meta } };
  return [reconcilerOf(one), helmReleaseOf(one)];
};
const managed = (manager: string) => ({ managedFields: [{ manager: "kubectl" }, { manager }] });

test.each<[string, Partial<Meta>, string | undefined, string | undefined]>([
  ["by nobody", managed("kube-controller-manager"), undefined, undefined],
  ["Argo CD's label", { labels: { "argocd.argoproj.io/instance": "shop" } }, "Argo CD (shop)", undefined],
  [
    "Argo CD's annotation",
    { annotations: { "argocd.argoproj.io/tracking-id": "shop:apps/Deployment:shop/api" } },
    "Argo CD (shop:apps/Deployment:shop/api)",
    undefined,
  ],
  ["Argo CD's field manager", managed("argocd-controller"), "Argo CD (a field manager)", undefined],
  [
    "Flux's Kustomization",
    { labels: { "kustomize.toolkit.fluxcd.io/name": "shop" } },
    "Flux (Kustomization shop)",
    undefined,
  ],
  [
    "Flux's HelmRelease, which Helm's marks stand beside",
    {
      labels: { "helm.toolkit.fluxcd.io/name": "shop", "app.kubernetes.io/managed-by": "Helm" },
      annotations: { "meta.helm.sh/release-name": "shop" },
    },
    "Flux (HelmRelease shop)",
    "shop",
  ],
  ["Flux's field manager", managed("kustomize-controller"), "Flux (a field manager)", undefined],
  ["Helm's annotation", { annotations: { "meta.helm.sh/release-name": "shop" } }, undefined, "shop"],
  [
    "Helm's label alone",
    { labels: { "app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/instance": "shop-1" } },
    undefined,
    "shop-1",
  ],
  ["Helm's field manager", managed("helm"), undefined, "release unknown"],
])("H09 who keeps it as it is: %s", (_, meta, reconciler, release) => {
  expect(of(meta)).toEqual([reconciler, release]);
});
