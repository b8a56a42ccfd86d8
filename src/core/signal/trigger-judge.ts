import { type ClockNotice, clockNotice, type Instant } from "./clock-notice.js";
import { compileTriggers, type TriggerDefinitions } from "./compile-triggers.js";
import { dueQueue } from "./due-queue.js";
import { findingAt, type World } from "./finding.js";
import {
  changeHistory,
  forgetNewer,
  type JudgedSignal,
  judgedSignals,
  takeSample,
} from "./judged-signals.js";
import { type Judged, judgedTrigger, movedMemory } from "./judged-trigger.js";
import { dueAt, moveTrigger } from "./move-trigger.js";
import type { Sample } from "./sample.js";
import type { TriggerMemory, TriggerState, TriggerStatus } from "./trigger-state.js";
import { triggerStatus } from "./trigger-status.js";

/** What judging is told beside samples. */
export interface JudgeFacts {
  /** Signals as they were before the change, out of the checkpoint's manifest. */
  readonly baselines?: Readonly<Record<string, number>> | undefined;
  /**
   * After a restart: what is remembered of a signal keeps the state of its triggers, but none of them begins or goes on to
   * fire on it. That takes a reading of now.
   */
  readonly afresh?: boolean | undefined;
  /** Told of every change of phase, in order. */
  readonly onMove?: (trigger: string, before: TriggerMemory, after: TriggerMemory, at: number) => void;
}

export interface JudgeMoment extends Instant {
  /** When the last rollback ended. */
  readonly rolledBackAt?: number | undefined;
}

/** Judges one set of triggers from moment to moment. The work of a moment grows with what has changed, not with what there is. */
export interface TriggerJudge {
  /** Everything up to the moment. Tells what was wrong with the clock, if anything. */
  judge(samples: readonly Sample[], moment: JudgeMoment): ClockNotice | undefined;
  /** As of the last moment. Those that have not changed are the same objects as before. */
  statuses(): TriggerStatus[];
  state(): TriggerState;
}

/**
 * A trigger is judged at every moment at which something about it can change: a new sample, a sample gone stale, a time that
 * has run out. So the outcome depends on the samples alone, and neither on how often this is called nor on restarts in between.
 */
