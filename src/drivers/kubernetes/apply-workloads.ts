import type { ClusterEvent } from "../../clients/kubernetes/objects.js";
import type { Reader } from "../../clients/kubernetes/read.js";
import type { StepContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { type Followed, followRollouts } from "./follow-rollout.js";
import { nameOf } from "./piece.js";
import type { Rollout } from "./rollout.js";
import { currentRevision, isReady, type WorkloadState } from "./workload.js";

/** So many requests at a time. */
const atATime = 16;

/** In order, several at a time; the first that fails ends it when those that run have ended. */
export async function inParallel<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  let failed = false;
  const worker = async (): Promise<void> => {
    while (next < items.length && !failed) {
      const index = next++;
      try {
        results[index] = await work(items[index] as T);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const workers = Array.from({ length: Math.min(atATime, items.length) }, worker);
  const ended = await Promise.allSettled(workers);
  const first = ended.find((one): one is PromiseRejectedResult => one.status === "rejected");
  if (first !== undefined) throw first.reason;
  return results;
}

/** Every pod of every one, or an early word that there is nothing to wait for. */
export async function awaitWorkloads(
  read: Reader,
  followed: readonly Followed[],
  unready: readonly string[],
  context: StepContext,
): Promise<string> {
  const released = new Set<string>();
  const results = await followRollouts(
    read,
    followed.filter(({ kind, workload }) => !unready.includes(`${kind}/${workload.metadata.name}`)),
    context,
    { meanwhile: (state) => void releaseStuck(read, state, released, context) },
  );
  const failed = [...results].find(([, { state }]) => state === "hopeless");
  if (failed !== undefined) throw await neverReady(read, ...failed, context);
  const ready = [...results].map(([key, { summary }]) => `${nameOf(key).name}: ${summary}`);
  const left = unready.map((key) => `${nameOf(key).name}: as it was, its pods not waited for`);
  const all = [...ready, ...left];
  return all.length <= 4 ? all.join(", ") : `${all.length} workloads: every pod ready`;
}

/**
 * A StatefulSet waits for its broken pod before it replaces it, for ever: that pod has to go first. One of the wanted
 * template, or one that is ready, is never touched.
 */
async function releaseStuck(
  read: Reader,
  state: WorkloadState,
  released: Set<string>,
  { log }: StepContext,
): Promise<void> {
  const { metadata, status } = state.workload;
  const revision = currentRevision(state);
  if (state.kind !== "StatefulSet" || revision === undefined) return;
  if ((status?.observedGeneration ?? 0) < (metadata.generation ?? 0)) return;
  const stuck = state.pods.filter((pod) => !revision.made(pod) && !isReady(pod));
  for (const { metadata } of stuck.filter((pod) => !released.has(pod.metadata.uid ?? ""))) {
    released.add(metadata.uid ?? "");
    try {
      await read.api.json({
        method: "DELETE",
        path: (await read.needed("Pod")).path(metadata.name),
        body: { apiVersion: "v1", kind: "DeleteOptions", preconditions: { uid: metadata.uid ?? "" } },
      });
      log(
        `${metadata.name}: was not ready and of the version that is left: deleted, so that it is made anew`,
      );
    } catch (error) {
      log(`${metadata.name}: hinders the rollout, and could not be deleted: ${String(error)}`);
    }
  }
}

async function neverReady(
  read: Reader,
  key: string,
  { summary }: Rollout,
  context: StepContext,
): Promise<BackoutError> {
  const { kind, name } = nameOf(key);
  for (const line of await warningsOf(read, name, summary)) context.log(line);
  return new BackoutError("CHECK_FAILED", `${name}: will not become ready: ${summary}`, {
    effect: "applied",
    hint: `\`kubectl -n ${read.api.namespace} describe ${kind.toLowerCase()}/${name}\`, then choose another checkpoint`,
  });
}

/** The cluster's own words about the workload and the pods that were named, the newest; none where they may not be read. */
async function warningsOf(read: Reader, name: string, summary: string): Promise<string[]> {
  try {
    const events = await read.list<ClusterEvent>("Event");
    const about = ({ involvedObject }: ClusterEvent): boolean =>
      involvedObject.name !== undefined &&
      (involvedObject.name === name || summary.includes(involvedObject.name));
    return events
      .filter((event) => event.type === "Warning" && about(event))
      .toSorted((a, b) => Date.parse(a.lastTimestamp ?? "") - Date.parse(b.lastTimestamp ?? ""))
      .slice(-5)
      .map(
        ({ involvedObject, reason, message }) =>
          `${involvedObject.kind} ${involvedObject.name}: ${reason}: ${message}`,
      );
  } catch (error) {
    if (error instanceof BackoutError) return [`events could not be read: ${error.message}`];
    throw error;
  }
}

/** Until they are deleted. */
export async function awaitGone(
  read: Reader,
  followed: readonly Followed[],
  context: StepContext,
): Promise<void> {
  await followRollouts(read, followed, context, {
    gone: { state: "done", summary: "gone" },
    judge: (state) => ({ state: "going", summary: `is being deleted, ${state.pods.length} pods left` }),
  });
}

/** Until no pod of theirs is left, not even one that ends. */
export async function awaitNoPods(
  read: Reader,
  followed: readonly Followed[],
  context: StepContext,
): Promise<void> {
  await followRollouts(read, followed, context, {
    judge: (state) => {
      const { observedGeneration = 0, replicas = 0 } = state.workload.status ?? {};
      const seen = observedGeneration >= (state.workload.metadata.generation ?? 0);
      const left = state.pods.length + replicas;
      return left === 0 && seen
        ? { state: "done", summary: "no pod left" }
        : { state: "going", summary: `${Math.max(state.pods.length, replicas)} pods left` };
    },
  });
}
