import type { Command } from "commander";
import type { PlanChoice } from "../app/plan-rollback.js";
import type { Session } from "./session.js";

export interface PlanOptions {
  readonly change?: string;
  readonly checkpoint?: string;
  readonly acceptUnproven?: boolean;
  readonly acceptKnownBad?: boolean;
}

export const addPlanOptions = (command: Command): Command =>
  command
    .option("--change <name>", "the change to take back: its promise and what it keeps")
    .option("--checkpoint <id>", "where to go back to (default: the newest for the change, or the newest)")
    .option("--accept-unproven", "use a checkpoint that was not, or too long ago, proven to restore")
    .option("--accept-known-bad", "go back to a version that an earlier rollback left");

export function planChoice(session: Session, options: PlanOptions, scenario: string | undefined): PlanChoice {
  const { change, checkpoint, acceptUnproven, acceptKnownBad } = options;
  return { signal: session.interrupt, scenario, change, checkpoint, acceptUnproven, acceptKnownBad };
}
