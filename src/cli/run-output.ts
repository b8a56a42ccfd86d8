import type { FoundRun } from "../app/find-run.js";
import type { RunEvents } from "../app/roll-back.js";
import type { OpenServices } from "../app/services.js";
import { BackoutError, errorCodes } from "../core/errors.js";
import type { Plan } from "../core/plan/plan.js";
import type { RunState } from "../core/run/run-state.js";
import type { Session } from "./session.js";

/**
 * Shows a run while it goes: live on a terminal, a line a fact elsewhere, the facts themselves with `--json`. `leaves`:
 * a controller or another process executes it, and it goes on when this command ends.
 */
export async function runEvents(
  session: Session,
  plan: Plan,
  leaves = false,
): Promise<{ events: RunEvents; end: (state?: RunState) => void }> {
  const { interrupt, kill } = session;
  if (session.options.json) {
    return { events: { interrupt, kill, onFact: (fact) => session.json(fact) }, end: () => {} };
  }
  const { liveRun } = await import("./render/live-run.js");
  const live = await liveRun({
    plan,
    stream: session.stdout,
    environment: process.env,
    now: () => Date.now(),
  });
  interrupt.addEventListener("abort", () => {
    live.note(
      leaves
        ? "the run goes on without being watched; to end it: backout cancel"
        : "stopping: running steps may end; once more to end them now",
    );
  });
  return {
    events: { interrupt, kill, onFact: live.onFact, onProgress: live.onProgress },
    end: (state) => live.end(state),
  };
}

export async function tellEnd(
  session: Session,
  services: OpenServices,
  { run, state }: FoundRun,
): Promise<number> {
  const { exitStatus } = await import("../core/report/exit-status.js");
  const status = exitStatus(state) ?? errorCodes.INTERRUPTED.exit;
  if (session.options.json) return status;
  const { makeReport } = await import("../core/report/report.js");
  const { renderRunEnd } = await import("./render/render-run-end.js");
  const report = makeReport({ run, facts: await services.journal.facts(run.id) });
  session.print(renderRunEnd(report, session.render()));
  return status;
}

/** Whether controllers execute the runs. */
export const isLeft = ({ queue }: OpenServices): boolean => queue !== undefined;

/** Watches a run that another process executes. */
export async function followToEnd(session: Session, services: OpenServices, id: string): Promise<number> {
  const { followRun } = await import("../app/roll-back.js");
  const { runningRun } = await import("../app/run-lease.js");
  const { events, end } = await runEvents(session, (await services.journal.run(id)).plan, true);
  const found = await followRun(services, id, events);
  end(found.state);
  const goesOn = found.state.status !== "finished" && (await runningRun(services)) === id;
  return goesOn ? errorCodes.INTERRUPTED.exit : tellEnd(session, services, found);
}

/** Executes a run before the reader's eyes and says how it ended, also after a second Ctrl-C. */
export async function showRun(
  session: Session,
  services: OpenServices,
  plan: Plan | undefined,
  execute: (events: RunEvents) => Promise<FoundRun>,
): Promise<number> {
  const { events, end } =
    plan === undefined ? { events: {}, end: () => {} } : await runEvents(session, plan, isLeft(services));
  try {
    const found = await execute(events);
    end(found.state);
    return await tellEnd(session, services, found);
  } catch (error) {
    end();
    const { unfinishedRun } = await import("../app/find-run.js");
    const killed = session.kill.aborted && error instanceof BackoutError && error.code === "INTERRUPTED";
    const open = killed ? await unfinishedRun(services) : undefined;
    if (open === undefined) throw error;
    return tellEnd(session, services, open);
  }
}
