import { follow } from "../../clients/kubernetes/follow.js";
import type { Pod, ReplicaSet, Workload } from "../../clients/kubernetes/objects.js";
import { type Reader, selectorText } from "../../clients/kubernetes/read.js";
import type { DriverContext } from "../../core/driver.js";
import { type Rollout, rolloutOf } from "./rollout.js";
import { ownedBy } from "./workload.js";

/**
 * Watches until the rollout of the present template is done or hopeless. Each change is judged when it comes; nothing
 * is asked for in between. Rejects when the context's signal is aborted.
 */
export async function followRollout(
  read: Reader,
  first: Workload,
  context: Pick<DriverContext, "signal" | "clock" | "progress" | "log">,
): Promise<Rollout> {
  const enough = new AbortController();
  const signal = AbortSignal.any([context.signal, enough.signal]);
  const seen: { deployments?: readonly Workload[]; sets?: readonly ReplicaSet[]; pods?: readonly Pod[] } = {};
  let last: Rollout = { state: "going", summary: "" };
  const judge = (): void => {
    const { deployments, sets, pods } = seen;
    if (deployments === undefined || sets === undefined || pods === undefined) return;
    const deployment = deployments.find(({ metadata }) => metadata.uid === first.metadata.uid);
    const now: Rollout =
      deployment === undefined
        ? { state: "hopeless", summary: "the Deployment was deleted meanwhile" }
        : rolloutOf(ownedBy(deployment, sets, pods));
    if (now.summary !== last.summary) context.progress(now.summary);
    last = now;
    if (now.state !== "going") enough.abort();
  };
  const selector = { labelSelector: selectorText(first.spec.selector) };
  const common = {
    lost: (error: unknown) => context.log(`watching goes on when it answers again: ${String(error)}`),
    sleep: (ms: number, signal: AbortSignal) => context.clock.sleep(ms, signal),
  };
  const [deployments, sets, pods] = await Promise.all([
    read.needed("Deployment"),
    read.needed("ReplicaSet"),
    read.needed("Pod"),
  ]);
  const watches = [
    follow<Workload>(
      read.api,
      {
        ...common,
        path: deployments.path(),
        query: { fieldSelector: `metadata.name=${first.metadata.name}` },
        changed: (items) => {
          seen.deployments = items;
          judge();
        },
      },
      signal,
    ),
    follow<ReplicaSet>(
      read.api,
      {
        ...common,
        path: sets.path(),
        query: selector,
        changed: (items) => {
          seen.sets = items;
          judge();
        },
      },
      signal,
    ),
    follow<Pod>(
      read.api,
      {
        ...common,
        path: pods.path(),
        query: selector,
        changed: (items) => {
          seen.pods = items;
          judge();
        },
      },
      signal,
    ),
  ];
  try {
    await Promise.all(watches);
  } finally {
    enough.abort();
    await Promise.allSettled(watches);
  }
  context.signal.throwIfAborted();
  return last;
}