export function triggerJudge(
  definitions: TriggerDefinitions,
  from?: TriggerState,
  { baselines = {}, afresh = false, onMove }: JudgeFacts = {},
): TriggerJudge {
  const compiled = compileTriggers(definitions);
  const signals = judgedSignals(definitions, compiled, from, afresh && from !== undefined);
  const index = new Map(signals.map(({ name }, place) => [name, place]));
  const values = new Map(signals.map(({ name, latest }) => [name, latest?.value ?? Number.NaN]));
  const world: World = { signal: (name) => signals[index.get(name) ?? -1], values, baselines };
  const triggers = compiled.triggers.map((one) => judgedTrigger(one, from));
  const firstTrigger = signals.length;
  const dirty = new Set<number>();
  const told: TriggerStatus[] = [];
  /** Whose status is no longer what was told. */
  let untold = new Set(triggers.keys());
  let queue = dueQueue(signals.length + triggers.length);
  let begun = from?.begun;
  let judged = from?.judged ?? 0;
  let monotonic: number | undefined;
  let restarted = false;
  let settlingFrom = from?.settlingFrom;

  const wake = (): void => {
    queue = dueQueue(signals.length + triggers.length);
    for (const place of signals.keys()) addStale(place);
    for (const [place, trigger] of triggers.entries()) {
      trigger.finding = undefined;
      dirty.add(place);
      addDue(place);
    }
  };
  const addStale = (place: number): void => {
    const signal = signals[place];
    if (signal === undefined) return;
    queue.add(place, signal.staleAt);
    if (signal.awaitedUntil > judged) queue.add(place, signal.awaitedUntil);
  };
  const mutedUntil = (trigger: Judged, at: number): number | undefined => {
    const { settle } = trigger.definition;
    if (settlingFrom === undefined || settle === undefined) return undefined;
    const until = settlingFrom + settle;
    return at < until ? until : undefined;
  };
  const addDue = (place: number): void => {
    const trigger = triggers[place];
    if (trigger === undefined) return;
    const muted = trigger.finding !== undefined && "mutedUntil" in trigger.finding;
    const due = muted ? mutedUntil(trigger, judged) : dueAt(trigger.memory, trigger.definition);
    if (due !== undefined && due > judged) queue.add(firstTrigger + place, due);
  };
  const touch = (signal: JudgedSignal, read: boolean): void => {
    for (const place of signal.triggers) {
      const trigger = triggers[place];
      if (trigger === undefined) continue;
      trigger.finding = undefined;
      trigger.reading ||= read && trigger.counted === signal.name;
      dirty.add(place);
    }
  };

  /** Who is due is looked at again: a time in the queue may have been overtaken. */
  const takeDue = (at: number): void => {
    for (const who of queue.take(at)) {
      const signal = signals[who];
      if (signal !== undefined) {
        if (signal.staleAt > at) queue.add(who, signal.staleAt);
        else touch(signal, false);
        if (signal.awaitedUntil > at) queue.add(who, signal.awaitedUntil);
        continue;
      }
      const place = who - firstTrigger;
      const trigger = triggers[place];
      if (trigger === undefined) continue;
      if (trigger.finding !== undefined && "mutedUntil" in trigger.finding) trigger.finding = undefined;
      dirty.add(place);
    }
  };
  const judgeAt = (moment: number): void => {
    const at = Math.max(judged, moment);
    judged = at;
    takeDue(at);
    for (const place of dirty) {
      const trigger = triggers[place];
      if (trigger === undefined) continue;
      const muted = mutedUntil(trigger, at);
      trigger.finding =
        muted === undefined ? (trigger.finding ?? findingAt(trigger, world, at)) : { mutedUntil: muted };
      const before = trigger.memory;
      trigger.memory = moveTrigger(before, trigger.finding, trigger.definition, at, trigger.reading);
      trigger.reading = false;
      untold.add(place);
      if (before.phase !== trigger.memory.phase) onMove?.(trigger.name, before, trigger.memory, at);
      addDue(place);
    }
    dirty.clear();
  };
  const judgeBefore = (end: number): void => {
    for (let next = queue.next(); next < end; next = queue.next()) judgeAt(next);
  };

  /** Durations go on as they would have with a steady clock; what was measured before a step forward is as old as it now seems. */
  const stepClock = (step: number, limit: number): void => {
    const moved = (at: number): number => Math.min(at + step, limit);
    for (const signal of step < 0 ? signals : []) {
      if (signal.latest !== undefined) signal.latest = { ...signal.latest, at: moved(signal.latest.at) };
      changeHistory(signal, compiled.windows.get(signal.name), moved);
      signal.staleAt = (signal.latest?.at ?? moved(begun ?? limit)) + signal.limit;
    }
    for (const signal of signals) signal.awaitedUntil += step;
    if (step < 0) begun = begun === undefined ? undefined : moved(begun);
    if (step < 0 && settlingFrom !== undefined) settlingFrom = moved(settlingFrom);
    for (const trigger of triggers) trigger.memory = movedMemory(trigger.memory, moved);
    judged = moved(judged);
    wake();
  };
  const settle = (rolledBackAt: number | undefined): void => {
    if (rolledBackAt === undefined || rolledBackAt === settlingFrom) return;
    settlingFrom = rolledBackAt;
    // What was there before the rollback says nothing about what is there now.
    for (const signal of signals) {
      changeHistory(signal, compiled.windows.get(signal.name), (at) => (at > rolledBackAt ? at : undefined));
    }
    wake();
  };

  const tell = (): TriggerStatus[] => {
    const again = new Set<number>();
    for (const place of untold) {
      const trigger = triggers[place];
      if (trigger === undefined) continue;
      const { finding } = trigger;
      // What speaks of ages is told anew at every moment.
      const dated = finding === undefined || "noData" in finding || "notYet" in finding;
      if (dated) again.add(place);
      const now = dated ? findingAt(trigger, world, judged) : finding;
      told[place] = triggerStatus(trigger, trigger.memory, now, world);
    }
    untold = again;
    return [...told];
  };

  if (begun !== undefined) wake();
  return {
    judge(samples, moment) {
      const { now } = moment;
      if (begun === undefined) {
        begun = earliest(samples, now);
        judged = begun;
        for (const signal of signals) signal.staleAt = begun + signal.limit;
        for (const trigger of triggers) trigger.memory = { ...trigger.memory, since: begun };
        wake();
      }
      if (afresh && !restarted) {
        restarted = true;
        for (const [place, signal] of signals.entries()) {
          signal.awaitedUntil = Math.min(signal.awaitedUntil, now + signal.limit);
          addStale(place);
        }
      }
      const notice = clockNotice({ now: judged, monotonic }, moment);
      if (notice?.kind === "set back") stepClock(monotonic === undefined ? 0 : -notice.by, now);
      if (notice?.kind === "set forward") stepClock(notice.by, now);
      monotonic = moment.monotonic;
      settle(moment.rolledBackAt);
      const start = judged;
      const arriving = inOrder(samples, now);
      let at = Number.NaN;
      for (const sample of arriving) {
        const place = index.get(sample.signal) ?? -1;
        const signal = signals[place];
        if (signal === undefined) continue;
        // A late one counts from when it became known.
        const known = Math.max(Math.min(sample.at, now), start);
        if (known !== at) {
          if (dirty.size > 0 && !Number.isNaN(at)) judgeAt(at);
          judgeBefore(known);
          at = known;
        }
        forgetNewer(signal, compiled.windows.get(signal.name), sample);
        const taken = takeSample(signal, sample.at > now ? { ...sample, at: now } : sample);
        if (taken === "old") continue;
        values.set(sample.signal, sample.value ?? Number.NaN);
        queue.add(place, signal.staleAt);
        touch(signal, taken === "new");
      }
      if (!Number.isNaN(at)) judgeAt(at);
      judgeBefore(now);
      judgeAt(now);
      return notice;
    },
    statuses: tell,
    state() {
      const known = signals.flatMap(({ name, latest }) =>
        latest === undefined ? [] : [[name, latest] as const],
      );
      const past = signals.flatMap(({ name, history }) =>
        history === undefined || history.length === 0 ? [] : [[name, history.readings()] as const],
      );
      return {
        begun: begun ?? 0,
        judged,
        latest: Object.fromEntries(known),
        triggers: Object.fromEntries(
          triggers.map(({ name, memory, digest }) => [name, { ...memory, of: digest }]),
        ),
        ...(past.length === 0 ? {} : { history: Object.fromEntries(past) }),
        ...(settlingFrom === undefined ? {} : { settlingFrom }),
      };
    },
  };
}

function earliest(samples: readonly Sample[], now: number): number {
  let first = now;
  for (const { at } of samples) if (at < first) first = at;
  return first;
}

/** Samples of the future are taken as of now. */
function inOrder(samples: readonly Sample[], now: number): readonly Sample[] {
  const time = ({ at }: Sample): number => Math.min(at, now);
  for (let index = 1; index < samples.length; index++) {
    const [before, sample] = [samples[index - 1], samples[index]];
    if (before !== undefined && sample !== undefined && time(sample) < time(before))
      return samples.toSorted((a, b) => time(a) - time(b));
  }
  return samples;
}
