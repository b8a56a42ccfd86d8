import type { Outcome, Settlement, StepContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { applyInPlace, settleInPlace } from "./in-place.js";
import { applyKeepRows, settleKeepRows } from "./keep-rows.js";
import { applyMakeRoom, settleMakeRoom } from "./make-room.js";
import { applyTables, settleTables } from "./restore-tables.js";
import { applySnapshot, settleSnapshot } from "./snapshot.js";
import { applyStage, settleStage } from "./stage.js";
import type { Job } from "./step-input.js";
import { applySwap, settleSwap } from "./swap.js";

interface Operation {
  readonly apply: (job: Job, context: StepContext) => Promise<Outcome>;
  readonly settle: (job: Job, context: StepContext) => Promise<Settlement>;
}

const operations = new Map<string, Operation>([
  ["keep-rows", { apply: applyKeepRows, settle: settleKeepRows }],
  ["stage", { apply: applyStage, settle: settleStage }],
  ["swap", { apply: applySwap, settle: settleSwap }],
  ["restore-tables", { apply: applyTables, settle: settleTables }],
  ["snapshot", { apply: applySnapshot, settle: settleSnapshot }],
  ["make-room", { apply: applyMakeRoom, settle: settleMakeRoom }],
  ["restore-in-place", { apply: applyInPlace, settle: settleInPlace }],
]);

function operationOf(job: Job): Operation {
  const operation = operations.get(job.operation);
  if (operation !== undefined) return operation;
  throw new BackoutError("INTERNAL", `no operation "${job.operation}"`, { effect: "none" });
}

export const apply = (job: Job, context: StepContext): Promise<Outcome> =>
  operationOf(job).apply(job, context);

export const settle = (job: Job, context: StepContext): Promise<Settlement> =>
  operationOf(job).settle(job, context);
