import type { RetentionChoice } from "../core/checkpoint/retention.js";
import type { CallEvents } from "./driver-call.js";
import { checkpointsInUse } from "./find-run.js";
import { letGo } from "./let-go.js";
import type { Services } from "./services.js";

export interface Pruned {
  readonly choices: readonly RetentionChoice[];
  /** What was held elsewhere for a checkpoint that is gone, and is still held: for a person. */
  readonly left: readonly string[];
}

/** Removes what retention does not keep, and then lets go of what was held elsewhere for it. */
export async function pruneCheckpoints(
  services: Services,
  { dryRun, ...events }: CallEvents & { readonly dryRun: boolean },
): Promise<Pruned> {
  const { keep, for: forMs } = services.playbook.retention;
  const { checkpoints } = await services.checkpoints.list();
  const choices = await services.checkpoints.prune(
    { keep, forMs },
    { dryRun, inUse: await checkpointsInUse(services) },
  );
  if (dryRun) return { choices, left: [] };
  const removed = new Set(choices.flatMap(({ id, remove }) => (remove ? [id] : [])));
  const left: string[] = [];
  for (const { id, parts } of checkpoints.filter((one) => removed.has(one.id)))
    left.push(...(await letGo(services, parts, events)).map((text) => `${id}: ${text}`));
  return { choices, left };
}
