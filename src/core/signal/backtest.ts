import type { Level } from "../playbook/schema-judging.js";
import { compileTriggers, type TriggerDefinitions } from "./compile-triggers.js";
import type { Sample } from "./sample.js";
import { type TriggerJudge, triggerJudge } from "./trigger-judge.js";

/** A stretch of time, milliseconds since the epoch. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
}

/** What is known to have been really bad: somebody rolled back, reported a problem, or says so. */
export interface KnownEvent extends Stretch {
  readonly kind: "rollback" | "report" | "incident";
  /** Of the run or the report; of an incident what was typed. */
  readonly id: string;
}

export interface Firing {
  readonly pendingAt: number;
  readonly firedAt: number;
  /** Absent where it was still firing at the end. */
  readonly endedAt?: number;
  /** What was known to be bad near it. Empty: it fired for nothing. */
  readonly near: readonly KnownEvent[];
}

export interface BacktestedTrigger {
  readonly trigger: string;
  readonly level: Level;
  readonly firings: readonly Firing[];
  /** How often it was pending and did not fire. */
  readonly nearMisses: number;
  /** How long it fired, milliseconds. */
  readonly fired: number;
}

export interface Past {
  /** In the order of time; those before `from` only set the scene. */
  readonly samples: readonly Sample[];
  readonly events: readonly KnownEvent[];
  readonly baselines?: Readonly<Record<string, number>>;
}

type Moved = Omit<Firing, "near">;

/** So long before the beginning samples are needed, so that windows are full and what is pending by then is. */
export function leadOf(definitions: TriggerDefinitions): number {
  const { windows } = compileTriggers(definitions);
  const waits = Object.values(definitions.triggers).map((one) => Math.max(one.for, one.clear?.for ?? 0));
  return Math.max(0, ...windows.values(), ...waits);
}

/**
 * What the triggers would have done on what was recorded. Pure. Rollbacks of that time mute what they disturb, as they
 * would have; an event is near a firing where no more than `near` lies between them.
 */
export function backtest(
  definitions: TriggerDefinitions,
  { samples, events, baselines = {} }: Past,
  { from, to }: Stretch,
  near: number,
): BacktestedTrigger[] {
  const moves = new Map<string, { firings: Moved[]; misses: number }>();
  for (const name of Object.keys(definitions.triggers)) moves.set(name, { firings: [], misses: 0 });
  const judge = triggerJudge(definitions, undefined, {
    baselines,
    onMove: (name, before, after, at) => {
      const seen = moves.get(name);
      if (seen === undefined) return;
      const last = seen.firings.at(-1);
      if (after.phase === "firing") seen.firings.push({ pendingAt: after.began ?? at, firedAt: at });
      else if (before.phase === "pending") seen.misses += at >= from ? 1 : 0;
      else if (before.phase === "firing" && last !== undefined)
        seen.firings.splice(-1, 1, { ...last, endedAt: at });
    },
  });
  replay(judge, samples, events, { from: from - leadOf(definitions), to });
  return [...moves].map(([trigger, { firings, misses }]) => {
    const within = firings.filter(({ endedAt = to }) => endedAt > from);
    return {
      trigger,
      level: definitions.triggers[trigger]?.level ?? "GREEN",
      firings: within.map((one) => ({ ...one, near: events.filter((event) => isNear(event, one, near)) })),
      nearMisses: misses,
      fired: within.reduce((sum, { firedAt, endedAt = to }) => sum + endedAt - Math.max(firedAt, from), 0),
    };
  });
}

/** What was bad while no trigger but a GREEN one fired near it. */
export const unnoticed = (
  events: readonly KnownEvent[],
  triggers: readonly BacktestedTrigger[],
): KnownEvent[] =>
  events.filter(
    (event) =>
      !triggers.some(
        ({ level, firings }) => level !== "GREEN" && firings.some((one) => one.near.includes(event)),
      ),
  );

function replay(
  judge: TriggerJudge,
  samples: readonly Sample[],
  events: readonly KnownEvent[],
  { from, to }: Stretch,
): void {
  const ends = events.flatMap((one) =>
    one.kind === "rollback" && one.to >= from && one.to < to ? [one.to] : [],
  );
  judge.judge([], { now: from });
  let next = samples.findIndex(({ at }) => at >= from);
  let rolledBackAt: number | undefined;
  for (const now of [...ends.toSorted((a, b) => a - b), to]) {
    const first = next;
    while ((samples[next]?.at ?? Number.POSITIVE_INFINITY) <= now) next += 1;
    judge.judge(samples.slice(Math.max(0, first), Math.max(0, next)), { now, rolledBackAt });
    rolledBackAt = now;
  }
}

const isNear = (
  event: Stretch,
  { pendingAt, endedAt = Number.POSITIVE_INFINITY }: Moved,
  near: number,
): boolean => event.from <= endedAt + near && event.to >= pendingAt - near;
