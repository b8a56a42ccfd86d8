import type { Kind } from "../../clients/kubernetes/discovery.js";
import { follow } from "../../clients/kubernetes/follow.js";
import type {
  ControllerRevision,
  KubernetesObject,
  Pod,
  ReplicaSet,
  Workload,
} from "../../clients/kubernetes/objects.js";
import { type Reader, selectorText } from "../../clients/kubernetes/read.js";
import type { DriverContext } from "../../core/driver.js";
import { keyOf } from "./piece.js";
import { type Rollout, rolloutOf } from "./rollout.js";
import { ownedBy, revisionKind, type WorkloadKind, type WorkloadState } from "./workload.js";

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

/** Changes come in bursts: they are judged together. */
const burstMs = 25;

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
  const signal = AbortSignal.any([context.signal, enough.signal]);
  const seen = new Map<Kind, readonly KubernetesObject[]>();
  const workloadKinds = [...new Set(followed.map(({ kind }) => kind))];
  const kinds: Kind[] = [...new Set([...workloadKinds, ...workloadKinds.map(revisionKind), "Pod" as const])];
  const only = followed.length === 1 ? first.workload : undefined;
  let said = "";
  const look = (): void => {
    const parts = partsOf(seen);
    for (const { kind, workload } of followed) {
      const key = keyOf({ kind, name: workload.metadata.name });
      if (results.get(key)?.state === "done") continue;
      const state = parts.stateOf(kind, workload);
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
  let due: NodeJS.Timeout | undefined;
  const changed = (kind: Kind) => (items: readonly KubernetesObject[]) => {
    seen.set(kind, items);
    if (seen.size < kinds.length || due !== undefined) return;
    due = setTimeout(() => {
      due = undefined;
      look();
    }, burstMs);
  };
  const watches = kinds.map(async (kind) =>
    follow<KubernetesObject>(
      read.api,
      {
        path: (await read.needed(kind)).path(),
        query: queryFor(kind, only),
        changed: changed(kind),
        lost: (error) => context.log(`watching goes on when it answers again: ${String(error)}`),
        sleep: (ms, signal) => context.clock.sleep(ms, signal),
      },
      signal,
    ),
  );
  try {
    await Promise.all(watches);
  } finally {
    enough.abort();
    clearTimeout(due);
    await Promise.allSettled(watches);
  }
  context.signal.throwIfAborted();
  return results;
}

function queryFor(kind: Kind, only: Workload | undefined): Readonly<Record<string, string>> {
  if (only === undefined) return {};
  return ["Pod", "ReplicaSet", "ControllerRevision"].includes(kind)
    ? { labelSelector: selectorText(only.spec.selector) }
    : { fieldSelector: `metadata.name=${only.metadata.name}` };
}

/** What was seen, by owner, so that hundreds of workloads are judged in one pass. */
function partsOf(seen: ReadonlyMap<Kind, readonly KubernetesObject[]>) {
  const owned = new Map<string, KubernetesObject[]>();
  for (const kind of ["ReplicaSet", "ControllerRevision", "Pod"] as const) {
    for (const one of seen.get(kind) ?? []) {
      const uid = one.metadata.ownerReferences?.find(({ controller }) => controller === true)?.uid ?? "";
      const others = owned.get(`${kind}/${uid}`);
      if (others === undefined) owned.set(`${kind}/${uid}`, [one]);
      else others.push(one);
    }
  }
  const byUid = new Map(
    (["Deployment", "StatefulSet", "DaemonSet"] as const).flatMap((kind) =>
      (seen.get(kind) ?? []).map((one) => [one.metadata.uid, one as Workload] as const),
    ),
  );
  const of = <T>(kind: Kind, uid: string): T[] => (owned.get(`${kind}/${uid}`) ?? []) as T[];
  return {
    stateOf: (kind: WorkloadKind, { metadata }: Workload): WorkloadState | undefined => {
      const uid = metadata.uid ?? "";
      const workload = byUid.get(uid);
      if (workload === undefined) return undefined;
      const revisions = of<ReplicaSet | ControllerRevision>(revisionKind(kind), uid);
      const owners = kind === "Deployment" ? revisions.map((one) => one.metadata.uid ?? "") : [uid];
      return ownedBy(
        kind,
        workload,
        revisions,
        owners.flatMap((one) => of<Pod>("Pod", one)),
      );
    },
  };
}

function progressOf(results: ReadonlyMap<string, Rollout>): string {
  const [single] = results.values();
  if (results.size === 1 && single !== undefined) return single.summary;
  const done = [...results.values()].filter(({ state }) => state === "done").length;
  const open = [...results].find(([, { state }]) => state !== "done");
  const rest = open === undefined ? "" : `; ${open[0]}: ${open[1].summary}`;
  return `${done} of ${results.size} workloads ready${rest}`;
}
