import type { RunState, StepState } from "../../core/run/run-state.js";

/**
 * The steps that are worth a line where not all of them have one: what went wrong, what runs, what ended last, and
 * what comes next. In the plan's order where all fit, so that nothing jumps.
 */
export function chooseSteps(state: RunState, room: number): StepState[] {
  const all = [...state.steps.values()];
  if (all.length <= room) return all;
  if (room <= 0) return [];
  const is = (...statuses: StepState["status"][]): StepState[] =>
    all.filter(({ status }) => statuses.includes(status));
  const bad = is("failed", "undecided", "unsettled").slice(0, Math.ceil(room / 2));
  const running = is("running").slice(0, room - bad.length);
  const left = room - bad.length - running.length;
  const ended = is("succeeded", "skipped").toSorted((a, b) => (a.endedAt ?? 0) - (b.endedAt ?? 0));
  const last = ended.slice(Math.max(0, ended.length - left));
  const next = is("ready").slice(0, left - last.length);
  return [...last, ...bad, ...running, ...next];
}
