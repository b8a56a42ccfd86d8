import { awaitTrigger, mutedUntil, takeDue } from "./due-times.js";
import { findingAt } from "./finding.js";
import { forgetNewer, takeSample } from "./judged-signals.js";
import { type Judging, touch } from "./judging.js";
import { moveTrigger } from "./move-trigger.js";
import type { Sample } from "./sample.js";
import type { TriggerMemory } from "./trigger-state.js";

export type OnMove = (trigger: string, before: TriggerMemory, after: TriggerMemory, at: number) => void;

/**
 * Every moment up to now at which something can change: a new sample, a sample gone stale, a time that has run out. So the
 * outcome depends on the samples alone, and not on how often anybody judges.
 */
export function judgeUpTo(
  judging: Judging,
  samples: readonly Sample[],
  now: number,
  onMove: OnMove | undefined,
): void {
  const { signals, index, values, compiled, queue, dirty } = judging;
  const start = judging.judged;
  let at = Number.NaN;
  for (const sample of inOrder(samples, now)) {
    const place = index.get(sample.signal) ?? -1;
    const signal = signals[place];
    if (signal === undefined) continue;
    // A late one counts from when it became known.
    const known = Math.max(Math.min(sample.at, now), start);
    if (known !== at) {
      if (dirty.size > 0 && !Number.isNaN(at)) judgeAt(judging, at, onMove);
      judgeBefore(judging, known, onMove);
      at = known;
    }
    forgetNewer(signal, compiled.windows.get(signal.name), sample);
    const taken = takeSample(signal, sample.at > now ? { ...sample, at: now } : sample);
    if (taken === "old") continue;
    values.set(sample.signal, sample.value ?? Number.NaN);
    queue.add(place, signal.staleAt);
    touch(judging, signal, taken === "new");
  }
  if (!Number.isNaN(at)) judgeAt(judging, at, onMove);
  judgeBefore(judging, now, onMove);
  judgeAt(judging, now, onMove);
}

function judgeBefore(judging: Judging, end: number, onMove: OnMove | undefined): void {
  const { queue } = judging;
  for (let next = queue.next(); next < end; next = queue.next()) judgeAt(judging, next, onMove);
}

function judgeAt(judging: Judging, moment: number, onMove: OnMove | undefined): void {
  const { triggers, world, dirty, untold } = judging;
  const at = Math.max(judging.judged, moment);
  judging.judged = at;
  takeDue(judging, at);
  for (const place of dirty) {
    const trigger = triggers[place];
    if (trigger === undefined) continue;
    const muted = mutedUntil(judging, trigger, at);
    trigger.finding =
      muted === undefined ? (trigger.finding ?? findingAt(trigger, world, at)) : { mutedUntil: muted };
    const before = trigger.memory;
    trigger.memory = moveTrigger(before, trigger.finding, trigger.definition, at, trigger.reading);
    trigger.reading = false;
    untold.add(place);
    if (before.phase !== trigger.memory.phase) onMove?.(trigger.name, before, trigger.memory, at);
    awaitTrigger(judging, place);
  }
  dirty.clear();
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
