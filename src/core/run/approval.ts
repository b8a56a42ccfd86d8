import type { PlanApproval } from "../plan/plan.js";
import type { RunState } from "./run-state.js";

/** The role (or the name itself) by which this actor, `user@host`, may agree; nothing where they may not. */
export function approverRole(approval: PlanApproval, actor: string): string | undefined {
  const at = actor.lastIndexOf("@");
  const user = at < 0 ? actor : actor.slice(0, at);
  return approval.by.find(({ people }) => people.includes(user))?.role;
}

/** Nothing may start before somebody has agreed to the plan. */
export const awaitsApproval = ({ plan, approved }: RunState): boolean =>
  plan.approval !== undefined && approved === undefined;

/** From then on nobody can agree any more. */
export const approvalEnds = ({ plan, requestedAt, startedAt }: RunState): number =>
  (requestedAt ?? startedAt ?? 0) + (plan.approval?.expiresMs ?? 0);

/** `dba (ann, bob) or carol`. */
export const approversText = ({ by }: PlanApproval): string =>
  by
    .map(({ role, people }) =>
      people.length === 1 && people[0] === role ? role : `${role} (${people.join(", ")})`,
    )
    .join(" or ");
