import type { Pod, PodMetrics } from "../../clients/kubernetes/objects.js";
import type { FollowedPart, FollowedUnit } from "../../core/follow.js";
import { usageOf } from "./follow-usage.js";
import { statusesOf } from "./pod-state.js";
import { rolloutOf } from "./rollout.js";
import { currentRevision, isReady, type WorkloadState } from "./workload.js";

/** A workload and its pods as a follower is told of them. */
export function partOf(
  name: string,
  state: WorkloadState | undefined,
  metrics: readonly PodMetrics[],
): FollowedPart {
  if (state === undefined) return { name, state: "stuck", summary: "it is not there", units: [] };
  const revision = currentRevision(state);
  const units = state.pods.map((pod) => unitOf(pod, revision?.made(pod) ?? false, metrics));
  return { name, ...standing(state), units };
}

function standing(state: WorkloadState): Pick<FollowedPart, "state" | "summary"> {
  const { state: now, summary } = rolloutOf(state);
  if (now === "done") return { state: "done", summary };
  const { spec, status, metadata } = state.workload;
  if (metadata.deletionTimestamp !== undefined) return { state: "going", summary: "is being deleted" };
  const late = (status?.conditions ?? []).find(
    (one) => one.type === "Progressing" && one.status === "False" && now === "going",
  );
  if (late !== undefined) return { state: "stuck", summary: `${summary}; ${late.reason}: ${late.message}` };
  // Nobody goes on with it but a person, or a rollback.
  return { state: now === "hopeless" || spec.paused === true ? "stuck" : "going", summary };
}

function unitOf(pod: Pod, wanted: boolean, metrics: readonly PodMetrics[]): FollowedUnit {
  const [cpu, memory] = [usageOf(pod, metrics, "cpu"), usageOf(pod, metrics, "memory")];
  const since = Date.parse(pod.metadata.creationTimestamp ?? "");
  return {
    ...{ name: pod.metadata.name, phase: phaseOf(pod), ready: isReady(pod), wanted },
    restarts: statusesOf(pod).reduce((total, { restartCount }) => total + restartCount, 0),
    ...(Number.isNaN(since) ? {} : { since }),
    ...(cpu === undefined ? {} : { cpu }),
    ...(memory === undefined ? {} : { memory }),
  };
}

/** As `kubectl get pods` has it: what keeps it from running goes before its phase. */
function phaseOf(pod: Pod): string {
  if (pod.metadata.deletionTimestamp !== undefined) return "Terminating";
  const waiting = statusesOf(pod).flatMap(({ state }) => state?.waiting?.reason ?? []);
  const ended = (pod.status?.containerStatuses ?? []).flatMap(({ state }) => state?.terminated?.reason ?? []);
  const hindered = waiting.find((reason) => reason !== "PodInitializing" && reason !== "ContainerCreating");
  return hindered ?? ended[0] ?? pod.status?.reason ?? waiting[0] ?? pod.status?.phase ?? "Pending";
}
