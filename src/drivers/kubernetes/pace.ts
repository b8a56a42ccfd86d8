import type { Pod, Probe } from "../../clients/kubernetes/objects.js";
import { desiredPods, isReady, type WorkloadState } from "./workload.js";

/** How long a rollout takes: plain numbers, so that the plan can be made without looking again. */
export type Pace = {
  readonly pods: number;
  /** Rounds in which pods are replaced, by surge and by what may be missing. */
  readonly rounds: number;
  /** From a pod's making to its readiness: the slowest of those that are ready, milliseconds. */
  readonly podMs: number;
  /** What the probes alone allow a pod to take, milliseconds. */
  readonly worstPodMs: number;
  /** All pods may be away at once. */
  readonly interrupts: boolean;
};

/** As Kubernetes rounds them: surge up, unavailable down. */
function share(value: number | string, pods: number, round: (n: number) => number): number {
  return typeof value === "number" ? value : round((Number.parseFloat(value) / 100) * pods);
}

const delaysOf = (probe: Probe | undefined): number =>
  probe === undefined
    ? 0
    : (probe.initialDelaySeconds ?? 0) +
      (probe.periodSeconds ?? 10) * Math.max(probe.failureThreshold ?? 3, probe.successThreshold ?? 1);

/** Where nothing was ever ready to measure: starting a container and asking it once. */
const startMs = 3_000;

/** Pods that are replaced at a time, and of those, how many are away meanwhile. */
function stepOf({ kind, workload: { spec } }: WorkloadState, pods: number): { step: number; away: number } {
  if (kind === "StatefulSet") return { step: 1, away: 1 };
  if (kind === "DaemonSet") {
    const away = share(spec.updateStrategy?.rollingUpdate?.maxUnavailable ?? 1, pods, Math.ceil);
    return { step: away, away };
  }
  if (spec.strategy?.type === "Recreate") return { step: pods, away: pods };
  const { maxSurge = "25%", maxUnavailable = "25%" } = spec.strategy?.rollingUpdate ?? {};
  const away = share(maxUnavailable, pods, Math.floor);
  return { step: share(maxSurge, pods, Math.ceil) + away, away };
}

export function paceOf(state: WorkloadState): Pace {
  const { template, minReadySeconds = 0 } = state.workload.spec;
  const pods = desiredPods(state);
  const { step, away } = stepOf(state, pods);
  const probed = template.spec.containers.map(
    (one) => delaysOf(one.startupProbe) + delaysOf(one.readinessProbe),
  );
  return {
    pods,
    rounds: Math.ceil(pods / Math.max(1, step)),
    podMs: Math.max(startMs, ...state.pods.filter(isReady).flatMap(startOf)) + minReadySeconds * 1000,
    worstPodMs: startMs + (Math.max(0, ...probed) + minReadySeconds) * 1000,
    interrupts: pods > 0 && away >= pods,
  };
}

/** A pod that lost its readiness and got it back tells nothing about starting. */
function startOf(pod: Pod): number[] {
  const ready = (pod.status?.conditions ?? []).find(({ type }) => type === "Ready");
  const at = Date.parse(ready?.lastTransitionTime ?? "") - Date.parse(pod.metadata.creationTimestamp ?? "");
  const restarts = (pod.status?.containerStatuses ?? []).some(({ restartCount }) => restartCount > 0);
  return Number.isFinite(at) && at < 15 * 60_000 && !restarts ? [at] : [];
}
