import type {
  Condition,
  ControllerRevision,
  Pod,
  PodTemplate,
  ReplicaSet,
  Workload,
} from "../../clients/kubernetes/objects.js";
import type { Reader } from "../../clients/kubernetes/read.js";
import { canonicalJson } from "../../core/json.js";

export const workloadKinds = ["Deployment", "StatefulSet", "DaemonSet"] as const;
export type WorkloadKind = (typeof workloadKinds)[number];

export interface WorkloadName {
  readonly kind: WorkloadKind;
  readonly name: string;
}

/** What the cluster keeps of one template: a ReplicaSet, or a ControllerRevision. */
export interface Revision {
  readonly uid: string;
  readonly number: number;
  readonly template: PodTemplate;
  readonly createdAt: string;
  /** Whether a pod of the same workload was made from it. */
  readonly made: (pod: Pod) => boolean;
  readonly failure: Condition | undefined;
}

/** A workload with everything that it owns. */
export interface WorkloadState {
  readonly kind: WorkloadKind;
  readonly workload: Workload;
  readonly revisions: readonly Revision[];
  /** Old and new; those that are being deleted are not among them. */
  readonly pods: readonly Pod[];
}

const hashLabel = "pod-template-hash";
const revisionLabel = "controller-revision-hash";
export const revisionAnnotation = "deployment.kubernetes.io/revision";

/** Where its revisions are. */
export const revisionKind = (kind: WorkloadKind) =>
  kind === "Deployment" ? ("ReplicaSet" as const) : ("ControllerRevision" as const);

export async function readWorkload(read: Reader, { kind, name }: WorkloadName): Promise<WorkloadState> {
  const workload = await read.get<Workload>(kind, name);
  const { selector } = workload.spec;
  const [revisions, pods] = await Promise.all([
    read.list<ReplicaSet | ControllerRevision>(revisionKind(kind), selector),
    read.list<Pod>("Pod", selector),
  ]);
  return ownedBy(kind, workload, revisions, pods);
}

/** Selectors may overlap; who owns whom cannot. */
export function ownedBy(
  kind: WorkloadKind,
  workload: Workload,
  revisions: readonly (ReplicaSet | ControllerRevision)[],
  pods: readonly Pod[],
): WorkloadState {
  const { uid } = workload.metadata;
  const own = revisions.filter((one) => ownerOf(one) === uid);
  const owners = kind === "Deployment" ? new Set(own.map((one) => one.metadata.uid)) : new Set([uid]);
  return {
    kind,
    workload,
    revisions: own.flatMap((one) => revisionOf(kind, one)),
    pods: pods
      .filter((pod) => owners.has(ownerOf(pod)) && pod.metadata.deletionTimestamp === undefined)
      .toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1)),
  };
}

const ownerOf = ({ metadata }: ReplicaSet | ControllerRevision | Pod): string | undefined =>
  metadata.ownerReferences?.find((owner) => owner.controller === true)?.uid;

function revisionOf(kind: WorkloadKind, one: ReplicaSet | ControllerRevision): Revision[] {
  const { metadata } = one;
  const common = { uid: metadata.uid ?? "", createdAt: metadata.creationTimestamp ?? "" };
  if ("spec" in one) {
    const failure = (one.status?.conditions ?? []).find(
      ({ type, status }) => type === "ReplicaFailure" && status === "True",
    );
    const number = Number(metadata.annotations?.[revisionAnnotation] ?? 0);
    return [
      { ...common, number, failure, template: one.spec.template, made: (pod) => ownerOf(pod) === common.uid },
    ];
  }
  const { template } = one.data.spec ?? {};
  if (template === undefined) return [];
  const hash = kind === "StatefulSet" ? metadata.name : metadata.labels?.[revisionLabel];
  return [
    {
      ...{ ...common, number: one.revision, failure: undefined },
      template: {
        ...(template.metadata === undefined ? {} : { metadata: template.metadata }),
        spec: template.spec,
      },
      made: (pod) => pod.metadata.labels?.[revisionLabel] === hash,
    },
  ];
}

/** One text for one template: without the label by which ReplicaSets tell theirs apart. */
export function templateText({ metadata, spec }: PodTemplate): string {
  const { [hashLabel]: _hash, ...labels } = metadata?.labels ?? {};
  const annotations = metadata?.annotations ?? {};
  return canonicalJson({ labels, annotations, spec });
}

/** Of the present template; none while the controller has not made it. */
export function currentRevision({ workload, revisions }: WorkloadState): Revision | undefined {
  const wanted = templateText(workload.spec.template);
  return revisions.find((one) => templateText(one.template) === wanted);
}

export const podsOf = ({ pods }: WorkloadState, revision: Revision | undefined): Pod[] =>
  revision === undefined ? [] : pods.filter(revision.made);

export const isReady = (pod: Pod): boolean =>
  pod.metadata.deletionTimestamp === undefined &&
  (pod.status?.conditions ?? []).some(({ type, status }) => type === "Ready" && status === "True");

/** How many pods there should be: a DaemonSet's nodes decide. */
export const desiredPods = ({ kind, workload }: Pick<WorkloadState, "kind" | "workload">): number =>
  kind === "DaemonSet" ? (workload.status?.desiredNumberScheduled ?? 0) : (workload.spec.replicas ?? 1);

/** For people, and for looking it up in the cluster's own history; never gone back to by it. */
export function revisionNumber(state: WorkloadState): string {
  const annotated = state.workload.metadata.annotations?.[revisionAnnotation];
  return annotated ?? String(currentRevision(state)?.number ?? "");
}
