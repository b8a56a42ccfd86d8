import { withKubernetes } from "../../clients/kubernetes/connect.js";
import type { ClusterOptions } from "../../clients/kubernetes/kubeconfig.js";
import type { Workload } from "../../clients/kubernetes/objects.js";
import { reader } from "../../clients/kubernetes/read.js";
import type { DriverContext } from "../../core/driver.js";
import { BackoutError, type Problem, problem } from "../../core/errors.js";

/** Reachable, allowed, and there? */
export async function checkWorkload(
  wanted: ClusterOptions & { readonly deployment: string },
  context: DriverContext,
): Promise<Problem[]> {
  const path = `${context.name}.deployment`;
  try {
    return await withKubernetes(wanted, context, async (api) => {
      await reader(api).get<Workload>("Deployment", wanted.deployment);
      return [];
    });
  } catch (error) {
    if (!(error instanceof BackoutError)) throw error;
    return [problem(path, error.message, error.hint)];
  }
}
