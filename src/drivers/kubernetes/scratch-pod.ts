import { follow } from "../../clients/kubernetes/follow.js";
import type { Pod } from "../../clients/kubernetes/objects.js";
import type { Reader } from "../../clients/kubernetes/read.js";
import type { Check, ProveContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { JsonObject } from "../../core/json.js";
import { markOf } from "./kept.js";
import type { Piece } from "./piece.js";
import { statusesOf, stuckReasons, waitingFor } from "./pod-state.js";
import { isReady } from "./workload.js";

const label = "backout.dev/scratch";

/** Ends by itself after so long, should nobody live to remove it. */
const mostSeconds = 600;

/** A pod of the template that belongs to nobody: no Service, no controller and no budget has its labels. */
export function scratchPod(piece: Piece, scratch: string): JsonObject {
  const template = (piece.content["spec"] as JsonObject)["template"] as JsonObject;
  const annotations = (template["metadata"] as JsonObject)["annotations"] ?? {};
  const mark = markOf(`${scratch}/${piece.kind}/${piece.name}`);
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: `backout-proof-${mark}`, labels: { [label]: mark }, annotations },
    spec: { ...(template["spec"] as JsonObject), activeDeadlineSeconds: mostSeconds },
  };
}

/** Started, waited for by its own probes, removed. */
export async function startScratch(
  read: Reader,
  piece: Piece,
  context: ProveContext,
): Promise<Pick<Check, "result" | "actual">> {
  const body = scratchPod(piece, context.scratch);
  const { name, labels } = body["metadata"] as { name: string; labels: Record<string, string> };
  const place = await read.needed("Pod");
  await read.api.json({ method: "POST", path: place.path(), body });
  try {
    const why = await untilReady(read, place.path(), `${label}=${labels[label]}`, context);
    if (why === undefined) return { result: "passed", actual: "ready" };
    throw new BackoutError("CHECK_FAILED", why, { effect: "none" });
  } finally {
    const options = { apiVersion: "v1", kind: "DeleteOptions", gracePeriodSeconds: 0 };
    await read.api.json({ method: "DELETE", path: place.path(name), body: options });
  }
}

/** Undefined when it is ready, else why it never will be. */
async function untilReady(
  read: Reader,
  path: string,
  labelSelector: string,
  { signal, clock, log, progress }: ProveContext,
): Promise<string | undefined> {
  const enough = new AbortController();
  let why: string | undefined = "it was removed meanwhile";
  const changed = ([pod]: readonly Pod[]): void => {
    if (pod === undefined) return enough.abort();
    const stuck = waitingFor(pod, stuckReasons);
    const crashed = statusesOf(pod).some(({ restartCount }) => restartCount > 0);
    const failed = pod.status?.phase === "Failed" || crashed || stuck.length > 0;
    if (!isReady(pod) && !failed) return progress(`${pod.metadata.name}: ${pod.status?.phase ?? "waiting"}`);
    why = failed ? stuck.join("; ") || `${pod.metadata.name}: its program ended` : undefined;
    enough.abort();
  };
  const both = AbortSignal.any([signal, enough.signal]);
  const lost = (error: unknown) => log(`watching goes on when it answers again: ${String(error)}`);
  const sleep = (ms: number, until: AbortSignal) => clock.sleep(ms, until);
  await follow<Pod>(read.api, { path, query: { labelSelector }, changed, lost, sleep }, both);
  signal.throwIfAborted();
  return why;
}
