import { wakeAll } from "./due-times.js";
import { changeHistory } from "./judged-signals.js";
import { movedMemory } from "./judged-trigger.js";
import type { Judging } from "./judging.js";

/** The clock was set: durations go on as they would have with a steady one; what was measured before a step forward is as old as it now seems. */
export function stepTimes(judging: Judging, step: number, limit: number): void {
  const { signals, triggers, compiled } = judging;
  const moved = (at: number): number => Math.min(at + step, limit);
  if (step < 0) {
    for (const signal of signals) {
      if (signal.latest !== undefined) signal.latest = { ...signal.latest, at: moved(signal.latest.at) };
      changeHistory(signal, compiled.windows.get(signal.name), moved);
      signal.staleAt = (signal.latest?.at ?? moved(judging.begun ?? limit)) + signal.limit;
    }
    if (judging.begun !== undefined) judging.begun = moved(judging.begun);
    if (judging.settlingFrom !== undefined) judging.settlingFrom = moved(judging.settlingFrom);
  }
  for (const signal of signals) signal.awaitedUntil += step;
  for (const trigger of triggers) trigger.memory = movedMemory(trigger.memory, moved);
  judging.judged = moved(judging.judged);
  wakeAll(judging);
}

/** What was there before the rollback says nothing about what is there now. */
export function settleFrom(judging: Judging, rolledBackAt: number | undefined): void {
  if (rolledBackAt === undefined || rolledBackAt === judging.settlingFrom) return;
  judging.settlingFrom = rolledBackAt;
  for (const signal of judging.signals) {
    const window = judging.compiled.windows.get(signal.name);
    changeHistory(signal, window, (at) => (at > rolledBackAt ? at : undefined));
  }
  wakeAll(judging);
}
