import type { Pod } from "../../clients/kubernetes/objects.js";
import { statusesOf, waitingFor } from "./pod-state.js";
import { currentRevision, desiredPods, isReady, podsOf, type WorkloadState } from "./workload.js";

export type Rollout = {
  /** `hopeless`: it will not become ready by itself, whatever one waits. */
  readonly state: "done" | "going" | "hopeless";
  readonly summary: string;
};

/** Seen once: they need somebody to do something. The others may pass, and count when they come again. */
const final = ["ErrImageNeverPull", "InvalidImageName", "ImagePullBackOff", "CreateContainerConfigError"];

/** A first crash may be a neighbour that was not up yet. */
const crashes = 2;

function hopeless(pod: Pod): string[] {
  const looping = statusesOf(pod).some(({ restartCount }) => restartCount >= crashes);
  return waitingFor(pod, looping ? [...final, "CrashLoopBackOff"] : final);
}

/** How far the present template's rollout is. */
export function rolloutOf(state: WorkloadState): Rollout {
  const { workload, pods } = state;
  const { metadata, status, spec } = workload;
  const wanted = desiredPods(state);
  const revision = currentRevision(state);
  if (revision === undefined || (status?.observedGeneration ?? 0) < (metadata.generation ?? 0)) {
    return { state: "going", summary: "waiting for the controller" };
  }
  const own = podsOf(state, revision);
  const stuck = own.flatMap(hopeless);
  if (stuck.length > 0) return { state: "hopeless", summary: stuck.join("; ") };
  const failed =
    (status?.conditions ?? []).find(({ type, status }) => type === "ReplicaFailure" && status === "True") ??
    revision.failure;
  if (failed !== undefined) return { state: "hopeless", summary: `${failed.reason}: ${failed.message}` };
  const ready = own.filter(isReady).length;
  const old = pods.length - own.length;
  const rest = old === 0 ? "" : `, ${old} old ones left`;
  const paused = spec.paused === true ? ", paused" : "";
  const summary = `${ready} of ${wanted} pods ready${rest}${paused}`;
  const counts = [...countsOf(state), ready, own.length];
  return counts.every((count) => count === wanted) && old === 0
    ? { state: "done", summary }
    : { state: "going", summary };
}

/** What the controller says: all, updated, ready, available. */
export function countsOf({ kind, workload: { status = {} } }: WorkloadState): number[] {
  if (kind === "DaemonSet") {
    const { updatedNumberScheduled = 0, numberReady = 0, numberAvailable = 0 } = status;
    return [numberReady, updatedNumberScheduled, numberReady, numberAvailable];
  }
  const { replicas = 0, updatedReplicas = 0, readyReplicas = 0, availableReplicas = 0 } = status;
  // A StatefulSet of that time does not tell what is available.
  return [
    replicas,
    updatedReplicas,
    readyReplicas,
    kind === "StatefulSet" ? readyReplicas : availableReplicas,
  ];
}
