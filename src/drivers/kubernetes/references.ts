import type { PodTemplate } from "../../clients/kubernetes/objects.js";

/** Names of what a pod cannot start without, sorted; what is marked optional is left out of `needed`. */
export interface References {
  readonly configMaps: readonly string[];
  readonly secrets: readonly string[];
  readonly needed: { readonly configMaps: readonly string[]; readonly secrets: readonly string[] };
}

interface Reference {
  readonly kind: "configMaps" | "secrets";
  readonly name: string | undefined;
  readonly optional: boolean;
}

/** Every way in which a pod can read a ConfigMap or a Secret: variables, whole environments, volumes, projections. */
export function referencesOf({ spec }: PodTemplate): References {
  const all: Reference[] = [];
  const add = (
    kind: Reference["kind"],
    one: { readonly name?: string; readonly optional?: boolean } | undefined,
  ) => {
    if (one !== undefined) all.push({ kind, name: one.name, optional: one.optional === true });
  };
  for (const container of [...(spec.initContainers ?? []), ...spec.containers]) {
    for (const { configMapRef, secretRef } of container.envFrom ?? []) {
      add("configMaps", configMapRef);
      add("secrets", secretRef);
    }
    for (const { valueFrom } of container.env ?? []) {
      add("configMaps", valueFrom?.configMapKeyRef);
      add("secrets", valueFrom?.secretKeyRef);
    }
  }
  for (const { configMap, secret, projected } of spec.volumes ?? []) {
    add("configMaps", configMap);
    if (secret !== undefined) add("secrets", { ...secret, name: secret.secretName });
    for (const source of projected?.sources ?? []) {
      add("configMaps", source.configMap);
      add("secrets", source.secret);
    }
  }
  const names = (kind: Reference["kind"], optionalToo: boolean): string[] => {
    const wanted = all.filter((one) => one.kind === kind && (optionalToo || !one.optional));
    return [...new Set(wanted.flatMap(({ name }) => name ?? []))].sort();
  };
  return {
    configMaps: names("configMaps", true),
    secrets: names("secrets", true),
    needed: { configMaps: names("configMaps", false), secrets: names("secrets", false) },
  };
}
