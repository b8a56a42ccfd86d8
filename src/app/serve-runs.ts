import { BackoutError } from "../core/errors.js";
import type { FactBody, TakenFrom } from "../core/run/fact.js";
import type { Lease } from "../core/run/run-journal.js";
import type { ServerEvent } from "../core/run/run-queue.js";
import { leaseMs } from "../engine/keep-lease.js";
import { loadRun } from "./find-run.js";
import { execute, type RunEvents } from "./roll-back.js";
import { leaseScope, type Services } from "./services.js";
import type { PlaybookChoice, Wiring } from "./wiring.js";

export interface ControllerEvents extends Pick<RunEvents, "kill"> {
  /** Takes no further runs and leaves those in progress, once their running steps have ended. */
  readonly interrupt: AbortSignal;
  readonly tell: (event: ServerEvent) => void;
}

/** Executes queued runs of a playbook's system, in all of its environments, until interrupted. */
export async function serveRuns(
  wiring: Wiring,
  choice: PlaybookChoice,
  { interrupt, kill, tell }: ControllerEvents,
): Promise<void> {
  const office = await wiring.openController(choice);
  try {
    await office.server.serve({
      system: office.system,
      signal: interrupt,
      tell,
      execute: async ({ run, environment }) => {
        const services = await wiring.openServices({ file: office.file, environment });
        try {
          return await executeAssigned(services, run, { interrupt, ...(kill && { kill }) });
        } finally {
          await services.close();
        }
      },
    });
  } finally {
    await office.close();
  }
}

/** Whoever is given a run by the queue takes its lease, whoever has it: that one has been found dead, or has ended. */
export async function executeAssigned(
  services: Services,
  id: string,
  events: RunEvents,
): Promise<"ended" | "left"> {
  const { journal, owner, clock, playbook } = services;
  const run = await journal.run(id);
  const want = { scope: leaseScope(playbook), run: id, owner, expires: clock.now() + leaseMs };
  let from: TakenFrom | undefined;
  const { lease } = await journal.acquire(want, (holder) => {
    from = {
      owner: holder.owner,
      why: services.processes.alive(holder.owner) === false ? "dead" : "expired",
    };
    return true;
  });
  try {
    await execute(services, run, { lease, ...(from === undefined ? {} : { from }) }, [], events);
  } catch (error) {
    if (error instanceof BackoutError && error.code === "FENCED") throw error;
    if (!(error instanceof BackoutError && error.code === "INTERRUPTED"))
      await stop(services, id, lease, error);
  } finally {
    await journal.release(lease);
  }
  const { status } = (await loadRun(services, id)).state;
  return status === "finished" || status === "stopped" ? "ended" : "left";
}

/** What this controller cannot execute stands still with the reason, instead of going from one to the next. */
async function stop(services: Services, id: string, lease: Lease, error: unknown): Promise<void> {
  const { journal, clock, redact, owner } = services;
  const { state } = await loadRun(services, id);
  const reason = redact(error instanceof Error ? error.message : String(error));
  const bodies: FactBody[] = [
    { type: "run.owned", owner: lease.owner, fence: lease.fence },
    { type: "run.stopped", message: `the controller on ${owner.host} cannot execute it: ${reason}` },
  ];
  const facts = bodies.map((body, index) => ({
    seq: state.lastSeq + 1 + index,
    at: clock.now(),
    actor: "engine",
    ...body,
  }));
  await journal.append(id, facts, lease);
}
