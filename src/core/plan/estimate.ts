import type { Phase } from "../driver.js";
import type { Estimate, PlanStep } from "./plan.js";

interface Span {
  readonly start: number;
  readonly end: number;
  /** The step that it waited for longest. */
  readonly after: string | undefined;
}

/** Duration, critical path and downtime if every step takes what is expected. Steps must come in order. */
export function estimate(steps: readonly PlanStep[], promisedMs: number | undefined): Estimate {
  const spans = spanSteps(steps);
  let last: string | undefined;
  for (const [id, span] of spans) if (last === undefined || span.end > (spans.get(last)?.end ?? 0)) last = id;
  const durationMs = last === undefined ? 0 : (spans.get(last)?.end ?? 0);
  const criticalPath: string[] = [];
  for (let id = last; id !== undefined; id = spans.get(id)?.after) criticalPath.unshift(id);
  return {
    durationMs,
    criticalPath,
    downtimeMs: downtime(steps, spans),
    ...(promisedMs === undefined ? {} : { promisedMs }),
  };
}

/** When each step would begin and end, with as much in parallel as the plan allows. */
export function spanSteps(steps: readonly PlanStep[]): Map<string, Span> {
  const spans = new Map<string, Span>();
  const phaseEnds = new Map<Phase, { end: number; id: string }>();
  for (const step of steps) {
    let start = 0;
    let after: string | undefined;
    for (const need of step.needs) {
      const end = spans.get(need)?.end ?? 0;
      if (after === undefined || end > start) [start, after] = [Math.max(start, end), need];
    }
    for (const phase of step.awaits) {
      const ended = phaseEnds.get(phase);
      if (ended !== undefined && (after === undefined || ended.end > start))
        [start, after] = [ended.end, ended.id];
    }
    const span = { start, end: start + step.expectedMs, after };
    spans.set(step.id, span);
    const known = phaseEnds.get(step.phase);
    if (known === undefined || span.end > known.end)
      phaseEnds.set(step.phase, { end: span.end, id: step.id });
  }
  return spans;
}

function downtime(steps: readonly PlanStep[], spans: ReadonlyMap<string, Span>): number {
  const interrupting = steps.filter((step) => step.impact.interrupts);
  if (interrupting.length === 0) return 0;
  const start = Math.min(...interrupting.map((step) => spans.get(step.id)?.start ?? 0));
  const back = steps.filter((step) => step.phase === "resume" || step.impact.interrupts);
  return back.reduce((end, step) => Math.max(end, spans.get(step.id)?.end ?? 0), 0) - start;
}
