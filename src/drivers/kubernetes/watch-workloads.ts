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
import { ownedBy, revisionKind, type WorkloadKind, type WorkloadState } from "./workload.js";

/** What the watches know by now. */
export interface SeenWorkloads {
  named(kind: WorkloadKind, name: string): Workload | undefined;
  /** Undefined where the workload is not there any more; another of its name is another. */
  stateOf(kind: WorkloadKind, workload: Workload): WorkloadState | undefined;
}

interface Watched {
  readonly kinds: readonly WorkloadKind[];
  /** Where there is one alone, the watches are narrowed to it. */
  readonly only: Workload | undefined;
  /** Called once everything has been listed, and after changes. */
  readonly look: (seen: SeenWorkloads) => void;
}

type Context = Pick<DriverContext, "signal" | "clock" | "log">;

/** Changes come in bursts: they are judged together. */
const burstMs = 25;

/** Watches workloads, their revisions and their pods until the context's signal is aborted; rejects where it may not. */
export async function watchWorkloads(
  read: Reader,
  { kinds: workloadKinds, only, look }: Watched,
  context: Context,
): Promise<void> {
  const ended = new AbortController();
  const signal = AbortSignal.any([context.signal, ended.signal]);
  const seen = new Map<Kind, readonly KubernetesObject[]>();
  const kinds: Kind[] = [...new Set([...workloadKinds, ...workloadKinds.map(revisionKind), "Pod" as const])];
  let due: NodeJS.Timeout | undefined;
  const changed = (kind: Kind) => (items: readonly KubernetesObject[]) => {
    seen.set(kind, items);
    if (seen.size < kinds.length || due !== undefined) return;
    due = setTimeout(() => {
      due = undefined;
      look(partsOf(seen));
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
        sleep: (ms, until) => context.clock.sleep(ms, until),
      },
      signal,
    ),
  );
  try {
    await Promise.all(watches);
  } finally {
    ended.abort();
    clearTimeout(due);
    await Promise.allSettled(watches);
  }
}

function queryFor(kind: Kind, only: Workload | undefined): Readonly<Record<string, string>> {
  if (only === undefined) return {};
  return ["Pod", "ReplicaSet", "ControllerRevision"].includes(kind)
    ? { labelSelector: selectorText(only.spec.selector) }
    : { fieldSelector: `metadata.name=${only.metadata.name}` };
}

/** What was seen, by owner, so that hundreds of workloads are judged in one pass. */
function partsOf(seen: ReadonlyMap<Kind, readonly KubernetesObject[]>): SeenWorkloads {
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
    named: (kind, name) =>
      (seen.get(kind) ?? []).find(({ metadata }) => metadata.name === name) as Workload | undefined,
    stateOf: (kind, { metadata }) => {
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
