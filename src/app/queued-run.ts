import { BackoutError } from "../core/errors.js";
import { sameAim } from "../core/plan/same-aim.js";
import type { Fact } from "../core/run/fact.js";
import { advance, project } from "../core/run/project.js";
import type { PersonRequest, RunRecord } from "../core/run/run-journal.js";
import type { RunQueue } from "../core/run/run-queue.js";
import type { RunListener } from "../engine/execute-run.js";
import type { FoundRun } from "./find-run.js";
import { cameFirst } from "./run-lease.js";
import type { Services } from "./services.js";

export interface FollowEvents extends RunListener {
  /** Stops watching; the run goes on. */
  readonly interrupt?: AbortSignal;
}

/** How long a run may wait in the queue before it is asked whether there is any controller. Milliseconds. */
const controllerWaitMs = 3_000;
const pollMs = 200;

type Queued = Services & { readonly queue: RunQueue };

export const isQueued = (services: Services): services is Queued => services.queue !== undefined;

/** Leaves a new run to the controllers and follows it, or the newer one that came between. */
export async function submitRun(
  services: Queued,
  run: RunRecord,
  requested: Fact,
  events: FollowEvents & { readonly seen: string | undefined; readonly onRun?: (run: RunRecord) => void },
): Promise<FoundRun> {
  const { queue, journal } = services;
  const id = await queue.submit(run, [requested], events.seen);
  const followed = id === run.id ? run : await journal.run(id);
  if (!sameAim(followed.plan, run.plan)) {
    throw cameFirst(followed);
  }
  events.onRun?.(followed);
  return followQueued(services, id, events);
}

/** Leaves word for whoever executes the run, sees to it that somebody does, and follows it from here on. */
export async function askQueued(
  services: Queued,
  { run, state }: FoundRun,
  requests: readonly PersonRequest[],
  events: FollowEvents,
): Promise<FoundRun> {
  const { queue, journal } = services;
  for (const request of requests) await journal.request(run.id, request);
  await queue.again(run);
  return followQueued(services, run.id, events, state.lastSeq);
}

/**
 * Watches a run until it has finished, or stands still with nobody at work on it. Facts up to `told` are known already.
 * Throws UNREACHABLE where it waits and there is no controller.
 */
export async function followQueued(
  services: Queued,
  id: string,
  events: FollowEvents,
  told = 0,
): Promise<FoundRun> {
  const { queue, journal, clock, playbook } = services;
  const run = await journal.run(id);
  const state = project(run.plan, []);
  let quietSince = clock.monotonic();
  for (;;) {
    const place = state.status === "finished" ? undefined : await queue.place(id);
    const fresh = await journal.facts(id, state.lastSeq);
    for (const fact of fresh) {
      advance(state, fact);
      if (fact.seq > told) events.onFact?.(fact, state);
    }
    if (fresh.length > 0 || place === "running") quietSince = clock.monotonic();
    if (state.status === "finished" || place === undefined || events.interrupt?.aborted)
      return { run, state };
    if (place === "queued" && clock.monotonic() - quietSince > controllerWaitMs) {
      if ((await queue.controllers(playbook.system)) === 0) throw nobodyAtWork(id);
      quietSince = clock.monotonic();
    }
    await clock.sleep(pollMs);
  }
}

const nobodyAtWork = (id: string): BackoutError =>
  new BackoutError("UNREACHABLE", `run "${id}": it is queued, but no controller is at work`, {
    effect: "none",
    hint: "start one: backout controller; the run begins as soon as it is there, unless: backout cancel",
  });
