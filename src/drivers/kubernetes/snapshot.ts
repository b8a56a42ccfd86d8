import { scryptSync } from "node:crypto";
import type { Kind } from "../../clients/kubernetes/discovery.js";
import type {
  DataObject,
  KubernetesObject,
  LabelSelector,
  PodTemplate,
  Specified,
  Workload,
} from "../../clients/kubernetes/objects.js";
import { matchesLabels, matchesSelector, type Reader } from "../../clients/kubernetes/read.js";
import { contentDigest } from "../../core/content-digest.js";
import { canonicalJson, type Json, type JsonObject } from "../../core/json.js";
import { referencesOf } from "./references.js";
import type { TargetOptions } from "./target-options.js";

export type PieceKind = Extract<
  Kind,
  "Deployment" | "ConfigMap" | "Secret" | "Service" | "HorizontalPodAutoscaler" | "PodDisruptionBudget"
>;

/** One object, reduced to what is brought back: no noise, nothing that the cluster itself decides. */
export type Piece = {
  readonly kind: PieceKind;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Keys as in the object itself: `spec`, `data`. */
  readonly content: JsonObject;
};

/** Everything of a target, by `Kind/name`. */
export type Snapshot = Readonly<Record<string, Piece>>;

export const keyOf = (kind: PieceKind, name: string): string => `${kind}/${name}`;

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

/** What of a Deployment is brought back. An autoscaler decides on the replicas where there is one. */
export function deploymentContent({ spec }: Workload, scaled: boolean): JsonObject {
  const { replicas, strategy, minReadySeconds, progressDeadlineSeconds, paused, template } = spec;
  return {
    spec: {
      ...(scaled ? {} : { replicas: replicas ?? 1 }),
      ...(strategy === undefined ? {} : { strategy: strategy as unknown as Json }),
      ...(minReadySeconds === undefined ? {} : { minReadySeconds }),
      ...(progressDeadlineSeconds === undefined ? {} : { progressDeadlineSeconds }),
      paused: paused ?? false,
      template: withoutMarks(template),
    },
  };
}

const contents: Readonly<Record<Exclude<PieceKind, "Deployment">, (object: never) => JsonObject>> = {
  ConfigMap: ({ data, binaryData }: DataObject) => ({
    data: data ?? {},
    ...(binaryData === undefined ? {} : { binaryData }),
  }),
  Secret: ({ data, type }: DataObject) => ({ data: data ?? {}, ...(type === undefined ? {} : { type }) }),
  Service: ({ spec }: Specified) => ({ spec: { selector: spec["selector"] ?? {} } }),
  HorizontalPodAutoscaler: ({ spec }: Specified) => ({ spec }),
  PodDisruptionBudget: ({ spec }: Specified) => ({ spec }),
};

export function pieceOf(kind: Exclude<PieceKind, "Deployment">, object: KubernetesObject): Piece {
  const content = (contents[kind] as (object: KubernetesObject) => JsonObject)(object);
  return { kind, name: object.metadata.name, labels: object.metadata.labels ?? {}, content };
}

export const scales = (deployment: string, { spec }: Specified): boolean => {
  const target = spec["scaleTargetRef"] as { kind?: string; name?: string } | undefined;
  return target?.kind === "Deployment" && target.name === deployment;
};

/**
 * The Deployment and what belongs to it: by its present template, and by what was captured with it, so that what a
 * rollout took away is seen as gone.
 */
export async function readSnapshot(
  read: Reader,
  deployment: Workload,
  options: TargetOptions,
  captured: Snapshot = {},
): Promise<Snapshot> {
  const { template } = deployment.spec;
  const labels = template.metadata?.labels ?? {};
  const references = referencesOf(template);
  const before = (kind: PieceKind) =>
    Object.values(captured).flatMap((one) => (one.kind === kind ? [one.name] : []));
  const named = async (kind: "ConfigMap" | "Secret", names: readonly string[]) => {
    const all = [...new Set([...names, ...before(kind)])];
    return (await Promise.all(all.map((name) => read.find(kind, name)))).flatMap((one) =>
      one === undefined ? [] : [pieceOf(kind, one)],
    );
  };
  const listed = async (
    kind: "Service" | "HorizontalPodAutoscaler" | "PodDisruptionBudget",
    mine: (one: Specified) => boolean,
  ) => {
    const known = before(kind);
    const all = await read.list<Specified>(kind);
    return all
      .filter((one) => mine(one) || known.includes(one.metadata.name))
      .map((one) => pieceOf(kind, one));
  };
  const pieces = await Promise.all([
    named("ConfigMap", references.configMaps),
    options.secrets === "encrypt" ? named("Secret", references.secrets) : [],
    listed("Service", ({ spec }) => {
      const selector = spec["selector"] as Readonly<Record<string, string>> | undefined;
      return selector !== undefined && Object.keys(selector).length > 0 && matchesLabels(selector, labels);
    }),
    listed("HorizontalPodAutoscaler", (one) => scales(deployment.metadata.name, one)),
    listed("PodDisruptionBudget", ({ spec }) => {
      const selector = spec["selector"] as LabelSelector | undefined;
      return selector !== undefined && matchesSelector(selector, labels);
    }),
  ]);
  const others = pieces.flat();
  const scaled = [...others, ...Object.values(captured)].some(
    (one) => one.kind === "HorizontalPodAutoscaler",
  );
  const own: Piece = {
    kind: "Deployment",
    name: deployment.metadata.name,
    labels: deployment.metadata.labels ?? {},
    content: deploymentContent(deployment, scaled),
  };
  return Object.fromEntries([own, ...others].map((one) => [keyOf(one.kind, one.name), one]));
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
