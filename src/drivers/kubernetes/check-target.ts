import { withKubernetes } from "../../clients/kubernetes/connect.js";
import type { Workload } from "../../clients/kubernetes/objects.js";
import { type Reader, reader } from "../../clients/kubernetes/read.js";
import type { DriverContext } from "../../core/driver.js";
import { BackoutError, type Problem, problem, warning } from "../../core/errors.js";
import { reconcilerOf } from "./reconcilers.js";
import { referencesOf } from "./references.js";
import { missingRights, rightsForSecrets, rightsToChange, rightsToLook } from "./rights.js";
import type { TargetOptions } from "./target-options.js";

/** Below it, three careless restarts take the last good template away. */
const fewRevisions = 5;

export async function checkTarget(options: TargetOptions, context: DriverContext): Promise<Problem[]> {
  const path = `${context.name}.deployment`;
  try {
    return await withKubernetes(options, context, async (api) => {
      const secrets = options.secrets === "encrypt" ? rightsForSecrets : [];
      const missing = await missingRights(api, [...rightsToLook, ...rightsToChange, ...secrets]);
      if (missing.length > 0) {
        const fact = `user "${api.user}" may not, in namespace "${api.namespace}": ${missing.join(", ")}`;
        return [problem(path, fact, 'docs/kubernetes.md, "Rights", has the role to apply')];
      }
      const read = reader(api);
      const deployment = await read.get<Workload>("Deployment", options.deployment);
      return [...lint(path, deployment, options), ...(await unresolved(read, deployment, path))];
    });
  } catch (error) {
    if (!(error instanceof BackoutError)) throw error;
    return [problem(path, error.message, error.hint)];
  }
}

export function lint(
  path: string,
  deployment: Workload,
  { reconciler, historyLimit }: TargetOptions,
): Problem[] {
  const { spec } = deployment;
  const found: Problem[] = [];
  const limit = spec.revisionHistoryLimit ?? 10;
  if (limit < fewRevisions) {
    const fact = `keeps ${limit} old revisions, so that a few restarts lose the last good one`;
    found.push(
      warning(path, fact, `set revisionHistoryLimit to ${historyLimit} now, while it is still there`),
    );
  }
  const by = reconcilerOf(deployment);
  if (by !== undefined && reconciler === "refuse") {
    const fact = `is kept as it is by ${by}, which would put a bad version back`;
    found.push(warning(path, fact, "plans are refused until `reconciler: ignore` says that it is paused"));
  }
  if (spec.paused === true)
    found.push(warning(path, "its rollouts are paused: nothing would change", "resume it"));
  for (const { name, image, readinessProbe } of spec.template.spec.containers) {
    if (readinessProbe === undefined) {
      const fact = `container "${name}": has no readiness probe, so that a rollout succeeds whatever it does`;
      found.push(warning(path, fact, "give it one that asks what users need"));
    }
    if (
      !image.includes("@sha256:") &&
      /^[^:]*(\/[^:]*)*(:latest)?$/.test(image.replace(/^[^/]*:\d+\//, ""))
    ) {
      const fact = `container "${name}": image "${image}" is whatever is newest, also after a rollback`;
      found.push(warning(path, fact, "name a digest, or a tag that never moves"));
    }
  }
  return found;
}

/** Pods that come back could not start. */
async function unresolved(read: Reader, { spec }: Workload, path: string): Promise<Problem[]> {
  const { needed } = referencesOf(spec.template);
  const missing = await Promise.all(
    needed.configMaps.map(async (name) =>
      (await read.find("ConfigMap", name)) === undefined ? [`ConfigMap "${name}"`] : [],
    ),
  );
  return missing
    .flat()
    .map((one) => problem(path, `uses ${one}, which does not exist`, "create it, or make it optional"));
}
