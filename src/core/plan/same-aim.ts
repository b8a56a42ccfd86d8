import type { Plan } from "./plan.js";

/** Whoever wants the one is served by the other: the same way back, or the same run taken back. */
export const sameAim = (
  a: Pick<Plan, "scenario" | "undoes">,
  b: Pick<Plan, "scenario" | "undoes">,
): boolean => a.scenario === b.scenario && a.undoes === b.undoes;

/** `bad-release`, or what an undo takes back. */
export const aimText = ({ scenario, undoes }: Pick<Plan, "scenario" | "undoes">): string =>
  undoes === undefined ? scenario : `undo of ${undoes}`;
