import type { Judged } from "./judged-trigger.js";
import { emptyQueue, type Judging, touch } from "./judging.js";
import { dueAt } from "./move-trigger.js";

/** Everything is to be looked at again. */
export function wakeAll(judging: Judging): void {
  const { signals, triggers, dirty } = judging;
  judging.queue = emptyQueue(signals.length, triggers.length);
  for (const place of signals.keys()) awaitSignal(judging, place);
  for (const [place, trigger] of triggers.entries()) {
    trigger.finding = undefined;
    dirty.add(place);
    awaitTrigger(judging, place);
  }
}

/** When what is known of the signal says nothing any more. */
export function awaitSignal({ signals, queue, judged }: Judging, place: number): void {
  const signal = signals[place];
  if (signal === undefined) return;
  queue.add(place, signal.staleAt);
  if (signal.awaitedUntil > judged) queue.add(place, signal.awaitedUntil);
}

/** When a time of the trigger has run out. */
export function awaitTrigger(judging: Judging, place: number): void {
  const { signals, triggers, queue, judged } = judging;
  const trigger = triggers[place];
  if (trigger === undefined) return;
  const muted = trigger.finding !== undefined && "mutedUntil" in trigger.finding;
  const due = muted ? mutedUntil(judging, trigger, judged) : dueAt(trigger.memory, trigger.definition);
  if (due !== undefined && due > judged) queue.add(signals.length + place, due);
}

/** After a rollback that it settles from. */
export function mutedUntil({ settlingFrom }: Judging, trigger: Judged, at: number): number | undefined {
  const { settle } = trigger.definition;
  if (settlingFrom === undefined || settle === undefined) return undefined;
  const until = settlingFrom + settle;
  return at < until ? until : undefined;
}

/** Who is due is looked at again: a time in the queue may have been overtaken. */
export function takeDue(judging: Judging, at: number): void {
  const { signals, triggers, queue, dirty } = judging;
  for (const who of queue.take(at)) {
    const signal = signals[who];
    if (signal !== undefined) {
      if (signal.staleAt > at) queue.add(who, signal.staleAt);
      else touch(judging, signal, false);
      if (signal.awaitedUntil > at) queue.add(who, signal.awaitedUntil);
      continue;
    }
    const place = who - signals.length;
    const trigger = triggers[place];
    if (trigger === undefined) continue;
    if (trigger.finding !== undefined && "mutedUntil" in trigger.finding) trigger.finding = undefined;
    dirty.add(place);
  }
}
