import type { Playbook, ScenarioDefinition } from "../playbook/playbook.js";
import type { Plan } from "./plan.js";

/** What the playbook says of how the run goes: who agrees, what is said when, how much at once. Absent where it says nothing. */
export function runRules(
  { people, limits }: Playbook,
  { approval, escalate = [], onFailure }: ScenarioDefinition,
): Pick<Plan, "approval" | "escalate" | "onFailure" | "limits"> {
  const roles = people?.roles ?? {};
  const named = (role: string): readonly string[] =>
    Object.hasOwn(roles, role) ? (roles[role] ?? []) : [role];
  return {
    ...(approval === undefined
      ? {}
      : {
          approval: {
            by: approval.by.map((role) => ({ role, people: named(role) })),
            expiresMs: approval.expires,
          },
        }),
    ...(escalate.length === 0
      ? {}
      : {
          escalate: escalate.map(({ after, say, to }) => ({
            afterMs: after,
            say,
            ...(to === undefined ? {} : { to }),
          })),
        }),
    ...(onFailure === "cancel" ? { onFailure } : {}),
    ...(limits === undefined ? {} : { limits }),
  };
}
