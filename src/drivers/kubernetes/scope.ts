import type { DataObject, KubernetesObject, Workload } from "../../clients/kubernetes/objects.js";
import { type Reader, wholeNamespace } from "../../clients/kubernetes/read.js";
import { keptLabel } from "./kept.js";
import { isWorkload, type ObjectName, type OtherKind, otherKinds, type PieceKind } from "./piece.js";
import { readersOf } from "./switched.js";
import { namedObjects, type TargetOptions } from "./target-options.js";
import { workloadKinds } from "./workload.js";
import { namedWorkloads } from "./workload-options.js";

/** What a target is made of before anything that belongs to it is looked for. */
export const scopeOf = async (read: Reader, options: TargetOptions): Promise<ObjectName[]> => {
  const named = [...namedWorkloads(options), ...namedObjects(options)];
  if (named.length > 0) return named;
  if (options.switch !== undefined) {
    const { configMap, key } = options.switch;
    return [{ kind: "ConfigMap", name: configMap }, ...(await readersOf(read, configMap, key))];
  }
  const kinds: PieceKind[] = [...workloadKinds, ...otherKinds];
  const lists = await Promise.all(
    kinds
      .filter((kind) => kind !== "Secret" || options.secrets === "encrypt")
      .map(async (kind) => {
        const all = await read.list<KubernetesObject>(kind, options.selector);
        return all.filter((one) => owned(kind, one)).map(({ metadata }) => ({ kind, name: metadata.name }));
      }),
  );
  return lists.flat();
};

/** Made by people, and not by the cluster, by Helm's own record or by backout. */
function owned(kind: PieceKind, object: KubernetesObject): boolean {
  const { metadata } = object;
  if (metadata.labels?.[keptLabel] !== undefined || metadata.deletionTimestamp !== undefined) return false;
  if (kind === "ConfigMap") return metadata.name !== "kube-root-ca.crt";
  if (kind === "Service") return metadata.name !== "kubernetes";
  const { type = "" } = object as DataObject;
  if (kind === "Secret") return !/^(kubernetes\.io\/service-account-token|helm\.sh\/)/.test(type);
  return !isWorkload(kind) || (object as Workload).metadata.ownerReferences === undefined;
}

/** Many objects are cheaper listed once than asked for one by one. */
export const readerFor = (read: Reader, { selector, everything, objects = [] }: TargetOptions): Reader =>
  selector !== undefined || everything === true || objects.length > 8 ? wholeNamespace(read) : read;

export const otherNames = (names: readonly ObjectName[], kind: OtherKind): string[] =>
  names.flatMap((one) => (one.kind === kind ? [one.name] : []));
