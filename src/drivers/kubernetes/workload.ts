import type {
  ContainerStatus,
  Pod,
  PodTemplate,
  ReplicaSet,
  Workload,
} from "../../clients/kubernetes/objects.js";
import { type Reader, selectorText } from "../../clients/kubernetes/read.js";
import { canonicalJson } from "../../core/json.js";

/** A Deployment with everything that it owns. */
export interface WorkloadState {
  readonly deployment: Workload;
  readonly replicaSets: readonly ReplicaSet[];
  /** Of all its ReplicaSets, old and new; those that are being deleted are not among them. */
  readonly pods: readonly Pod[];
}

const hashLabel = "pod-template-hash";
export const revisionAnnotation = "deployment.kubernetes.io/revision";

export async function readWorkload(read: Reader, name: string): Promise<WorkloadState> {
  const deployment = await read.get<Workload>("Deployment", name);
  const selector = selectorText(deployment.spec.selector);
  const [replicaSets, pods] = await Promise.all([
    read.list<ReplicaSet>("ReplicaSet", selector),
    read.list<Pod>("Pod", selector),
  ]);
  return ownedBy(deployment, replicaSets, pods);
}

/** Selectors may overlap; who owns whom cannot. */
export function ownedBy(
  deployment: Workload,
  replicaSets: readonly ReplicaSet[],
  pods: readonly Pod[],
): WorkloadState {
  const ownerOf = (one: ReplicaSet | Pod) =>
    one.metadata.ownerReferences?.find((owner) => owner.controller === true)?.uid;
  const own = replicaSets.filter((one) => ownerOf(one) === deployment.metadata.uid);
  const uids = new Set(own.map((one) => one.metadata.uid));
  return {
    deployment,
    replicaSets: own,
    pods: pods
      .filter((pod) => uids.has(ownerOf(pod)) && pod.metadata.deletionTimestamp === undefined)
      .toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1)),
  };
}

/** One text for one template: without the label by which ReplicaSets tell theirs apart. */
export function templateText({ metadata, spec }: PodTemplate): string {
  const { [hashLabel]: _hash, ...labels } = metadata?.labels ?? {};
  const annotations = metadata?.annotations ?? {};
  return canonicalJson({ labels, annotations, spec });
}

/** The ReplicaSet that makes the pods of the Deployment's present template; none while the controller has not made it. */
export function currentReplicaSet({ deployment, replicaSets }: WorkloadState): ReplicaSet | undefined {
  const wanted = templateText(deployment.spec.template);
  return replicaSets.find((one) => templateText(one.spec.template) === wanted);
}

export function podsOf({ pods }: WorkloadState, replicaSet: ReplicaSet | undefined): Pod[] {
  const uid = replicaSet?.metadata.uid;
  return uid === undefined
    ? []
    : pods.filter((pod) => pod.metadata.ownerReferences?.some((owner) => owner.uid === uid));
}

export const isReady = (pod: Pod): boolean =>
  pod.metadata.deletionTimestamp === undefined &&
  (pod.status?.conditions ?? []).some(({ type, status }) => type === "Ready" && status === "True");

export const statusesOf = ({ status }: Pod): readonly ContainerStatus[] => [
  ...(status?.initContainerStatuses ?? []),
  ...(status?.containerStatuses ?? []),
];

/** Why a pod does not run: it will not get better by itself, unless what it waits for appears. */
export const stuckReasons = [
  "CrashLoopBackOff",
  "ImagePullBackOff",
  "ErrImagePull",
  "ErrImageNeverPull",
  "InvalidImageName",
  "CreateContainerConfigError",
  "CreateContainerError",
  "RunContainerError",
] as const;

/** `api-5d9c-x2: app: CrashLoopBackOff (exit 1)`, for each container that waits for one of the reasons. */
export function waitingFor(pod: Pod, reasons: readonly string[]): string[] {
  return statusesOf(pod).flatMap(({ name, state, lastState }) => {
    const reason = state?.waiting?.reason;
    if (reason === undefined || !reasons.includes(reason)) return [];
    const exit = lastState?.terminated?.exitCode;
    const message = exit === undefined ? state?.waiting?.message : `its program ended with ${exit}`;
    return [
      `${pod.metadata.name}: ${name}: ${reason}${message === undefined ? "" : ` (${message.slice(0, 200)})`}`,
    ];
  });
}

/** The digest out of an image id: `docker-pullable://app@sha256:…`, `docker://sha256:…`. Undefined until it runs. */
export const digestIn = (imageId: string): string | undefined => /sha256:[0-9a-f]{64}/.exec(imageId)?.[0];

/** Container → digest, as it really runs. */
export const digestsOf = (pod: Pod): Readonly<Record<string, string | undefined>> =>
  Object.fromEntries(
    (pod.status?.containerStatuses ?? []).map(({ name, imageID }) => [name, digestIn(imageID)]),
  );

export const desiredReplicas = ({ spec }: Workload): number => spec.replicas ?? 1;
