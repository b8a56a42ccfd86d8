import type { TriggerDefinitions } from "./compile-triggers.js";
import type { Sample } from "./sample.js";
import { type JudgeFacts, triggerJudge } from "./trigger-judge.js";
import type { TriggerState, TriggerStatus } from "./trigger-state.js";

export type { TriggerDefinitions } from "./compile-triggers.js";

export interface Evaluation {
  readonly state: TriggerState;
  readonly statuses: readonly TriggerStatus[];
}

/** One moment judged from what is remembered as plain data: pure. Whoever judges again and again keeps a `triggerJudge`. */
export function evaluateTriggers(
  definitions: TriggerDefinitions,
  before: TriggerState | undefined,
  samples: readonly Sample[],
  now: number,
  facts: JudgeFacts = {},
): Evaluation {
  const judge = triggerJudge(definitions, before, facts);
  judge.judge(samples, { now });
  return { state: judge.state(), statuses: judge.statuses() };
}
