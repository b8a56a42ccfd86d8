import type { Outcome, Settlement, StepContext, StepJob } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { Data } from "./capture.js";
import type { Options } from "./options.js";
import { applyStage, settleStage } from "./stage.js";
import { applySwap, settleSwap } from "./swap.js";

type Job = StepJob<Options, Data>;

interface Operation {
  readonly apply: (job: Job, context: StepContext) => Promise<Outcome>;
  readonly settle: (job: Job, context: StepContext) => Promise<Settlement>;
}

const operations = new Map<string, Operation>([
  ["stage", { apply: applyStage, settle: settleStage }],
  ["swap", { apply: applySwap, settle: settleSwap }],
]);

function operationOf(job: Job): Operation {
  const operation = operations.get(job.operation);
  if (operation !== undefined) return operation;
  throw new BackoutError("INTERNAL", `${job.options.file}: no operation "${job.operation}"`, {
    effect: "none",
  });
}

export const apply = (job: Job, context: StepContext): Promise<Outcome> =>
  operationOf(job).apply(job, context);

export const settle = (job: Job, context: StepContext): Promise<Settlement> =>
  operationOf(job).settle(job, context);
