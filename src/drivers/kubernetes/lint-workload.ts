import type { LabelSelector, Specified } from "../../clients/kubernetes/objects.js";
import { matchesSelector } from "../../clients/kubernetes/read.js";
import { type Problem, warning } from "../../core/errors.js";
import { helmReleaseOf, reconcilerOf } from "./reconcilers.js";
import type { TargetOptions } from "./target-options.js";
import type { WorkloadState } from "./workload.js";

/** Below it, three careless restarts take the last good template away. */
const fewRevisions = 5;

/** What about a workload makes its rollback fail, or succeed whatever it does. */
export function lintWorkload(
  path: string,
  { workload }: Pick<WorkloadState, "workload">,
  { reconciler, historyLimit }: Pick<TargetOptions, "reconciler" | "historyLimit">,
): Problem[] {
  const { spec } = workload;
  const found: Problem[] = [];
  const limit = spec.revisionHistoryLimit ?? 10;
  if (limit < fewRevisions) {
    const fact = `keeps ${limit} old revisions, so that a few restarts lose the last good one`;
    found.push(
      warning(path, fact, `set revisionHistoryLimit to ${historyLimit} now, while it is still there`),
    );
  }
  const by = reconcilerOf(workload);
  if (by !== undefined && reconciler === "refuse") {
    const fact = `is kept as it is by ${by}, which would put a bad version back`;
    found.push(warning(path, fact, "plans are refused until `reconciler: ignore` says that it is paused"));
  }
  const release = helmReleaseOf(workload);
  if (release !== undefined && by === undefined) {
    const fact = `belongs to Helm (${release}), whose record a rollback here does not change`;
    found.push(warning(path, fact, "before the next `helm upgrade`, set the old version in its values"));
  }
  if (spec.paused === true)
    found.push(warning(path, "its rollouts are paused: nothing would change", "resume it"));
  if (spec.updateStrategy?.type === "OnDelete") {
    const fact = "its pods are only replaced when somebody deletes them, so that no rollout ends by itself";
    found.push(warning(path, fact, "set updateStrategy to RollingUpdate"));
  }
  for (const { name, image, readinessProbe } of spec.template.spec.containers) {
    if (readinessProbe === undefined) {
      const fact = `container "${name}": has no readiness probe, so that a rollout succeeds whatever it does`;
      found.push(warning(path, fact, "give it one that asks what users need"));
    }
    if (moves(image)) {
      const fact = `container "${name}": image "${image}" is whatever is newest, also after a rollback`;
      found.push(warning(path, fact, "name a digest, or a tag that never moves"));
    }
  }
  return found;
}

/** `latest`, said or not. */
function moves(image: string): boolean {
  if (image.includes("@sha256:")) return false;
  const tag = /:([^/:]+)$/.exec(image)?.[1];
  return tag === undefined || tag === "latest";
}

/** One that lets no pod go holds every node's drain; a rollout itself does not ask it. */
export function blockedDrains(
  path: string,
  { workload }: Pick<WorkloadState, "workload">,
  budget: Specified,
): Problem[] {
  const { spec, status, metadata } = budget;
  const labels = workload.spec.template.metadata?.labels ?? {};
  const selector = spec["selector"] as LabelSelector | undefined;
  if (selector === undefined || !matchesSelector(selector, labels)) return [];
  const [allowed, healthy, desired] = ["disruptionsAllowed", "currentHealthy", "desiredHealthy"].map((key) =>
    Number(status?.[key] ?? 0),
  );
  const expected = Number(status?.["expectedPods"] ?? 0);
  if (allowed !== 0 || expected === 0 || healthy !== desired) return [];
  const fact = `disruption budget "${metadata.name}" never lets any of its ${expected} pods go`;
  return [warning(path, fact, "a node can then not be drained; ask for one pod fewer")];
}
