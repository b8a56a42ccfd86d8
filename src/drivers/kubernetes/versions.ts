import { withKubernetes } from "../../clients/kubernetes/connect.js";
import { reader } from "../../clients/kubernetes/read.js";
import type { DriverContext, Version } from "../../core/driver.js";
import { templateDigest } from "./chosen.js";
import { readerFor } from "./scope.js";
import { readPresent } from "./snapshot.js";
import type { TargetOptions } from "./target-options.js";
import { currentRevision, type WorkloadState } from "./workload.js";

/** What the cluster itself still has: by template, since the same one gets a new number whenever it is gone back to. */
export const versions = (options: TargetOptions, context: DriverContext): Promise<Version[]> =>
  withKubernetes(options, context, async (api) => {
    const { states } = await readPresent(readerFor(reader(api), options), options);
    return states.flatMap((state) => versionsOf(state, states.length > 1));
  });

function versionsOf(state: WorkloadState, several: boolean): Version[] {
  const current = currentRevision(state)?.uid;
  const prefix = several ? `${state.kind}/${state.workload.metadata.name} ` : "";
  return state.revisions
    .toSorted((a, b) => b.number - a.number)
    .map(({ uid, number, template, createdAt }) => {
      const images = template.spec.containers.map(({ image }) => image).join(", ");
      const at = Date.parse(createdAt);
      return {
        name: `${prefix}revision ${number}`,
        identity: templateDigest(template),
        summary: uid === current ? `${images} (current)` : images,
        ...(Number.isNaN(at) ? {} : { at }),
      };
    });
}
