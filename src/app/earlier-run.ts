import { BackoutError } from "../core/errors.js";
import { type FoundRun, lastRun, loadRun } from "./find-run.js";
import { chosenWay, type PlanChoice } from "./plan-rollback.js";
import type { Services } from "./services.js";

/** The run that was asked for by this name, if there was one. */
export async function requestedRun(services: Services, request: string): Promise<FoundRun | undefined> {
  const { journal, playbook } = services;
  for (const id of (await journal.runIds(playbook.system, playbook.environment)).toReversed()) {
    const [first] = await journal.facts(id);
    if (first?.type === "run.requested" && first.request === request) return loadRun(services, id);
  }
  return undefined;
}

/** What was asked for has just been done, and verified: within the cool-down nobody does it again by mistake. */
export async function justDone(services: Services, choice: PlanChoice): Promise<FoundRun | undefined> {
  const last = await lastRun(services);
  if (last === undefined) return undefined;
  const { plan } = last.run;
  const { outcome, endedAt = 0 } = last.state;
  const recent = services.clock.now() < endedAt + services.playbook.watch.cooldown;
  if (outcome !== "verified" || !recent || plan.undoes !== undefined) return undefined;
  const way = await chosenWay(services, choice).catch((error: unknown) => {
    // Planning says it with everything else that stands against it.
    if (error instanceof BackoutError) return undefined;
    throw error;
  });
  const same = way?.scenario === plan.scenario && way.checkpoint === plan.checkpoint?.id;
  return same && (choice.change === undefined || choice.change === plan.change) ? last : undefined;
}
