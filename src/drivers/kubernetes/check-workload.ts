import { withKubernetes } from "../../clients/kubernetes/connect.js";
import type { ClusterOptions } from "../../clients/kubernetes/kubeconfig.js";
import type { Workload } from "../../clients/kubernetes/objects.js";
import { reader } from "../../clients/kubernetes/read.js";
import type { DriverContext } from "../../core/driver.js";
import { BackoutError, type Problem, problem } from "../../core/errors.js";
import { type WorkloadOptions, workloadOf } from "./workload-options.js";

/** Reachable, allowed, and there? */
export async function checkWorkload(
  wanted: ClusterOptions & WorkloadOptions,
  context: DriverContext,
): Promise<Problem[]> {
  try {
    return await withKubernetes(wanted, context, async (api) => {
      const { kind, name } = workloadOf(wanted);
      await reader(api).get<Workload>(kind, name);
      return [];
    });
  } catch (error) {
    if (!(error instanceof BackoutError)) throw error;
    return [problem(context.name, error.message, error.hint)];
  }
}
