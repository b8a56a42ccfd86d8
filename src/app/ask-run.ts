import { BackoutError } from "../core/errors.js";
import { approvalEnds, approverRole, approversText, awaitsApproval } from "../core/run/approval.js";
import type { PersonRequest } from "../core/run/run-journal.js";
import { type FoundRun, findRun, loadRun, unfinishedRun } from "./find-run.js";
import { runningRun } from "./run-lease.js";
import type { Services } from "./services.js";

export interface Asked extends FoundRun {
  /** Whether somebody executes the run and has taken note. Otherwise the word waits in the journal. */
  readonly heard: boolean;
}

/** How long to wait for whoever executes the run to take note. Milliseconds. */
const heardWithin = 3_000;

/** Agrees to the run's plan. Throws DENIED for a person whom the plan does not name. */
export async function approveRun(
  services: Services,
  {
    run: id,
    digest,
    reason,
  }: { readonly run: string | undefined; readonly digest: string | undefined; readonly reason: string },
): Promise<Asked & { readonly role: string }> {
  const { actor, clock } = services;
  const found = await findRun(services, id);
  const { run, state } = found;
  const { approval } = run.plan;
  const now = clock.now();
  if (approval === undefined) throw refused(run.id, "its plan asks for nobody's approval", "backout status");
  if (digest !== undefined && !run.plan.digest.startsWith(digest)) {
    throw refused(
      run.id,
      `its plan is "${run.plan.digest}", not "${digest}"`,
      "look at that plan: backout report",
    );
  }
  const role = approverRole(approval, actor);
  if (role === undefined) {
    throw new BackoutError("DENIED", `run "${run.id}": "${actor}" may not approve it`, {
      effect: "none",
      hint: `${approversText(approval)} may`,
    });
  }
  if (state.approved !== undefined)
    throw refused(run.id, `${state.approved.by} has approved it already`, "backout status");
  if (!awaitsApproval(state) || state.status === "finished" || now >= approvalEnds(state)) {
    throw refused(run.id, "it does not wait for an approval any more", "backout status");
  }
  const request = { type: "approve", actor, reason, planDigest: run.plan.digest, at: now } as const;
  return {
    ...(await ask(services, found, request, ({ state: after }) => after.approved !== undefined)),
    role,
  };
}

/** Lets running steps end and none start, until continued: also over a restart. */
export async function pauseRun(services: Services, reason: string): Promise<Asked> {
  const found = await openRun(services);
  const { run, state } = found;
  if (state.paused !== undefined)
    throw refused(run.id, `${state.paused.by} has paused it already`, "backout continue");
  if (state.status === "stopped")
    throw refused(run.id, "it stands already", "backout resume, or backout cancel");
  const request = { type: "pause", actor: services.actor, reason } as const;
  return ask(services, found, request, ({ state: after }) => after.paused !== undefined);
}

export async function continueRun(services: Services, reason: string): Promise<Asked> {
  const found = await openRun(services);
  const pending = (await services.journal.requests(found.run.id)).some(
    ({ request }) => request.type === "pause",
  );
  if (found.state.paused === undefined && !pending)
    throw refused(found.run.id, "it is not paused", "backout status");
  const request = { type: "continue", actor: services.actor, reason } as const;
  return ask(services, found, request, ({ state: after }) => after.paused === undefined);
}

async function ask(
  services: Services,
  { run }: FoundRun,
  request: PersonRequest,
  isDone: (found: FoundRun) => boolean,
): Promise<Asked> {
  const { journal, clock } = services;
  await journal.request(run.id, request);
  const end = clock.monotonic() + heardWithin;
  for (;;) {
    const now = await loadRun(services, run.id);
    const heard = isDone(now);
    const alone = (await runningRun(services)) !== run.id;
    if (heard || alone || clock.monotonic() >= end) return { ...now, heard };
    await clock.sleep(50);
  }
}

async function openRun(services: Services): Promise<FoundRun> {
  const open = await unfinishedRun(services);
  if (open !== undefined) return open;
  throw new BackoutError("NOT_FOUND", "no run is in progress: the last one is finished, or there was none", {
    effect: "none",
    hint: "backout history",
  });
}

const refused = (run: string, fact: string, hint: string): BackoutError =>
  new BackoutError("REFUSED", `run "${run}": ${fact}`, { effect: "none", hint });
