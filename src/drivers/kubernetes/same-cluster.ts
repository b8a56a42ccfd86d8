import type { Kubernetes } from "../../clients/kubernetes/connect.js";
import type { Workload } from "../../clients/kubernetes/objects.js";
import { BackoutError } from "../../core/errors.js";
import type { Data } from "./capture.js";

/** On a workload that was deleted and made again out of a checkpoint: the uid of the one that it stands for. */
export const insteadOf = "backout.dev/instead-of";

/** A checkpoint of another cluster, or of a workload that somebody made anew since, is not this one's. */
export function refuseOther(
  data: Data,
  api: Kubernetes,
  found: readonly { readonly key: string; readonly workload: Workload | undefined }[],
): void {
  for (const { key, workload } of found) {
    const uid = data.workloads[key]?.uid;
    if (uid === undefined) continue;
    if (workload === undefined) {
      if (api.server === data.cluster) continue;
      throw refused(`${key}: is not on ${api.server}, and was captured from ${data.cluster}`);
    }
    const { metadata } = workload;
    if (uid === metadata.uid || uid === metadata.annotations?.[insteadOf]) continue;
    throw refused(
      `${api.namespace}/${metadata.name}: is not the ${key.split("/")[0]} that was captured from ${data.cluster}, but another of the same name on ${api.server}`,
    );
  }
}

const refused = (message: string): BackoutError =>
  new BackoutError("REFUSED", message, {
    effect: "none",
    hint: "is it the right cluster? A workload that was made anew needs a checkpoint of its own",
  });
