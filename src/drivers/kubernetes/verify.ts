import { withKubernetes } from "../../clients/kubernetes/connect.js";
import { reader } from "../../clients/kubernetes/read.js";
import type { CapturedPart, Check, ObserveContext } from "../../core/driver.js";
import { capturedSnapshot, type Data } from "./capture.js";
import { images, podsFine, workloadReady } from "./check-pods.js";
import { compare } from "./differences.js";
import { toBringBack } from "./plan.js";
import { readSnapshot } from "./snapshot.js";
import type { TargetOptions } from "./target-options.js";
import { readWorkload } from "./workload.js";

/** Every object as captured, apart from what is kept; every pod ready, of that template, running that digest. */
export const verify = (
  captured: CapturedPart<Data>,
  options: TargetOptions,
  context: ObserveContext,
): Promise<Check[]> =>
  withKubernetes(options, context, async (api) => {
    const read = reader(api);
    const state = await readWorkload(read, options.deployment);
    const keep = context.keep ?? [];
    const checks: Check[] = [];
    if (context.artifacts !== undefined) {
      const then = await capturedSnapshot(captured.data, context.artifacts);
      const now = await readSnapshot(read, state.deployment, options, then);
      const changes = toBringBack(compare(then, now), keep);
      for (const key of Object.keys(then)) {
        const wrong = changes.filter(({ object }) => object === key);
        checks.push({
          name: `${key}: as captured`,
          result: wrong.length === 0 ? "passed" : "failed",
          ...(wrong.length === 0
            ? {}
            : {
                expected: wrong.map(({ path, captured }) => `${path} ${captured}`).join("; "),
                actual: wrong.map(({ path, now }) => `${path} ${now}`).join("; "),
              }),
        });
      }
    }
    const keptImages = keep.filter((one) => /\/containers\/[^/]+(\/image)?$/.test(one));
    const wanted = keptImages.length > 0 ? {} : { images: captured.data.images };
    const looking = {
      read,
      state,
      wanted: { deployment: options.deployment, ...wanted },
      signal: context.signal,
    };
    return [...checks, ...workloadReady(looking), ...podsFine(looking), ...images(looking)];
  });
