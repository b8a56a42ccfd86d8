import { passes } from "../../clients/kubernetes/api-error.js";
import type { LabelSelector, Pod, PodMetrics } from "../../clients/kubernetes/objects.js";
import type { Reader } from "../../clients/kubernetes/read.js";
import type { DriverContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { Follower, Usage } from "../../core/follow.js";
import { quantity } from "./quantity.js";

/** A metrics server measures anew every 15 s. */
const everyMs = 10_000;

/** What the pods use, asked for again and again; said to be missing where it is not measured or may not be read. */
export async function followUsage(
  read: Reader,
  selector: LabelSelector | undefined,
  { signal, clock }: Pick<DriverContext, "signal" | "clock">,
  told: Follower,
  changed: (metrics: readonly PodMetrics[], isFirst: boolean) => void,
): Promise<void> {
  let first = true;
  let last: readonly PodMetrics[] = [];
  while (!signal.aborted) {
    const why = await asked(read, selector, (metrics) => {
      last = metrics;
    });
    if (why !== undefined) told.missing("resource use", why);
    changed(last, first);
    first = false;
    if (why !== undefined) return;
    await clock.sleep(everyMs, signal).catch(() => undefined);
  }
}

/** Why it is not to be had at all; undefined also where it was only away for a moment. */
async function asked(
  read: Reader,
  selector: LabelSelector | undefined,
  got: (metrics: readonly PodMetrics[]) => void,
): Promise<string | undefined> {
  try {
    if ((await read.served("PodMetrics")) === undefined)
      return "the cluster measures none: it serves no metrics.k8s.io";
    got(await read.list<PodMetrics>("PodMetrics", selector));
    return undefined;
  } catch (error) {
    if (!(error instanceof BackoutError)) throw error;
    return passes(error) ? undefined : error.message;
  }
}

/** Of all of a pod's containers together; with a limit where each of them has one. */
export function usageOf(
  pod: Pod,
  metrics: readonly PodMetrics[],
  resource: "cpu" | "memory",
): Usage | undefined {
  const measured = metrics.find(({ metadata }) => metadata.name === pod.metadata.name);
  if (measured === undefined) return undefined;
  const used = sum(measured.containers.map(({ usage }) => usage[resource]));
  if (used === undefined) return undefined;
  const limit = sum(pod.spec.containers.map(({ resources }) => resources?.limits?.[resource]));
  return { used, ...(limit === undefined ? {} : { limit }) };
}

function sum(texts: readonly (string | undefined)[]): number | undefined {
  const values = texts.map((text) => quantity(text ?? ""));
  if (values.length === 0) return undefined;
  return values.reduce((total, value) =>
    total === undefined || value === undefined ? undefined : total + value,
  );
}
