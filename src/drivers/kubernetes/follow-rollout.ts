import type { Workload } from "../../clients/kubernetes/objects.js";
import type { Reader } from "../../clients/kubernetes/read.js";
import type { DriverContext } from "../../core/driver.js";
import { keyOf } from "./piece.js";
import { type Rollout, rolloutOf } from "./rollout.js";
import { type SeenWorkloads, watchWorkloads } from "./watch-workloads.js";
import type { WorkloadKind, WorkloadState } from "./workload.js";

export interface Followed {
  readonly kind: WorkloadKind;
  readonly workload: Workload;
}

interface Following {
  /** What is waited for. Default: its rollout. */
  readonly judge?: (state: WorkloadState) => Rollout;
  /** What it means that one is not there. Default: that it is hopeless. */
  readonly gone?: Rollout;
  /** Sees each state that is not the end yet. */
  readonly meanwhile?: (state: WorkloadState) => void;
}

type Context = Pick<DriverContext, "signal" | "clock" | "progress" | "log">;

const deleted: Rollout = { state: "hopeless", summary: "it was deleted meanwhile" };

/**
 * Watches until all are done or one is hopeless. Each change is judged when it comes; nothing is asked for in between.
 * Rejects when the context's signal is aborted.
 */
export async function followRollouts(
  read: Reader,
  followed: readonly Followed[],
  context: Context,
  { judge = rolloutOf, gone = deleted, meanwhile }: Following = {},
): Promise<Map<string, Rollout>> {
  const results = new Map<string, Rollout>();
  const [first] = followed;
  if (first === undefined) return results;
  const enough = new AbortController();
  let said = "";
  const look = (seen: SeenWorkloads): void => {
    for (const { kind, workload } of followed) {
      const key = keyOf({ kind, name: workload.metadata.name });
      if (results.get(key)?.state === "done") continue;
      const state = seen.stateOf(kind, workload);
      const now = state === undefined ? gone : judge(state);
      if (state !== undefined && now.state === "going") meanwhile?.(state);
      results.set(key, now);
    }
    const text = progressOf(results);
    if (text !== said) context.progress(text);
    said = text;
    const all = [...results.values()];
    if (all.some(({ state }) => state === "hopeless") || all.every(({ state }) => state === "done"))
      enough.abort();
  };
  await watchWorkloads(
    read,
    {
      kinds: [...new Set(followed.map(({ kind }) => kind))],
      only: followed.length === 1 ? first.workload : undefined,
      look,
    },
    { ...context, signal: AbortSignal.any([context.signal, enough.signal]) },
  );
  context.signal.throwIfAborted();
  return results;
}

function progressOf(results: ReadonlyMap<string, Rollout>): string {
  const [single] = results.values();
  if (results.size === 1 && single !== undefined) return single.summary;
  const done = [...results.values()].filter(({ state }) => state === "done").length;
  const open = [...results].find(([, { state }]) => state !== "done");
  const rest = open === undefined ? "" : `; ${open[0]}: ${open[1].summary}`;
  return `${done} of ${results.size} workloads ready${rest}`;
}
