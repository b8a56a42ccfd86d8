import type { Condition, LabelSelector, Specified } from "../../clients/kubernetes/objects.js";
import { matchesSelector } from "../../clients/kubernetes/read.js";
import type { Check } from "../../core/driver.js";
import type { Looking } from "./looking.js";

const oldConditions = "autoscaling.alpha.kubernetes.io/conditions";

/** `autoscaling/v1` has no place for them but an annotation. */
function conditionsOf({ metadata, status }: Specified): readonly Condition[] {
  const now = status?.["conditions"] as readonly Condition[] | undefined;
  if (now !== undefined) return now;
  const old = metadata.annotations?.[oldConditions];
  return old === undefined ? [] : (JSON.parse(old) as Condition[]);
}

const numberIn = (object: Specified["status"], key: string): number => Number(object?.[key] ?? 0);

/** Those that scale this workload. */
export async function autoscalers({ read, state }: Looking): Promise<Check[]> {
  const all = await read.list<Specified>("HorizontalPodAutoscaler");
  const own = all.filter(({ spec }) => {
    const target = spec["scaleTargetRef"] as { kind?: string; name?: string } | undefined;
    return target?.kind === state.kind && target.name === state.workload.metadata.name;
  });
  return own.map((one) => {
    const name = `autoscaler ${one.metadata.name}`;
    const [min, max] = [
      numberIn({ minReplicas: 1, ...one.spec }, "minReplicas"),
      numberIn(one.spec, "maxReplicas"),
    ];
    const current = state.workload.spec.replicas ?? 1;
    const expected = `able to scale, ${min} to ${max} pods`;
    const hindered = conditionsOf(one).find(
      ({ type, status }) => ["AbleToScale", "ScalingActive"].includes(type) && status === "False",
    );
    if (current < min || current > max)
      return { name, result: "failed", expected, actual: `${current} pods` };
    if (hindered === undefined) return { name, result: "passed", expected, actual: `${current} pods` };
    const actual = `${hindered.type} is False: ${hindered.reason}: ${hindered.message}`;
    return { name, result: "failed", expected, actual };
  });
}

/** Those that protect its pods. */
export async function budgets({ read, state }: Looking): Promise<Check[]> {
  const labels = state.workload.spec.template.metadata?.labels ?? {};
  const all = await read.list<Specified>("PodDisruptionBudget");
  const own = all.filter(({ spec }) => {
    const selector = spec["selector"] as LabelSelector | undefined;
    return selector !== undefined && matchesSelector(selector, labels);
  });
  return own.map((one) => {
    const name = `disruption budget ${one.metadata.name}`;
    const [healthy, needed] = [
      numberIn(one.status, "currentHealthy"),
      numberIn(one.status, "desiredHealthy"),
    ];
    const observed = numberIn(one.status, "observedGeneration") >= (one.metadata.generation ?? 0);
    if (!observed) return { name, result: "error", message: "was not looked at by the cluster yet" };
    return {
      name,
      result: healthy >= needed ? "passed" : "failed",
      expected: `${needed} healthy pods`,
      actual: `${healthy}`,
    };
  });
}
