import type { JsonObject } from "../json.js";
import type { RunState } from "../run/run-state.js";
import type { ReportLoss, ReportRpo, ReportRto } from "./report-types.js";

/** Measured from when it began to be bad, as far as anybody knows, until everything had ended. */
export function measureRto(state: RunState, trigger: JsonObject | undefined): ReportRto {
  const rule = classOf(trigger);
  const objectiveMs = rule?.ms ?? state.plan.objectives.rto;
  const since = trigger?.["since"];
  const bad = typeof since === "number" ? since : undefined;
  const from = bad ?? state.requestedAt;
  const recovered = state.outcome === "verified" || state.outcome === "unverified";
  const shared = {
    from: bad === undefined ? "request" : "first bad sample",
    ...(objectiveMs === undefined ? {} : { objectiveMs }),
    ...(rule === undefined ? {} : { class: rule.name }),
  } as const;
  if (!recovered || from === undefined || state.endedAt === undefined) {
    return { verdict: objectiveMs === undefined ? "none" : "not-recovered", ...shared };
  }
  const measured = { ...shared, measuredMs: state.endedAt - from };
  if (objectiveMs === undefined) return { verdict: "none", ...measured };
  const missedByMs = measured.measuredMs - objectiveMs;
  if (missedByMs > 0) return { verdict: "missed", ...measured, missedByMs };
  return { verdict: state.outcome === "verified" ? "met" : "unverified", ...measured };
}

/** V09: what the decision asked for goes before what the playbook asks for in general. */
function classOf(trigger: JsonObject | undefined): { name: string; ms: number } | undefined {
  const { class: name, rtoMs: ms } = trigger ?? {};
  return typeof name === "string" && typeof ms === "number" ? { name, ms } : undefined;
}

/** How far back the data reaches that was taken away: counted to nothing, it was written by nobody. */
export function measureRpo(state: RunState, losses: readonly ReportLoss[]): ReportRpo {
  const objectiveMs = state.plan.objectives.rpo;
  const objective = objectiveMs === undefined ? {} : { objectiveMs };
  const { targets } = state.plan;
  const captured = losses.flatMap(
    ({ target }) => targets[target]?.since ?? targets[target]?.captured?.at ?? [],
  );
  const { startedAt } = state;
  if (captured.length === 0 || startedAt === undefined) return { verdict: "no-loss", ...objective };
  const measuredMs = Math.max(0, startedAt - Math.min(...captured));
  if (objectiveMs === undefined) return { verdict: "none", measuredMs };
  const missedByMs = measuredMs - objectiveMs;
  if (missedByMs > 0) return { verdict: "missed", objectiveMs, measuredMs, missedByMs };
  return { verdict: "met", objectiveMs, measuredMs };
}
