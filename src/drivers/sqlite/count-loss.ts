import type { StepContext, StepJob } from "../../core/driver.js";
import type { Data } from "./capture.js";
import { compareContents, compareTables, type Loss } from "./compare-tables.js";
import { readContent } from "./content.js";
import type { Database } from "./database.js";
import { attach } from "./observe.js";
import type { Options } from "./options.js";
import { inputOf } from "./stage.js";
import { undoInput } from "./undo-input.js";

/**
 * What the swap takes away, counted while nobody else can write: what the plan counted is as old as the plan.
 * `undefined` where the plan saw no time for it, or it did not work: no reason to let the outage last longer.
 */
export async function countLoss(
  alone: Database,
  staged: string,
  job: StepJob<Options, Data>,
  context: StepContext,
): Promise<readonly Loss[] | undefined> {
  const { count, artifact } = inputOf(job);
  if (count !== true) return undefined;
  try {
    const undo = undoInput(job);
    if (undo?.since) {
      const { tables } = await readContent(alone, context);
      return compareContents(undo.since.tables, tables).losses;
    }
    // What was staged has been compared with the artifact already.
    attach(alone, undo === undefined ? staged : await context.artifacts.file(artifact));
    return compareTables(alone).losses;
  } catch (error) {
    context.signal.throwIfAborted();
    context.log(`${job.options.file}: not counted again what is lost: ${String(error)}`);
    return undefined;
  }
}
