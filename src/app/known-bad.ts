import type { Plan } from "../core/plan/plan.js";
import type { RunOutcome } from "../core/run/fact.js";
import type { Services } from "./services.js";

interface PastRun {
  readonly id: string;
  readonly plan: Plan;
  readonly outcome: RunOutcome;
}

/** Identities that a verified rollback has left, unless it was taken back: nobody should come back to them by mistake. */
export async function knownBad({
  journal,
  playbook,
}: Pick<Services, "journal" | "playbook">): Promise<{ target: string; identity: string }[]> {
  const past: PastRun[] = [];
  for (const id of await journal.runIds(playbook.system, playbook.environment)) {
    const end = (await journal.facts(id)).findLast((fact) => fact.type === "run.finished");
    const outcome = end?.type === "run.finished" ? end.outcome : undefined;
    // Only these have moved anything for good; the plans of others need not be read.
    if (outcome !== "verified" && outcome !== "unverified") continue;
    past.push({ id, plan: (await journal.run(id)).plan, outcome });
  }
  const bad = new Map<string, { target: string; identity: string }>();
  for (const { plan, outcome } of standing(past)) {
    if (outcome !== "verified" || plan.undoes !== undefined) continue;
    for (const [target, planned] of Object.entries(plan.targets)) {
      const { from, to } = planned;
      if (to !== undefined) bad.delete(`${target} ${to.identity}`);
      if (planned.restore && from.identity !== to?.identity) {
        bad.set(`${target} ${from.identity}`, { target, identity: from.identity });
      }
    }
  }
  return [...bad.values()];
}

/** Without those that were taken back. An undo that was itself taken back takes nothing back. */
function standing(past: readonly PastRun[]): PastRun[] {
  const takenBack = new Set<string>();
  for (const { id, plan } of past.toReversed()) {
    if (plan.undoes !== undefined && !takenBack.has(id)) takenBack.add(plan.undoes);
  }
  return past.filter(({ id }) => !takenBack.has(id));
}
