import { withKubernetes } from "../../clients/kubernetes/connect.js";
import { reader } from "../../clients/kubernetes/read.js";
import { contentDigest } from "../../core/content-digest.js";
import type { DriverContext, Version } from "../../core/driver.js";
import { withoutMarks } from "./snapshot.js";
import type { TargetOptions } from "./target-options.js";
import { currentReplicaSet, readWorkload, revisionAnnotation } from "./workload.js";

/** What the cluster itself still has: by template, since the same one gets a new number whenever it is gone back to. */
export const versions = (options: TargetOptions, context: DriverContext): Promise<Version[]> =>
  withKubernetes(options, context, async (api) => {
    const state = await readWorkload(reader(api), options.deployment);
    const current = currentReplicaSet(state)?.metadata.uid;
    const numbered = state.replicaSets.map((one) => ({
      one,
      revision: Number(one.metadata.annotations?.[revisionAnnotation] ?? 0),
    }));
    return numbered
      .toSorted((a, b) => b.revision - a.revision)
      .map(({ one, revision }) => {
        const images = one.spec.template.spec.containers.map(({ image }) => image).join(", ");
        const at = Date.parse(one.metadata.creationTimestamp ?? "");
        return {
          name: `revision ${revision}`,
          identity: contentDigest(
            withoutMarks({ ...one.spec.template, metadata: withoutHash(one.spec.template) }),
          ),
          summary: one.metadata.uid === current ? `${images} (current)` : images,
          ...(Number.isNaN(at) ? {} : { at }),
        };
      });
  });

function withoutHash({ metadata }: Parameters<typeof withoutMarks>[0]): NonNullable<typeof metadata> {
  const { "pod-template-hash": _hash, ...labels } = metadata?.labels ?? {};
  return { ...metadata, labels };
}
