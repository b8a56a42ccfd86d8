import { withKubernetes } from "../../clients/kubernetes/connect.js";
import type { Specified } from "../../clients/kubernetes/objects.js";
import { type Reader, reader } from "../../clients/kubernetes/read.js";
import type { DriverContext } from "../../core/driver.js";
import { BackoutError, type Problem, problem } from "../../core/errors.js";
import { capturedOptions, keyOfState, refuseMissing } from "./capture.js";
import { settingProblems } from "./check-settings.js";
import { blockedDrains, lintWorkload } from "./lint-workload.js";
import { referencesOf } from "./references.js";
import { missingRights, rightsFor } from "./rights.js";
import { readerFor } from "./scope.js";
import { readPresent } from "./snapshot.js";
import type { TargetOptions } from "./target-options.js";
import type { WorkloadState } from "./workload.js";

export async function checkTarget(options: TargetOptions, context: DriverContext): Promise<Problem[]> {
  const path = context.name;
  try {
    return await withKubernetes(options, context, async (api) => {
      const missing = await missingRights(api, rightsFor(options));
      if (missing.length > 0) {
        const fact = `user "${api.user}" may not, in namespace "${api.namespace}": ${missing.join(", ")}`;
        return [problem(path, fact, 'docs/kubernetes.md, "Rights", has the role to apply')];
      }
      const read = readerFor(reader(api), options);
      const present = await readPresent(read, options);
      refuseMissing(present, capturedOptions(options), api.namespace);
      const budgets = await read.list<Specified>("PodDisruptionBudget");
      const found = present.states.map(async (state) => {
        const where = present.states.length === 1 ? path : `${path}: ${keyOfState(state)}`;
        return [
          ...lintWorkload(where, state, options),
          ...(await unresolved(read, state, where)),
          ...budgets.flatMap((one) => blockedDrains(where, state, one)),
        ];
      });
      const problems = (await Promise.all(found)).flat();
      return [...problems, ...(await settingProblems(read, options, path, context.clock.now()))];
    });
  } catch (error) {
    if (!(error instanceof BackoutError)) throw error;
    return [problem(path, error.message, error.hint)];
  }
}

/** Pods that come back could not start. */
async function unresolved(read: Reader, { workload }: WorkloadState, path: string): Promise<Problem[]> {
  const { needed } = referencesOf(workload.spec.template);
  const missing = await Promise.all(
    needed.configMaps.map(async (name) =>
      (await read.find("ConfigMap", name)) === undefined ? [`ConfigMap "${name}"`] : [],
    ),
  );
  return missing
    .flat()
    .map((one) => problem(path, `uses ${one}, which does not exist`, "create it, or make it optional"));
}
