import { withKubernetes } from "../../clients/kubernetes/connect.js";
import type { DataObject, PodTemplate } from "../../clients/kubernetes/objects.js";
import { type Reader, reader } from "../../clients/kubernetes/read.js";
import type { CapturedPart, Observation, ObserveContext } from "../../core/driver.js";
import type { JsonObject } from "../../core/json.js";
import { capturedSnapshot, type Data, identityOf, keyOfState, summaryOf } from "./capture.js";
import { isChosen } from "./choice-options.js";
import { type Chosen, choose, chosenSnapshot } from "./chosen.js";
import { type Change, compare, leavesOf } from "./differences.js";
import { type Pace, paceOf } from "./pace.js";
import { digestsIn, isWorkload, pieceDigest, type Snapshot, withoutReplicas } from "./piece.js";
import { helmReleaseOf, reconcilerOf } from "./reconcilers.js";
import { referencesOf } from "./references.js";
import { rolloutOf } from "./rollout.js";
import { refuseOther } from "./same-cluster.js";
import { readerFor } from "./scope.js";
import { type Present, readPresent } from "./snapshot.js";
import { thrownIn } from "./switched.js";
import type { TargetOptions } from "./target-options.js";
import type { WorkloadState } from "./workload.js";

export type SeenWorkload = {
  readonly reconciler: string | null;
  /** The release that it belongs to. */
  readonly helm: string | null;
  /** What its pods still lack; null where its rollout is done. */
  readonly unready: string | null;
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
  /** Where a person wants to go in place of a checkpoint. */
  readonly chosen: Chosen | null;
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
    if (isChosen(options)) return seenForChoice(read, options, present);
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

async function seenForChoice(
  read: Reader,
  options: TargetOptions,
  present: Present,
): Promise<Observation<Seen>> {
  const map = options.switch && (await read.find<DataObject>("ConfigMap", options.switch.configMap));
  const chosen = choose(options, present, map === undefined ? {} : thrownIn(map));
  const digests = digestsIn(present.snapshot);
  const seen = seenOf(chosenSnapshot(chosen, present), present, digests);
  const changes = seen.changes.length > 0 ? seen.changes : unreadChange(chosen);
  const data = { ...seen, changes, chosen };
  return { identity: identityOf(digests), summary: summaryOf(present), data };
}

/** It has its value already, but nobody knows whether the pods were made since. */
function unreadChange(chosen: Chosen): Change[] {
  if (chosen.way !== "switch" || chosen.known) return [];
  const captured = chosen.value === null ? "nothing" : JSON.stringify(chosen.value);
  const path = `/data/${chosen.key}`;
  return [{ object: chosen.object, path, captured, now: `${captured}, not known to be read` }];
}

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
          helm: helmReleaseOf(state.workload) ?? null,
          unready: unreadyOf(state),
          historyLimit: state.workload.spec.revisionHistoryLimit ?? 10,
          history: state.revisions.length,
          pace: paceOf(state),
        },
      ]),
    ),
    reads: readsOf(then ?? snapshot),
    chosen: null,
  };
}

function unreadyOf(state: WorkloadState): string | null {
  const { state: how, summary } = rolloutOf(state);
  return how === "done" ? null : summary;
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
