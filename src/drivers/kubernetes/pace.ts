import type { Probe } from "../../clients/kubernetes/objects.js";
import { desiredReplicas, isReady, type WorkloadState } from "./workload.js";

/** How long a rollout takes: plain numbers, so that the plan can be made without looking again. */
export type Pace = {
  readonly replicas: number;
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
function share(value: number | string | undefined, replicas: number, round: (n: number) => number): number {
  if (typeof value === "number") return value;
  return round((Number.parseFloat(value ?? "25%") / 100) * replicas);
}

const delaysOf = (probe: Probe | undefined): number =>
  probe === undefined
    ? 0
    : (probe.initialDelaySeconds ?? 0) +
      (probe.periodSeconds ?? 10) * Math.max(probe.failureThreshold ?? 3, probe.successThreshold ?? 1);

/** Where nothing was ever ready to measure: starting a container and asking it once. */
const startMs = 3_000;

export function paceOf({ deployment, pods }: WorkloadState): Pace {
  const { strategy, template, minReadySeconds = 0 } = deployment.spec;
  const replicas = desiredReplicas(deployment);
  const { maxSurge, maxUnavailable } = strategy?.rollingUpdate ?? {};
  const recreate = strategy?.type === "Recreate";
  const surge = share(maxSurge, replicas, Math.ceil);
  const away = share(maxUnavailable, replicas, Math.floor);
  const step = Math.max(1, recreate ? replicas : surge + away);
  const measured = pods.filter(isReady).flatMap((pod) => {
    const ready = (pod.status?.conditions ?? []).find(({ type }) => type === "Ready");
    const at = Date.parse(ready?.lastTransitionTime ?? "") - Date.parse(pod.metadata.creationTimestamp ?? "");
    // A pod that lost its readiness and got it back tells nothing about starting.
    return Number.isFinite(at) && at < 15 * 60_000 && restarts(pod) === 0 ? [at] : [];
  });
  const probed = template.spec.containers.map(
    (one) => delaysOf(one.startupProbe) + delaysOf(one.readinessProbe),
  );
  return {
    replicas,
    rounds: Math.ceil(replicas / step),
    podMs: Math.max(startMs, ...measured) + minReadySeconds * 1000,
    worstPodMs: startMs + (Math.max(0, ...probed) + minReadySeconds) * 1000,
    interrupts: recreate || (replicas > 0 && away >= replicas),
  };
}

const restarts = (pod: WorkloadState["pods"][number]): number =>
  (pod.status?.containerStatuses ?? []).reduce((total, one) => total + one.restartCount, 0);
