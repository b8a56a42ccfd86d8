import { scryptSync } from "node:crypto";
import type { Kind } from "../../clients/kubernetes/discovery.js";
import type {
  DataObject,
  KubernetesObject,
  PodTemplate,
  Specified,
  Workload,
} from "../../clients/kubernetes/objects.js";
import { contentDigest } from "../../core/content-digest.js";
import { canonicalJson, type Json, type JsonObject } from "../../core/json.js";
import { type WorkloadKind, workloadKinds } from "./workload.js";

export const otherKinds = [
  "ConfigMap",
  "Secret",
  "Service",
  "HorizontalPodAutoscaler",
  "PodDisruptionBudget",
  "Ingress",
] as const satisfies readonly Kind[];
export type OtherKind = (typeof otherKinds)[number];

export const pieceKinds = [...workloadKinds, ...otherKinds] as const;
export type PieceKind = (typeof pieceKinds)[number];

export interface ObjectName {
  readonly kind: PieceKind;
  readonly name: string;
}

/** One object, reduced to what is brought back: no noise, nothing that the cluster itself decides. */
export type Piece = {
  readonly kind: PieceKind;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Keys as in the object itself: `spec`, `data`. */
  readonly content: JsonObject;
  /** What can only be said when it is made: for one that was deleted. Not compared. */
  readonly fixed?: JsonObject;
};

/** Everything of a target, by `Kind/name`. */
export type Snapshot = Readonly<Record<string, Piece>>;

export const keyOf = ({ kind, name }: ObjectName): string => `${kind}/${name}`;

export function nameOf(key: string): ObjectName {
  const at = key.indexOf("/");
  return { kind: key.slice(0, at) as PieceKind, name: key.slice(at + 1) };
}

export const isWorkload = (kind: PieceKind): kind is WorkloadKind =>
  (workloadKinds as readonly string[]).includes(kind);

/** Marks of restarts: another time of starting is not another version. */
export const restartMark = "backout.dev/restarted-for";
const restartMarks = [restartMark, "kubectl.kubernetes.io/restartedAt"];

export function withoutMarks(template: PodTemplate): JsonObject {
  const { metadata, spec } = template;
  const annotations = Object.entries(metadata?.annotations ?? {}).filter(
    ([key]) => !restartMarks.includes(key),
  );
  const labels = metadata?.labels ?? {};
  return {
    metadata: {
      labels,
      ...(annotations.length === 0 ? {} : { annotations: Object.fromEntries(annotations) }),
    },
    spec: spec as unknown as Json,
  };
}

const takenFields: Readonly<Record<WorkloadKind, readonly string[]>> = {
  Deployment: ["strategy", "minReadySeconds", "progressDeadlineSeconds"],
  StatefulSet: ["updateStrategy", "minReadySeconds"],
  DaemonSet: ["updateStrategy", "minReadySeconds"],
};
const fixedFields = [
  "selector",
  "serviceName",
  "volumeClaimTemplates",
  "podManagementPolicy",
  "revisionHistoryLimit",
];

const picked = (from: JsonObject, keys: readonly string[]): JsonObject =>
  Object.fromEntries(keys.flatMap((key) => (from[key] === undefined ? [] : [[key, from[key]]])));

/** What of a workload is brought back. An autoscaler decides on the replicas where there is one. */
export function workloadContent(kind: WorkloadKind, { spec }: Workload, scaled: boolean): JsonObject {
  return {
    spec: {
      ...(scaled || kind === "DaemonSet" ? {} : { replicas: spec.replicas ?? 1 }),
      ...picked(spec as unknown as JsonObject, takenFields[kind]),
      ...(kind === "Deployment" ? { paused: spec.paused ?? false } : {}),
      template: withoutMarks(spec.template),
    },
  };
}

export const workloadPiece = (kind: WorkloadKind, workload: Workload, scaled: boolean): Piece => ({
  ...{ kind, name: workload.metadata.name, labels: workload.metadata.labels ?? {} },
  content: workloadContent(kind, workload, scaled),
  fixed: { spec: picked(workload.spec as unknown as JsonObject, fixedFields) },
});

/** Counts of what is scaled to nothing meanwhile come back by themselves. */
export function withoutReplicas(piece: Piece): Piece {
  const { replicas: _replicas, ...spec } = piece.content["spec"] as JsonObject;
  return { ...piece, content: { ...piece.content, spec } };
}

/** Written by kubectl for itself. */
export const lastApplied = "kubectl.kubernetes.io/last-applied-configuration";

const contents: Readonly<Record<OtherKind, (object: never) => JsonObject>> = {
  ConfigMap: ({ data, binaryData }: DataObject) => ({
    data: data ?? {},
    ...(binaryData === undefined ? {} : { binaryData }),
  }),
  Secret: ({ data, type }: DataObject) => ({ data: data ?? {}, ...(type === undefined ? {} : { type }) }),
  Service: ({ spec }: Specified) => ({
    spec: { selector: spec["selector"] ?? {}, ...picked(spec, ["ports"]) },
  }),
  HorizontalPodAutoscaler: ({ spec }: Specified) => ({ spec }),
  PodDisruptionBudget: ({ spec }: Specified) => ({ spec }),
  // Controllers take half of their orders from annotations.
  Ingress: ({ spec, metadata }: Specified) => {
    const { [lastApplied]: _applied, ...annotations } = metadata.annotations ?? {};
    return { metadata: { annotations }, spec };
  },
};

export function pieceOf(kind: OtherKind, object: KubernetesObject): Piece {
  const content = (contents[kind] as (object: KubernetesObject) => JsonObject)(object);
  const fixed = kind === "Service" ? { fixed: { spec: picked((object as Specified).spec, ["type"]) } } : {};
  return { kind, name: object.metadata.name, labels: object.metadata.labels ?? {}, content, ...fixed };
}

/**
 * A digest of one piece's content. That of a Secret stands in manifests and plans, so it is made expensive to guess
 * the content from.
 */
export function pieceDigest({ kind, name, content }: Piece): string {
  if (kind !== "Secret") return contentDigest(content);
  return `scrypt:${scryptSync(canonicalJson(content), `backout/${name}`, 32).toString("hex")}`;
}

export const digestsIn = (snapshot: Snapshot): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(snapshot)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, piece]) => [key, pieceDigest(piece)]),
  );
