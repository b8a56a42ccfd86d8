import type { FoundRun } from "../app/find-run.js";
import type { OpenServices } from "../app/services.js";
import type { Plan } from "../core/plan/plan.js";
import { followToEnd, tellEnd } from "./run-output.js";
import type { Session } from "./session.js";

/** Follows the run if it goes on, else tells how it ended. */
async function tellRun(session: Session, services: OpenServices, found: FoundRun): Promise<number> {
  const { runningRun } = await import("../app/run-lease.js");
  const { id } = found.run;
  if ((await runningRun(services)) === id) return followToEnd(session, services, id);
  if (session.options.json) for (const fact of await services.journal.facts(id)) session.json(fact);
  return tellEnd(session, services, found);
}

/** Asked for again by the same name. */
export async function joinRequested(
  session: Session,
  services: OpenServices,
  request: string,
): Promise<number | undefined> {
  const { requestedRun } = await import("../app/earlier-run.js");
  const asked = await requestedRun(services, request);
  if (asked === undefined) return undefined;
  session.note(`run ${asked.run.id} was asked for by request "${request}" already; this is that run`);
  return tellRun(session, services, asked);
}

/** Asked for again right after it was done, with nothing wrong since but data written. */
export async function joinDone(
  session: Session,
  services: OpenServices,
  plan: Plan,
): Promise<number | undefined> {
  const { justDone } = await import("../app/earlier-run.js");
  const done = await justDone(services, plan);
  if (done === undefined) return undefined;
  session.note(`run ${done.run.id} has just done this; since then only data was written, which stays`);
  session.note("  hint: to take that data away as well: backout rollback --again");
  return tellRun(session, services, done);
}

/** While this command was planning, another one may have done what was asked for. */
export async function joinNewer(
  session: Session,
  services: OpenServices,
  seen: string | undefined,
  aim: Partial<Pick<Plan, "scenario" | "undoes">>,
): Promise<number | undefined> {
  const { lastRun } = await import("../app/find-run.js");
  const { sameAim } = await import("../core/plan/same-aim.js");
  const came = await lastRun(services);
  if (came === undefined || came.run.id === seen) return undefined;
  if (!sameAim({ scenario: came.run.plan.scenario, ...aim }, came.run.plan)) return undefined;
  session.note(`run ${came.run.id} (${came.run.plan.scenario}) was started meanwhile; this is that run`);
  return tellRun(session, services, came);
}
