import { withKubernetes } from "../../clients/kubernetes/connect.js";
import { reader } from "../../clients/kubernetes/read.js";
import type { CapturedPart, Check, ObserveContext } from "../../core/driver.js";
import { capturedSnapshot, type Data, keyOfState } from "./capture.js";
import { images, podsFine, workloadReady } from "./check-pods.js";
import { type Change, compare } from "./differences.js";
import { nameOf, type Snapshot } from "./piece.js";
import { toBringBack } from "./plan.js";
import { readerFor } from "./scope.js";
import { readPresent } from "./snapshot.js";
import type { TargetOptions } from "./target-options.js";
import type { WorkloadState } from "./workload.js";
import { subjectOf } from "./workload-options.js";

/** Every object as captured, apart from what is kept; every pod ready, of that template, running that digest. */
export const verify = (
  captured: CapturedPart<Data>,
  options: TargetOptions,
  context: ObserveContext,
): Promise<Check[]> =>
  withKubernetes(options, context, async (api) => {
    const read = readerFor(reader(api), options);
    const then: Snapshot =
      context.artifacts === undefined ? {} : await capturedSnapshot(captured.data, context.artifacts);
    const { snapshot, states } = await readPresent(read, options, then);
    const keep = context.keep ?? [];
    const changes = toBringBack(compare(then, snapshot), keep);
    const keptImages = keep.some((one) => /\/containers\/[^/]+(\/image)?$/.test(one));
    const pods = (state: WorkloadState): Check[] => {
      const known = captured.data.workloads[keyOfState(state)];
      if (known === undefined) return [];
      const looking = {
        ...{ read, state, signal: context.signal, now: context.clock.now() },
        subject: subjectOf({ kind: state.kind, name: state.workload.metadata.name }),
        // With no pod there is no digest to compare.
        wanted: keptImages || known.pods === 0 ? {} : { images: known.images },
      };
      const running = known.pods === 0 ? [] : images(looking);
      return [...workloadReady(looking), ...podsFine(looking), ...running];
    };
    return [...Object.keys(then).map((key) => asCaptured(key, changes)), ...states.flatMap(pods)];
  });

function asCaptured(key: string, changes: readonly Change[]): Check {
  const name = `${nameOf(key).kind.toLowerCase()} ${nameOf(key).name}: as captured`;
  const wrong = changes.filter(({ object }) => object === key);
  if (wrong.length === 0) return { name, result: "passed" };
  return {
    ...{ name, result: "failed" },
    expected: wrong.map(({ path, captured }) => `${path} ${captured}`).join("; "),
    actual: wrong.map(({ path, now }) => `${path} ${now}`).join("; "),
  };
}
