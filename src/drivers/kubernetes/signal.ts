import * as z from "zod";
import { withKubernetes } from "../../clients/kubernetes/connect.js";
import { clusterShape } from "../../clients/kubernetes/kubeconfig.js";
import type { Pod, PodMetrics } from "../../clients/kubernetes/objects.js";
import { type Reader, reader } from "../../clients/kubernetes/read.js";
import { defineSignal, type Reading } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { checkWorkload } from "./check-workload.js";
import { statusesOf, stuckReasons, waitingFor } from "./pod-state.js";
import { quantity } from "./quantity.js";
import { expiredOf } from "./switched.js";
import { desiredPods, isReady, readWorkload, type WorkloadState } from "./workload.js";
import { exactlyOne, sayExactlyOne, subjectOf, workloadOf, workloadShape } from "./workload-options.js";

const options = z
  .strictObject({
    ...clusterShape,
    ...workloadShape,
    value: z
      .enum(["ready", "missing", "restarts", "waiting", "memory", "expired"])
      .describe(
        "`ready`: pods that are. `missing`: pods wanted less those ready. `restarts`: of all containers of all pods together. `waiting`: pods that wait for one of `reasons`. `memory`: of the pod that is closest to its limit, used by limit. `expired`: switches in the ConfigMaps that it reads, whose time is over",
      ),
    reasons: z
      .array(z.string().min(1))
      .min(1)
      .default([...stuckReasons])
      .describe("Only for `waiting`: which reasons count"),
  })
  .refine(exactlyOne, sayExactlyOne);

type Options = z.infer<typeof options>;

const unmeasured = (message: string, hint: string): BackoutError =>
  new BackoutError("NOT_FOUND", message, { effect: "none", hint });

async function read(wanted: Options, api: Reader, now: number): Promise<Reading> {
  const state = await readWorkload(api, workloadOf(wanted));
  const ready = state.pods.filter(isReady).length;
  switch (wanted.value) {
    case "ready":
      return { value: ready, unit: "pods" };
    case "missing":
      return { value: Math.max(0, desiredPods(state) - ready), unit: "pods" };
    case "restarts":
      return { value: sum(state.pods.flatMap(statusesOf).map((one) => one.restartCount)), unit: "restarts" };
    case "waiting":
      return {
        value: state.pods.filter((pod) => waitingFor(pod, wanted.reasons).length > 0).length,
        unit: "pods",
      };
    case "expired":
      return { value: (await expiredOf(api, state, now)).length, unit: "switches" };
    case "memory":
      return { value: await memoryRatio(state, api, subjectOf(workloadOf(wanted))), unit: "ratio" };
  }
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

async function memoryRatio({ workload, pods }: WorkloadState, api: Reader, subject: string): Promise<number> {
  if ((await api.served("PodMetrics")) === undefined) {
    throw unmeasured(
      `${subject}: the cluster measures no memory: it serves no metrics.k8s.io`,
      "install metrics-server",
    );
  }
  const metrics = await api.list<PodMetrics>("PodMetrics", workload.spec.selector);
  const ratios = pods.flatMap((pod) => {
    const measured = metrics.find(({ metadata }) => metadata.name === pod.metadata.name);
    return measured === undefined ? [] : ratiosOf(pod, measured);
  });
  if (ratios.length > 0) return Math.max(...ratios);
  throw unmeasured(
    `${subject}: none of its ${pods.length} pods has both a memory limit and a measurement`,
    "set resources.limits.memory; a new pod is measured after a minute",
  );
}

const ratiosOf = (pod: Pod, { containers }: PodMetrics): number[] =>
  pod.spec.containers.flatMap(({ name, resources }) => {
    const limit = quantity(resources?.limits?.["memory"] ?? "");
    const used = quantity(containers.find((one) => one.name === name)?.usage["memory"] ?? "");
    return limit === undefined || limit === 0 || used === undefined ? [] : [used / limit];
  });

export const signal = defineSignal<Options>({
  id: "kubernetes",
  title: "Kubernetes workload: pods ready, missing or stuck, restarts, memory by its limit",
  options,
  check: checkWorkload,
  read: (wanted, context) =>
    withKubernetes(wanted, context, (api) => read(wanted, reader(api), context.clock.now())),
});
