import type { Plan } from "./plan.js";

/**
 * Whether nothing is wrong but that data was written since the checkpoint: every restored target that differs from it
 * would only lose rows. Right after the same rollback that is a repeated request, not a new failure.
 */
export function takesOnlyWrites(plan: Plan): boolean {
  const losing = new Set(
    plan.steps.flatMap(({ subject, impact }) => (impact.loses?.length ? [subject] : [])),
  );
  return Object.entries(plan.targets)
    .filter(([, { restore, from, to }]) => restore && from.identity !== to?.identity)
    .every(([name]) => losing.has(name));
}
