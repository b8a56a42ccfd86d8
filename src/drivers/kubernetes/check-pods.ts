import type { KubernetesObject, Pod, Specified } from "../../clients/kubernetes/objects.js";
import { matchesLabels } from "../../clients/kubernetes/read.js";
import type { Check } from "../../core/driver.js";
import type { Looking } from "./looking.js";
import { digestsOf, stuckReasons, waitingFor } from "./pod-state.js";
import { countsOf } from "./rollout.js";
import { currentRevision, desiredPods, isReady, podsOf } from "./workload.js";

const named = (name: string, result: Check["result"], expected: string, actual: string): Check => ({
  name,
  result,
  expected,
  actual,
});

export function workloadReady({ state, subject }: Looking): Check[] {
  const { metadata, status, spec } = state.workload;
  const wanted = desiredPods(state);
  const expected = `${wanted} of ${wanted} updated, ready and available`;
  const name = `${subject}: ready`;
  if ((status?.observedGeneration ?? 0) < (metadata.generation ?? 0)) {
    return [named(name, "failed", expected, "its last change is not acted on yet")];
  }
  const counts = countsOf(state);
  const good = counts.every((count) => count === wanted);
  const [pods, updated, ready, available] = counts;
  const actual = `${updated} updated, ${ready} ready, ${available} available of ${pods} pods`;
  const paused = spec.paused === true && !good ? "; its rollout is paused" : "";
  return [named(name, good ? "passed" : "failed", expected, `${actual}${paused}`)];
}

/** H45: all of them; the first may be an old one. */
export function podsFine({ state, subject }: Looking): Check[] {
  const { pods } = state;
  const name = `${subject}: pods`;
  const current = new Set(podsOf(state, currentRevision(state)));
  const wrong = pods.flatMap((pod) => {
    const waits = waitingFor(pod, stuckReasons);
    if (waits.length > 0) return waits;
    if (!isReady(pod)) return [`${pod.metadata.name}: is not ready`];
    return current.has(pod) ? [] : [`${pod.metadata.name}: is of an older template`];
  });
  const expected = "all ready, of the present template";
  return [named(name, wrong.length === 0 ? "passed" : "failed", expected, wrong.join("; ") || expected)];
}

export function images({ state, wanted, subject }: Looking): Check[] {
  const { pods, workload } = state;
  const containers = workload.spec.template.spec.containers.map((one) => one.name);
  const missing = Object.keys(wanted.images ?? {}).filter((one) => !containers.includes(one));
  return [
    ...missing.map((one) =>
      named(`${subject}: image of ${one}`, "failed", "a container", "none of this name"),
    ),
    ...containers.map((container) => image(container, pods, subject, wanted.images?.[container])),
  ];
}

function image(
  container: string,
  pods: readonly Pod[],
  subject: string,
  expected: string | undefined,
): Check {
  const name = `${subject}: image of ${container}`;
  const running = pods.map((pod) => [pod.metadata.name, digestsOf(pod)[container]] as const);
  const unknown = running.filter(([, digest]) => digest === undefined).map(([pod]) => pod);
  const digests = [...new Set(running.flatMap(([, digest]) => digest ?? []))].sort();
  const wanted = expected ?? digests[0] ?? "one digest";
  const others = running.filter(([, digest]) => digest !== undefined && digest !== wanted);
  if (others.length > 0) {
    const actual = others.map(([pod, digest]) => `${pod}: ${digest}`).join("; ");
    return named(name, "failed", expected ?? "the same in every pod", actual);
  }
  if (unknown.length > 0 || running.length === 0) {
    const message = running.length === 0 ? "there are no pods" : `does not run yet in ${unknown.join(", ")}`;
    return { name, result: running.length === 0 ? "error" : "failed", expected: wanted, message };
  }
  return named(name, "passed", wanted, wanted);
}

interface Endpoints extends KubernetesObject {
  readonly subsets?: readonly {
    readonly addresses?: readonly {
      readonly targetRef?: { readonly name?: string; readonly uid?: string };
    }[];
  }[];
}

export async function endpoints({ state, wanted, read }: Looking): Promise<Check[]> {
  const { workload, pods } = state;
  const labels = workload.spec.template.metadata?.labels ?? {};
  const matching = async () => {
    const services = await read.list<Specified>("Service");
    return services
      .filter(({ spec }) => {
        const selector = spec["selector"] as Readonly<Record<string, string>> | undefined;
        return selector !== undefined && Object.keys(selector).length > 0 && matchesLabels(selector, labels);
      })
      .map(({ metadata }) => metadata.name);
  };
  const services = wanted.services ?? (await matching());
  return Promise.all(
    services.map(async (service) => {
      const name = `service ${service}: endpoints`;
      const found = await read.find<Endpoints>("Endpoints", service);
      const led = new Set(
        (found?.subsets ?? []).flatMap((one) => one.addresses ?? []).map((one) => one.targetRef?.uid),
      );
      const ready = pods.filter(isReady);
      const left = ready.filter((pod) => !led.has(pod.metadata.uid)).map((pod) => pod.metadata.name);
      const expected = "every ready pod, at least one";
      if (ready.length === 0) return named(name, "failed", expected, "no pod is ready");
      if (found === undefined)
        return named(name, "failed", expected, "there is no such Service, or it has none");
      return left.length === 0
        ? named(name, "passed", expected, `${ready.length} pods`)
        : named(name, "failed", expected, `does not lead to ${left.join(", ")}`);
    }),
  );
}
