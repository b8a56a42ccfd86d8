import { project } from "../core/run/project.js";
import type { Services } from "./services.js";

/** Identities that a verified rollback has left: nobody should come back to them by mistake. */
export async function knownBad({
  journal,
  playbook,
}: Pick<Services, "journal" | "playbook">): Promise<{ target: string; identity: string }[]> {
  const bad = new Map<string, { target: string; identity: string }>();
  for (const id of await journal.runIds(playbook.system, playbook.environment)) {
    const { plan } = await journal.run(id);
    const state = project(plan, await journal.facts(id));
    if (state.outcome !== "verified") continue;
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
