import { type Decision, decide, type Recommendation } from "../core/decision/decide.js";
import type { Guards } from "../core/decision/guards.js";
import { type Incident, incidentAt } from "../core/decision/incident.js";
import type { Playbook } from "../core/playbook/playbook.js";
import type { SourceHealth } from "../core/signal/source-health.js";
import type { TriggerStatus } from "../core/signal/trigger-state.js";
import type { Verdict } from "../core/signal/verdict.js";
import type { WatchGuards } from "./watch-guards.js";

export interface Judgement {
  readonly at: number;
  readonly verdict: Verdict;
  readonly statuses: readonly TriggerStatus[];
  readonly decision: Decision;
  readonly recommendation: Recommendation | undefined;
  /** What is open while the verdict is RED or YELLOW. */
  readonly incident?: Incident;
  /** Of every signal that was asked already. */
  readonly sourceHealth: readonly SourceHealth[];
  /** After a rollback: until when triggers are not acted upon, since it may itself have disturbed them. */
  readonly mutedUntil?: number;
}

interface Known {
  readonly statuses: readonly TriggerStatus[];
  readonly sourceHealth: readonly SourceHealth[];
  readonly guards: WatchGuards;
  /** Why the last attempt could not begin, as long as that holds. */
  readonly refused: string | undefined;
  readonly before: Judgement | undefined;
}

/** What is known at a moment, and what follows from it. */
export function judgementAt(playbook: Playbook, at: number, known: Known): Judgement {
  const { statuses, sourceHealth, refused, before } = known;
  const { mutedUntil, change } = known.guards;
  const guards: Guards = refused === undefined ? known.guards.guards : { ...known.guards.guards, refused };
  const decision = decide({ rules: playbook, statuses, change, guards, now: at });
  const { verdict, recommendation } = decision;
  const scenario = playbook.scenarios[recommendation?.scenario ?? ""];
  const incident = incidentAt(verdict, before?.incident, scenario, at);
  return {
    at,
    verdict,
    statuses,
    decision,
    recommendation,
    ...(incident === undefined ? {} : { incident }),
    sourceHealth,
    ...(mutedUntil === undefined ? {} : { mutedUntil }),
  };
}
