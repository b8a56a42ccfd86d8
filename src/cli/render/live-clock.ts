import { palette } from "./colour.js";
import { durationText } from "./format.js";
import { hanging } from "./layout.js";
import type { LiveView } from "./live-view.js";
import type { RenderOptions } from "./render-options.js";

/** Where the run stands against what was promised and against the objective. Whole seconds: a calm clock. */
export function liveClock({ plan, state, since }: LiveView, options: RenderOptions, width: number): string[] {
  if (state === undefined) return [];
  const paint = palette(options.colour);
  const end = state.endedAt ?? options.now;
  const begun = state.startedAt ?? state.requestedAt ?? end;
  const elapsed = wholeSeconds(end - begun);
  const { promisedMs, durationMs } = plan.estimate;
  const limit = promisedMs ?? durationMs;
  const own = `${durationText(elapsed)} of ${durationText(limit)} ${promisedMs === undefined ? "expected" : "promised"}`;
  const { rto } = plan.objectives;
  const bad = since ?? state.requestedAt;
  const left = rto === undefined || bad === undefined ? undefined : rto - wholeSeconds(end - bad);
  const objective =
    left === undefined || rto === undefined
      ? ""
      : `, RTO ${durationText(rto)}: ${left >= 0 ? `${durationText(left)} left` : `missed by ${durationText(-left)}`}`;
  const late = (left !== undefined && left < 0) || (promisedMs !== undefined && elapsed > promisedMs);
  return hanging("", `${own}${objective}`, width, { text: late ? paint.bad : paint.dim });
}

const wholeSeconds = (ms: number): number => Math.floor(Math.max(0, ms) / 1000) * 1000;
