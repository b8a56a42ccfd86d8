import type { Changed } from "./changed-definitions.js";
import { type ClockNotice, clockNotice, type Instant } from "./clock-notice.js";
import type { TriggerDefinitions } from "./compile-triggers.js";
import { awaitSignal, wakeAll } from "./due-times.js";
import { judgeUpTo, type OnMove } from "./judge-moments.js";
import { stateOf, tellStatuses } from "./judged-outcome.js";
import { type Judging, newJudging, touch } from "./judging.js";
import { settleFrom, stepTimes } from "./move-times.js";
import type { Sample } from "./sample.js";
import type { TriggerState, TriggerStatus } from "./trigger-state.js";

/** What judging is told beside samples. */
export interface JudgeFacts {
  /** Signals as they were before the change, out of the checkpoint's manifest. */
  readonly baselines?: Readonly<Record<string, number>> | undefined;
  /**
   * For a watch. After a restart, and where nobody judged for a while: what is known of a signal keeps the state of its
   * triggers, but none of them begins or goes on to fire on it. That takes a reading of now.
   */
  readonly afresh?: boolean | undefined;
  /** Told of every change of phase, in order. */
  readonly onMove?: OnMove;
}

export interface JudgeMoment extends Instant {
  /** When the last rollback ended. */
  readonly rolledBackAt?: number | undefined;
}

/** Judges one set of triggers from moment to moment. The work of a moment grows with what has changed, not with what there is. */
export interface TriggerJudge {
  /** What was remembered and does not count, since it was defined otherwise then. */
  readonly changed: Changed;
  /** Everything up to the moment. Tells what was wrong with the clock, if anything. */
  judge(samples: readonly Sample[], moment: JudgeMoment): ClockNotice | undefined;
  /** As of the last moment. Those that have not changed are the same objects as before. */
  statuses(): TriggerStatus[];
  state(): TriggerState;
}

/** The outcome depends on the samples alone, and neither on how often `judge` is called nor on restarts in between. */
export function triggerJudge(
  definitions: TriggerDefinitions,
  from?: TriggerState,
  { baselines = {}, afresh = false, onMove }: JudgeFacts = {},
): TriggerJudge {
  const judging = newJudging(definitions, from, baselines, afresh);
  let restarted = false;
  let monotonic: number | undefined;
  if (judging.begun !== undefined) wakeAll(judging);
  return {
    changed: judging.changed,
    judge(samples, moment) {
      const { now } = moment;
      if (judging.begun === undefined) begin(judging, earliest(samples, now));
      const notice = noticeAt({ now: judging.judged, monotonic }, moment, afresh && !restarted);
      if (notice?.kind === "set back") stepTimes(judging, monotonic === undefined ? 0 : -notice.by, now);
      if (notice?.kind === "set forward") stepTimes(judging, notice.by, now);
      if (afresh && (!restarted || notice?.kind === "overslept")) awaitAgain(judging, now);
      restarted = true;
      monotonic = moment.monotonic;
      settleFrom(judging, moment.rolledBackAt);
      judgeUpTo(judging, samples, now, onMove);
      return notice;
    },
    statuses: () => tellStatuses(judging),
    state: () => stateOf(judging),
  };
}

function noticeAt(before: Instant, after: Instant, first: boolean): ClockNotice | undefined {
  const notice = clockNotice(before, after);
  return first && notice?.kind === "overslept" ? { ...notice, kind: "away" } : notice;
}

function begin(judging: Judging, at: number): void {
  judging.begun = at;
  judging.judged = at;
  for (const signal of judging.signals) signal.staleAt = at + signal.limit;
  for (const trigger of judging.triggers) trigger.memory = { ...trigger.memory, since: at };
  wakeAll(judging);
}

/** Each signal has its own time to be read again; what is known counts for nothing until then. */
function awaitAgain(judging: Judging, now: number): void {
  for (const [place, signal] of judging.signals.entries()) {
    signal.awaitedUntil = now + signal.limit;
    awaitSignal(judging, place);
    touch(judging, signal, false);
  }
}

function earliest(samples: readonly Sample[], now: number): number {
  let first = now;
  for (const { at } of samples) if (at < first) first = at;
  return first;
}
