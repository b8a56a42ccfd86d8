import type { TriggerStatus } from "./trigger-state.js";

/** Worst first. UNKNOWN ranks above GREEN: what could not be measured is not healthy. */
export const verdictLevels = ["RED", "YELLOW", "UNKNOWN", "GREEN"] as const;
export type VerdictLevel = (typeof verdictLevels)[number];

export interface Verdict {
  readonly level: VerdictLevel;
  /** The triggers that made it so: for GREEN, all that were judged. */
  readonly evidence: readonly TriggerStatus[];
}

function levelOf({ state, level, noData }: TriggerStatus): VerdictLevel {
  if (state === "firing" && level !== "GREEN") return level;
  return state === "unknown" || noData !== undefined ? "UNKNOWN" : "GREEN";
}

/**
 * The worst that any trigger says. `no_data: ignore` leaves a trigger out, and so does settling after a rollback, unless
 * nothing at all is left.
 */
export function verdict(statuses: readonly TriggerStatus[]): Verdict {
  const ignored = ({ state, noData, mutedUntil }: TriggerStatus) =>
    state === "inactive" && (noData !== undefined || mutedUntil !== undefined);
  const counted = statuses.filter((status) => !ignored(status));
  if (counted.length === 0) return { level: "UNKNOWN", evidence: statuses };
  const level = verdictLevels.find((one) => counted.some((status) => levelOf(status) === one)) ?? "UNKNOWN";
  return { level, evidence: counted.filter((status) => levelOf(status) === level) };
}
