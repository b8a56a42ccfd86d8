import { withConnection } from "../../clients/postgres/connection.js";
import { serverOf } from "../../clients/postgres/connection-options.js";
import { leftRunning } from "../../clients/postgres/session-mark.js";
import type { Outcome, Settlement, StepContext } from "../../core/driver.js";
import { downBySql, remaining } from "./down-by-sql.js";
import { downByTool } from "./down-by-tool.js";
import type { Job } from "./job.js";
import { keepValues, settleKeep } from "./keep-values.js";
import { leaveCheckout, settleLeave } from "./leave-checkout.js";
import { readLedger, sameLedger } from "./ledger.js";
import { setupOf } from "./options.js";
import type { Input } from "./plan.js";
import { doneSegments } from "./progress.js";

const inputOf = (job: Job): Input => job.input as unknown as Input;

export function apply(job: Job, context: StepContext): Promise<Outcome> {
  if (job.operation === "keep") return keepValues(job, context);
  if (job.operation === "leave") return leaveCheckout(job, context);
  if (job.operation === "down") return downBySql(job, inputOf(job), context);
  return downByTool(job, inputOf(job), context);
}

export function settle(job: Job, context: StepContext): Promise<Settlement> {
  if (job.operation === "keep") return settleKeep(job, context);
  if (job.operation === "leave") return settleLeave(job, context);
  return settleDown(job, inputOf(job), context);
}

/** By the ledger: whoever takes a migration back takes its row out in the same transaction, or at the very end. */
async function settleDown(job: Job, input: Input, context: StepContext): Promise<Settlement> {
  const setup = setupOf(job.options);
  return withConnection(serverOf(job.options), context, async (connection) => {
    if (await leftRunning(connection, context)) {
      return { state: "unknown", summary: "the server still works on it" };
    }
    const now = await readLedger(job.options, setup, connection, context, input.release);
    if (sameLedger(now, remaining(input))) return { state: "applied", summary: "taken back" };
    if (!sameLedger(now, input.before)) {
      return { state: "unknown", summary: "the ledger is neither as before nor as it should be afterwards" };
    }
    const done = job.operation === "down" ? await doneSegments(connection, context.key) : 0;
    if (done > 0) return { state: "partial", summary: `${done} parts of the scripts have run` };
    return { state: "not-applied", summary: "the ledger is as before" };
  });
}
