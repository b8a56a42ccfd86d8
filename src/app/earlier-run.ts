import { takesOnlyWrites } from "../core/plan/only-writes.js";
import type { Plan } from "../core/plan/plan.js";
import { type FoundRun, lastRun, loadRun } from "./find-run.js";
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

/**
 * The same has just been done and verified, and nothing is wrong since but that data was written, which a second rollback
 * would take away: within the cool-down that is a request repeated by mistake.
 */
export async function justDone(services: Services, plan: Plan): Promise<FoundRun | undefined> {
  const last = await lastRun(services);
  if (last === undefined || plan.undoes !== undefined) return undefined;
  const { plan: earlier } = last.run;
  const { outcome, endedAt = 0 } = last.state;
  const recent = services.clock.now() < endedAt + services.playbook.watch.cooldown;
  const same =
    earlier.undoes === undefined &&
    earlier.scenario === plan.scenario &&
    earlier.change === plan.change &&
    earlier.checkpoint?.id === plan.checkpoint?.id;
  return outcome === "verified" && recent && same && takesOnlyWrites(plan) ? last : undefined;
}
