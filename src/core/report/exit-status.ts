import type { RunState } from "../run/run-state.js";

/** 0 verified, 1 nothing changed, 3 not verified, 4 stopped half-way; undefined while it goes on. */
export function exitStatus(state: RunState): number | undefined {
  if (state.status === "stopped") return 4;
  if (state.status !== "finished") return undefined;
  if (state.outcome === "verified") return 0;
  if (state.outcome === "unverified") return 3;
  return state.outcome === "cancelled" && state.changed ? 4 : 1;
}
