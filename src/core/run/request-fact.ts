import { approverRole, awaitsApproval } from "./approval.js";
import type { FactBody } from "./fact.js";
import { canDecide } from "./project.js";
import type { PersonRequest } from "./run-journal.js";
import type { RunState } from "./run-state.js";

/** What a person asks of a run, as the fact that it becomes; nothing where it has no meaning (any more). */
export function requestFact(state: RunState, request: PersonRequest): FactBody | undefined {
  const { reason, actor } = request;
  switch (request.type) {
    case "cancel":
      return { type: "run.cancel-requested", reason };
    case "pause":
      return state.paused === undefined ? { type: "run.paused", reason } : undefined;
    case "continue":
      return state.paused === undefined ? undefined : { type: "run.continued", reason };
    case "approve": {
      const { approval, digest } = state.plan;
      const role = approval === undefined ? undefined : approverRole(approval, actor);
      const { planDigest, at } = request;
      if (role === undefined || planDigest !== digest || !awaitsApproval(state)) return undefined;
      return { type: "run.approved", planDigest, role, reason, approvedAt: at };
    }
    default: {
      const type = request.type === "retry" ? "step.retried" : "step.skipped";
      const { step } = request;
      return canDecide(state.steps.get(step), request.type) ? { type, step, reason } : undefined;
    }
  }
}
