import type { Outcome, Settlement, StepContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { applyFlush } from "./flush.js";
import { doneSummary, noteBegun, noteDone, progressOf } from "./kept-files.js";
import { shownUrl } from "./place.js";
import { applyPreserve, settlePreserve } from "./preserve.js";
import { applyQueue } from "./queue-apply.js";
import { redisError } from "./redis-error.js";
import { applyRestore } from "./restore.js";
import type { Begin, Job } from "./step-job.js";

type Apply = (job: Job, context: StepContext, begin: Begin) => Promise<Outcome>;

const operations = new Map<string, Apply>([
  ["restore", applyRestore],
  ["flush", applyFlush],
  ["pause", applyQueue],
  ["resume", applyQueue],
  ["quarantine", applyQueue],
  ["release", applyQueue],
]);

/** `pause-mails` is the operation `pause`. */
const operationOf = (job: Job): Apply => {
  const found = operations.get(job.operation.replace(/-.*/s, ""));
  if (found !== undefined) return found;
  throw new BackoutError("INTERNAL", `${shownUrl(job.options.url)}: no operation "${job.operation}"`, {
    effect: "none",
  });
};

/** What a step did to the server is not to be seen in it for long: others go on writing. So it is noted beside. */
export async function apply(job: Job, context: StepContext): Promise<Outcome> {
  const { options } = job;
  const shown = shownUrl(options.url);
  if (job.operation === "preserve") {
    return applyPreserve(job, context).catch((error: unknown) => {
      throw redisError(error, shown);
    });
  }
  const operation = operationOf(job);
  if ((await progressOf(options, context)) === "done") {
    return { summary: `done already: ${await doneSummary(options, context)}`, changed: false };
  }
  let begun = false;
  try {
    const outcome = await operation(job, context, async () => {
      await noteBegun(options, context);
      begun = true;
    });
    await noteDone(options, context, outcome.summary);
    return outcome;
  } catch (error) {
    throw withEffect(redisError(error, shown), begun);
  }
}

function withEffect(error: unknown, begun: boolean): unknown {
  if (!begun || !(error instanceof BackoutError) || error.effect !== "none") return error;
  const { code, message, hint, cause } = error;
  return new BackoutError(code, message, {
    effect: "unknown",
    cause,
    ...(hint === undefined ? {} : { hint }),
  });
}

export async function settle(job: Job, context: StepContext): Promise<Settlement> {
  if (job.operation === "preserve") return settlePreserve(job, context);
  operationOf(job);
  const progress = await progressOf(job.options, context);
  if (progress === "done") {
    return { state: "applied", summary: await doneSummary(job.options, context) };
  }
  return progress === "begun"
    ? { state: "partial", summary: `${job.operation} had begun; doing it again ends the same` }
    : { state: "not-applied", summary: `${job.operation} had not begun` };
}
