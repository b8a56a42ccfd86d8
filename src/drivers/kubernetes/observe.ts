import { withKubernetes } from "../../clients/kubernetes/connect.js";
import type { PodTemplate } from "../../clients/kubernetes/objects.js";
import { reader } from "../../clients/kubernetes/read.js";
import type { CapturedPart, Observation, ObserveContext } from "../../core/driver.js";
import type { JsonObject } from "../../core/json.js";
import { capturedSnapshot, type Data, identityOf, keyOfState, summaryOf } from "./capture.js";
import { type Change, compare, leavesOf } from "./differences.js";
import { type Pace, paceOf } from "./pace.js";
import { digestsIn, isWorkload, pieceDigest, type Snapshot, withoutReplicas } from "./piece.js";
import { reconcilerOf } from "./reconcilers.js";
import { referencesOf } from "./references.js";
import { refuseOther } from "./same-cluster.js";
import { readerFor } from "./scope.js";
import { type Present, readPresent } from "./snapshot.js";
import type { TargetOptions } from "./target-options.js";

export type SeenWorkload = {
  readonly reconciler: string | null;
  readonly historyLimit: number;
  /** Revisions that are kept for going back. */
  readonly history: number;
  readonly pace: Pace;
};

export type Seen = {
  readonly changes: readonly Change[];
  /** `Kind/name` → digest of what is there now: what steps find has to be this still. */
  readonly digests: Readonly<Record<string, string>>;
  /** The same of workloads, whatever their count. */
  readonly unscaled: Readonly<Record<string, string>>;
  /** Every `Kind/name` + path that `keep` could name. */
  readonly places: readonly string[];
  /** By `Kind/name`; those that are gone are missing. */
  readonly workloads: Readonly<Record<string, SeenWorkload>>;
  /** Workload → the ConfigMaps and Secrets that its captured template reads, both by `Kind/name`. */
  readonly reads: Readonly<Record<string, readonly string[]>>;
};

export const observe = (
  options: TargetOptions,
  context: ObserveContext,
  captured?: CapturedPart<Data>,
): Promise<Observation<Seen>> =>
  withKubernetes(options, context, async (api) => {
    const read = readerFor(reader(api), options);
    const then =
      captured === undefined || context.artifacts === undefined
        ? undefined
        : await capturedSnapshot(captured.data, context.artifacts);
    const present = await readPresent(read, options, then);
    if (captured !== undefined) {
      const found = new Map(present.states.map((state) => [keyOfState(state), state.workload]));
      const keys = Object.keys(captured.data.workloads);
      refuseOther(
        captured.data,
        api,
        keys.map((key) => ({ key, workload: found.get(key) })),
      );
    }
    const digests = digestsIn(then === undefined ? present.snapshot : comparable(present.snapshot, then));
    return {
      identity: identityOf(digests),
      summary: summaryOf(present),
      data: seenOf(then, present, digests),
    };
  });

export function seenOf(
  then: Snapshot | undefined,
  { snapshot, states }: Present,
  digests: Readonly<Record<string, string>>,
): Seen {
  return {
    changes: then === undefined ? [] : compare(then, snapshot),
    digests,
    unscaled: Object.fromEntries(
      Object.entries(snapshot).flatMap(([key, piece]) =>
        isWorkload(piece.kind) && key in digests ? [[key, pieceDigest(withoutReplicas(piece))]] : [],
      ),
    ),
    places: placesIn({ ...then, ...snapshot }),
    workloads: Object.fromEntries(
      states.map((state) => [
        keyOfState(state),
        {
          reconciler: reconcilerOf(state.workload) ?? null,
          historyLimit: state.workload.spec.revisionHistoryLimit ?? 10,
          history: state.revisions.length,
          pace: paceOf(state),
        },
      ]),
    ),
    reads: readsOf(then ?? snapshot),
  };
}

/** What came since the capture and was not part of it goes unnoticed, unless the template uses it: then that differs. */
export const comparable = (now: Snapshot, then: Snapshot): Snapshot =>
  Object.fromEntries(Object.entries(now).filter(([key]) => key in then));

function readsOf(snapshot: Snapshot): Record<string, string[]> {
  const workloads = Object.entries(snapshot).filter(([, { kind }]) => isWorkload(kind));
  return Object.fromEntries(
    workloads.map(([key, { content }]) => {
      const template = (content["spec"] as JsonObject)["template"] as unknown as PodTemplate;
      const { configMaps, secrets } = referencesOf(template);
      return [
        key,
        [...configMaps.map((one) => `ConfigMap/${one}`), ...secrets.map((one) => `Secret/${one}`)],
      ];
    }),
  );
}

const placesIn = (snapshot: Snapshot): string[] =>
  Object.entries(snapshot).flatMap(([key, { content }]) =>
    leavesOf(content).map(({ path }) => `${key}${path}`),
  );
