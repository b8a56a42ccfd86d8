import { approvalEnds, approversText, awaitsApproval } from "../run/approval.js";
import type { RunState } from "../run/run-state.js";
import { factText } from "./fact-text.js";
import { durationText } from "./measures.js";

/** What a person who looks at an unfinished run must know besides its steps. */
export interface RunNotice {
  readonly kind: "approval" | "paused" | "escalated";
  readonly text: string;
  readonly hint?: string;
}

/** In whole seconds, so that a view that is drawn often stays calm. */
export function runNotices(state: RunState, now: number): RunNotice[] {
  if (state.status === "finished") return [];
  const escalated = [...state.fired.values()].map(
    (fact): RunNotice => ({ kind: "escalated", text: factText(fact).text }),
  );
  return [...approval(state, now), ...paused(state), ...escalated];
}

function approval(state: RunState, now: number): RunNotice[] {
  const { plan } = state;
  if (plan.approval === undefined || !awaitsApproval(state)) return [];
  const left = Math.max(0, Math.ceil((approvalEnds(state) - now) / 1000) * 1000);
  const who = approversText(plan.approval);
  const text = `nothing moves before ${who} has approved plan ${plan.digest.slice(0, 15)}; ${durationText(left)} left`;
  return [{ kind: "approval", text, hint: "backout approve" }];
}

function paused({ paused: one }: RunState): RunNotice[] {
  if (one === undefined) return [];
  return [{ kind: "paused", text: `paused by ${one.by}: ${one.reason}`, hint: "backout continue" }];
}
