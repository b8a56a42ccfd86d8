import type { Pod } from "../../clients/kubernetes/objects.js";
import {
  currentReplicaSet,
  desiredReplicas,
  isReady,
  podsOf,
  statusesOf,
  type WorkloadState,
  waitingFor,
} from "./workload.js";

export type Rollout =
  | { readonly state: "done"; readonly summary: string }
  | { readonly state: "going"; readonly summary: string }
  /** It will not become ready by itself, whatever one waits. */
  | { readonly state: "hopeless"; readonly summary: string };

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
  const { deployment, pods } = state;
  const { metadata, status, spec } = deployment;
  const wanted = desiredReplicas(deployment);
  const replicaSet = currentReplicaSet(state);
  if (replicaSet === undefined || (status?.observedGeneration ?? 0) < (metadata.generation ?? 0)) {
    return { state: "going", summary: "waiting for the controller" };
  }
  const own = podsOf(state, replicaSet);
  const stuck = own.flatMap(hopeless);
  if (stuck.length > 0) return { state: "hopeless", summary: stuck.join("; ") };
  const failed = [...(status?.conditions ?? []), ...(replicaSet.status?.conditions ?? [])].find(
    ({ type, status }) => type === "ReplicaFailure" && status === "True",
  );
  if (failed !== undefined) return { state: "hopeless", summary: `${failed.reason}: ${failed.message}` };
  const ready = own.filter(isReady).length;
  const old = pods.length - own.length;
  const rest = old === 0 ? "" : `, ${old} old ones left`;
  const paused = spec.paused === true ? ", paused" : "";
  const summary = `${ready} of ${wanted} pods ready${rest}${paused}`;
  const { replicas = 0, updatedReplicas = 0, availableReplicas = 0 } = status ?? {};
  const counts = [replicas, updatedReplicas, availableReplicas, ready, own.length];
  return counts.every((count) => count === wanted) && old === 0
    ? { state: "done", summary }
    : { state: "going", summary };
}
