export const decisionModes = ["auto", "approve", "advise"] as const;
export type DecisionMode = (typeof decisionModes)[number];
/** How fast a way back has to be: `objectives.classes` says how long each may take. */
export const responseClasses = ["critical", "performance", "feature", "other"] as const;
export type ResponseClass = (typeof responseClasses)[number];

/**
 * An end (`scenario` and `mode`, or `say`) or a branch: `if` with `then` and `else`, `ask` with `answers`, or with `then` for
 * yes and `else` for no.
 */
export interface DecisionNode {
  /** Of several that would mend it, the cheapest that can work is taken. */
  readonly scenario?: string | readonly string[] | undefined;
  readonly mode?: DecisionMode | undefined;
  /** What to do instead of a rollback. */
  readonly say?: string | undefined;
  readonly why?: string | undefined;
  readonly class?: ResponseClass | undefined;
  /** CEL over trigger names (true while firing), `verdict` ("RED") and `change` (the one that is out, or ""). */
  readonly if?: string | undefined;
  readonly ask?: string | undefined;
  readonly then?: DecisionNode | undefined;
  readonly else?: DecisionNode | undefined;
  readonly answers?: Readonly<Record<string, DecisionNode>> | undefined;
}
