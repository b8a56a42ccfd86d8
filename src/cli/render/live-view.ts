import type { Plan } from "../../core/plan/plan.js";
import type { RunState } from "../../core/run/run-state.js";

export interface LiveView {
  readonly plan: Plan;
  readonly state: RunState | undefined;
  /** Step → where its work is. */
  readonly progress: ReadonlyMap<string, string>;
  /** When it began to be bad, as far as is known: what the RTO is counted from. */
  readonly since: number | undefined;
  readonly note: string | undefined;
}
