import type { WatchStore } from "../core/ports.js";
import type { Sample } from "../core/signal/sample.js";
import { type TriggerJudge, triggerJudge } from "../core/signal/trigger-judge.js";
import type { Verdict } from "../core/signal/verdict.js";
import { knownBaselines } from "./baselines.js";
import type { CallEvents } from "./driver-call.js";
import type { FoundRun } from "./find-run.js";
import type { Services } from "./services.js";
import { signalSources } from "./signal-sources.js";
import { type Act, watchAttempts } from "./watch-attempts.js";
import { watchGate } from "./watch-gate.js";
import { guardWatch } from "./watch-guards.js";
import { type Judgement, judgementAt } from "./watch-judgement.js";
import { onlyLooking, watchLease } from "./watch-lease.js";
import { type WatchMemory, watchMemory } from "./watch-memory.js";
import { changedTexts, clockText, forgottenText } from "./watch-notice.js";
import { watchReadings } from "./watch-readings.js";

/** Something about the watch itself: its clock, its state, who else watches, an attempt that was refused. */
export interface WatchNotice {
  readonly at: number;
  readonly text: string;
}

export interface WatchRequest extends CallEvents {
  /** The change that has just been rolled out: its checkpoint's baselines count. */
  readonly change?: string | undefined;
  /** Watch for so long, milliseconds, and until what is pending then has fired or not. Default: until aborted. */
  readonly forMs?: number | undefined;
  /** Only looks: starts nothing, and leaves it to others to remember. */
  readonly looksOnly?: boolean | undefined;
  /** Goes on after a rollback. */
  readonly stays?: boolean | undefined;
  /** Keeps what is remembered of the triggers over a restart. */
  readonly store?: WatchStore | undefined;
  readonly onSample?: (sample: Sample) => void;
  readonly onJudgement?: (judgement: Judgement) => void;
  readonly onNotice?: (notice: WatchNotice) => void;
  /** Decides in mode `auto`, or `approve` where the scenario names who approves; its return ends the watch. `undefined` goes on watching. */
  readonly act: Act;
}

export interface WatchEnd {
  readonly worst: Verdict["level"];
  readonly last: Judgement | undefined;
  readonly run: FoundRun | undefined;
}

/** Reads the playbook's signals and judges them until something is done about it, the time is over, or it is aborted. */
export async function watchSystem(services: Services, request: WatchRequest): Promise<WatchEnd> {
  const { playbook, clock } = services;
  const stop = new AbortController();
  const signal = AbortSignal.any([request.signal, stop.signal]);
  const say = (text: string): void => request.onNotice?.({ at: clock.now(), text: services.redact(text) });
  const lease = request.looksOnly === true ? onlyLooking : await watchLease(services, say);
  const memory = request.store === undefined ? undefined : watchMemory(request.store, clock, say);
  const triggers = await rememberedJudge(services, request, memory, say);
  const guards = guardWatch(services, request.change, () => lease.observing());
  const sources = await signalSources(services, request, {
    listening: signal,
    onForgotten: (name) => say(forgottenText(name)),
  });
  const readings = watchReadings(sources, clock, (sample) => request.onSample?.(sample), signal);
  const gate = watchGate(playbook, request.forMs);
  const act: Act = (...what) => request.act(...what).finally(() => guards.forget());
  const attempts = watchAttempts(services, act, request.signal, say);
  const begun = clock.monotonic();
  let run: FoundRun | undefined;
  try {
    while (!signal.aborted && !gate.isOver(clock.monotonic() - begun, readings.awaiting())) {
      // Both at once: what is looked up in between must not look like a clock that was set.
      const [now, monotonic] = [clock.now(), clock.monotonic()];
      const samples = readings.take();
      const known = await guards.now(now);
      const { rolledBackAt } = known;
      const notice = triggers.judge(samples, { now, monotonic, rolledBackAt });
      if (notice !== undefined) say(clockText(notice));
      const judgement = judgementAt(playbook, now, {
        statuses: triggers.statuses(),
        sourceHealth: readings.health(),
        guards: known,
        refused: attempts.refused(),
        before: gate.last(),
      });
      gate.pass(judgement, readings.awaiting());
      if (lease.observing() === undefined) memory?.save(triggers.state());
      request.onJudgement?.(judgement);
      const made = await attempts.attempt(judgement);
      run = made ?? run;
      if (made !== undefined && request.stays !== true) break;
      await readings.next(signal);
    }
  } finally {
    stop.abort();
    await readings.ended;
    await memory?.done();
    await lease.end();
  }
  return { worst: gate.worst(readings.awaiting()), last: gate.last(), run };
}

/** Goes on from what an earlier watch left, and says what of it does not count. */
async function rememberedJudge(
  services: Services,
  { change }: WatchRequest,
  memory: WatchMemory | undefined,
  say: (text: string) => void,
): Promise<TriggerJudge> {
  const baselines = await knownBaselines(services, change);
  const judge = triggerJudge(services.playbook, await memory?.load(), { baselines, afresh: true });
  for (const text of changedTexts(judge.changed)) say(text);
  return judge;
}
