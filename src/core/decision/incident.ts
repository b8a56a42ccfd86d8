import type { ScenarioDefinition } from "../playbook/playbook.js";
import { type Severity, severities } from "../playbook/schema-judging.js";
import { responseTimes, severityActions } from "../signal/severity.js";
import type { Verdict } from "../signal/verdict.js";

/** L15: what an incident is at by its age, in minutes. */
export const incidentPhases = [
  { until: 5, text: "see what it is, and whether going back mends it" },
  { until: 15, text: "go back" },
  { until: 60, text: "what was tried has not mended it: the next way, and more people" },
  { until: Number.POSITIVE_INFINITY, text: "a major incident: keep telling everybody" },
] as const;

interface Escalation {
  readonly after: number;
  readonly say: string;
  readonly to?: string | undefined;
}

/** One failure, from the first sample of a verdict that was RED or YELLOW. Plain data. */
export interface Incident {
  readonly since: number;
  /** The worst that a firing trigger has; absent where none says. */
  readonly severity?: Severity;
  /** By when somebody has to respond. */
  readonly respondBy?: number;
  /** Index in `incidentPhases`. */
  readonly phase: number;
  /** What is to be done: first what the severity asks for, then what the phase does. */
  readonly action: string;
  /** W12, Z18: what the scenario says to whom, as far as its time has come. */
  readonly escalated: readonly Escalation[];
  readonly next?: Escalation & { readonly at: number };
}

/**
 * What is open now. `before`: what was open a moment ago; triggers that fire in turn are one incident, and one that can
 * no longer be measured is not over.
 */
export function incidentAt(
  { level, evidence }: Verdict,
  before: Incident | undefined,
  scenario: Pick<ScenarioDefinition, "escalate"> | undefined,
  now: number,
): Incident | undefined {
  if (level === "GREEN") return undefined;
  if (level === "UNKNOWN") return before && unmeasured(before, now);
  const fired = evidence.flatMap(({ since }) => since ?? []);
  const since = before?.since ?? Math.min(now, ...fired);
  const severity = severities.find((one) => evidence.some((status) => status.severity === one));
  const age = Math.max(0, now - since);
  const steps = (scenario?.escalate ?? []).toSorted((a, b) => a.after - b.after);
  const next = steps.find(({ after }) => after > age);
  return {
    since,
    ...(severity === undefined ? {} : { severity, respondBy: since + responseTimes[severity] }),
    ...stageAt(age, severity),
    escalated: steps.filter(({ after }) => after <= age),
    ...(next === undefined ? {} : { next: { ...next, at: since + next.after } }),
  };
}

function stageAt(age: number, severity: Severity | undefined): Pick<Incident, "phase" | "action"> {
  const phase = incidentPhases.findIndex(({ until }) => age < until * 60_000);
  const asked = severity && severityActions[severity];
  const action = asked && age < asked.until * 60_000 ? asked.text : (incidentPhases[phase]?.text ?? "");
  return { phase, action };
}

/** It goes on as it was; what was to be said next is said in its time. */
function unmeasured({ next, ...before }: Incident, now: number): Incident {
  const age = Math.max(0, now - before.since);
  const due = next !== undefined && next.at <= now;
  return {
    ...before,
    ...stageAt(age, before.severity),
    escalated: due
      ? [...before.escalated, { after: next.after, say: next.say, to: next.to }]
      : before.escalated,
    ...(next === undefined || due ? {} : { next }),
  };
}
