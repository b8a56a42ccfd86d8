import type { Command } from "commander";
import type { PlanChoice } from "../app/plan-rollback.js";
import type { Services } from "../app/services.js";
import type { Session } from "./session.js";

export interface PlanOptions {
  readonly change?: string;
  readonly checkpoint?: string;
  readonly acceptUnproven?: boolean;
  readonly acceptKnownBad?: boolean;
  readonly toRevision: readonly string[];
  readonly toImage: readonly string[];
}

const collect = (one: string, all: readonly string[]): string[] => [...all, one];

export const addPlanOptions = (command: Command): Command =>
  command
    .option("--change <name>", "the change to take back: its promise and what it keeps")
    .option("--checkpoint <id>", "where to go back to (default: the newest for the change, or the newest)")
    .option("--accept-unproven", "use a checkpoint that was not, or too long ago, proven to restore")
    .option("--accept-known-bad", "go back to a version that an earlier rollback left")
    .option(
      "--to-revision <target=number>",
      "this target to a revision that the cluster still has, as `versions` lists it; may be repeated",
      collect,
      [],
    )
    .option(
      "--to-image <target=image>",
      "this target to an image (`api/container=image` where it has several); may be repeated",
      collect,
      [],
    );

/** What the options name by hand takes the place of what the checkpoint has. */
export async function withPlaces<Given extends Services>(
  services: Given,
  options: PlanOptions,
  scenario: string | undefined,
): Promise<{ services: Given; scenario: string | undefined }> {
  if (options.toRevision.length + options.toImage.length === 0) return { services, scenario };
  const { chooseByHand } = await import("../app/choose-by-hand.js");
  return chooseByHand(services, scenario, options);
}

export function planChoice(session: Session, options: PlanOptions, scenario: string | undefined): PlanChoice {
  const { change, checkpoint, acceptUnproven, acceptKnownBad } = options;
  return { signal: session.interrupt, scenario, change, checkpoint, acceptUnproven, acceptKnownBad };
}
