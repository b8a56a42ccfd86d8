import { withKubernetes } from "../../clients/kubernetes/connect.js";
import { reader } from "../../clients/kubernetes/read.js";
import type { CapturedPart, Observation, ObserveContext } from "../../core/driver.js";
import { capturedSnapshot, type Data, identityOf, refuseOther, summaryOf } from "./capture.js";
import { type Change, compare, leavesOf } from "./differences.js";
import { type Pace, paceOf } from "./pace.js";
import { reconcilerOf } from "./reconcilers.js";
import { digestsIn, readSnapshot, type Snapshot } from "./snapshot.js";
import type { TargetOptions } from "./target-options.js";
import { readWorkload, revisionAnnotation } from "./workload.js";

export type Seen = {
  readonly changes: readonly Change[];
  /** `Kind/name` → digest of what is there now: what steps find has to be this still. */
  readonly digests: Readonly<Record<string, string>>;
  /** Every `Kind/name` + path that `keep` could name. */
  readonly places: readonly string[];
  readonly reconciler: string | null;
  readonly historyLimit: number;
  /** ReplicaSets that are kept for going back. */
  readonly history: number;
  readonly pace: Pace;
};

export const observe = (
  options: TargetOptions,
  context: ObserveContext,
  captured?: CapturedPart<Data>,
): Promise<Observation<Seen>> =>
  withKubernetes(options, context, async (api) => {
    const read = reader(api);
    const state = await readWorkload(read, options.deployment);
    const { metadata, spec } = state.deployment;
    if (captured !== undefined) {
      refuseOther(captured.data, `${api.namespace}/${options.deployment}`, metadata.uid, read);
    }
    const then =
      captured === undefined || context.artifacts === undefined
        ? undefined
        : await capturedSnapshot(captured.data, context.artifacts);
    const now = await readSnapshot(read, state.deployment, options, then);
    const own = then === undefined ? now : comparable(now, then);
    const digests = digestsIn(own);
    return {
      identity: identityOf(digests),
      summary: summaryOf(state, metadata.annotations?.[revisionAnnotation] ?? ""),
      data: {
        changes: then === undefined ? [] : compare(then, now),
        digests,
        places: placesIn({ ...then, ...now }),
        reconciler: reconcilerOf(state.deployment) ?? null,
        historyLimit: spec.revisionHistoryLimit ?? 10,
        history: state.replicaSets.length,
        pace: paceOf(state),
      },
    };
  });

/** What came since the capture and was not part of it goes unnoticed, unless the template uses it: then that differs. */
export const comparable = (now: Snapshot, then: Snapshot): Snapshot =>
  Object.fromEntries(Object.entries(now).filter(([key]) => key in then));

const placesIn = (snapshot: Snapshot): string[] =>
  Object.entries(snapshot).flatMap(([key, { content }]) =>
    leavesOf(content).map(({ path }) => `${key}${path}`),
  );
