import type { Outcome, Settlement, StepContext, StepJob } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { currentIdentity, shortly, type TargetData, unobserved } from "./identity.js";
import type { Program } from "./program.js";
import { accepted, ending, programFailed, runProgram } from "./run-program.js";
import { operations, type TargetOptions } from "./target-options.js";

type Job = StepJob<TargetOptions, TargetData>;

const saysApplied = 0;
const saysNotApplied = 10;
const saysPartial = 11;

async function environment(job: Job, context: StepContext): Promise<Record<string, string | undefined>> {
  const artifact = job.captured?.data.artifact ?? null;
  return {
    BACKOUT_OPERATION: job.operation,
    BACKOUT_KEY: context.key,
    BACKOUT_ATTEMPT: String(context.attempt),
    BACKOUT_UNDOES: job.operation === "undo" ? String(job.input["undoes"]) : undefined,
    BACKOUT_CAPTURED:
      job.operation === "restore" && artifact !== null ? await context.artifacts.file(artifact) : undefined,
  };
}

function programOf(job: Job): Program {
  const operation = operations.find((name) => name === job.operation);
  const program = operation === undefined ? undefined : job.options[operation];
  if (program !== undefined) return program;
  throw new BackoutError("REFUSED", `${job.operation}: the target has no such program any more`, {
    effect: "none",
    hint: "plan again: the playbook was changed since",
  });
}

/** Identity of what the step brings back: what was captured or, of an undo, what there was before. */
function wantedOf({ operation, captured, input }: Job): string | undefined {
  const identity =
    operation === "restore" ? captured?.identity : operation === "undo" ? input["wanted"] : undefined;
  return typeof identity === "string" && identity !== unobserved ? identity : undefined;
}

/** Identity now, where it can be compared with the wanted one. */
async function comparable(job: Job, context: StepContext): Promise<string | undefined> {
  if (wantedOf(job) === undefined) return undefined;
  const identity = await currentIdentity(job.options, context);
  return identity === unobserved ? undefined : identity;
}

/** A target too broken to be observed is a reason to restore it, not to stop. */
async function isBack(job: Job, context: StepContext): Promise<boolean> {
  try {
    const wanted = wantedOf(job);
    return wanted !== undefined && (await comparable(job, context)) === wanted;
  } catch (error) {
    context.signal.throwIfAborted();
    if (!(error instanceof BackoutError)) throw error;
    context.log(`not observed beforehand: ${error.message}`);
    return false;
  }
}

export async function apply(job: Job, context: StepContext): Promise<Outcome> {
  const program = programOf(job);
  const env = await environment(job, context);
  if (await isBack(job, context)) {
    return {
      summary: job.operation === "undo" ? "already as before" : "already as captured",
      changed: false,
    };
  }
  if (context.attempt > 1 && (await askSettle(job, context))?.state === "applied") {
    return { summary: `${job.operation} had already happened`, changed: false };
  }
  const result = await runProgram(program, context, env);
  if (!accepted(program, result)) {
    throw programFailed(undefined, program, result, "unknown");
  }
  return { summary: `${job.operation}: exit status ${result.exitCode}`, changed: true };
}

async function askSettle(job: Job, context: StepContext): Promise<Settlement | undefined> {
  const program = job.options.settle;
  if (program === undefined) return undefined;
  const result = await runProgram(program, context, await environment(job, context));
  const summary = `settle program: ${ending(program, result)}`;
  if (result.timedOut) return { state: "unknown", summary };
  switch (result.exitCode) {
    case saysApplied:
      return { state: "applied", summary };
    case saysNotApplied:
      return { state: "not-applied", summary };
    case saysPartial:
      return { state: "partial", summary };
    default:
      return { state: "unknown", summary };
  }
}

/**
 * Asks the settle program, else compares identities. A program that may not be run twice is run again only if
 * the settle program says so: everything short of that is `unknown`, for a person.
 */
export async function settle(job: Job, context: StepContext): Promise<Settlement> {
  const answer = await askSettle(job, context);
  if (answer !== undefined) return answer;
  const now = await comparable(job, context).catch((error: unknown) => {
    context.signal.throwIfAborted();
    if (!(error instanceof BackoutError)) throw error;
    context.log(error.message);
    return undefined;
  });
  if (now !== undefined && now === wantedOf(job)) {
    const like = job.operation === "undo" ? "as before" : "as captured";
    return { state: "applied", summary: `${shortly(now)}, ${like}` };
  }
  const unchanged = now !== undefined && now === job.input["before"];
  const seen =
    now === undefined
      ? `nothing shows whether ${job.operation} happened`
      : unchanged
        ? `${shortly(now)}, as before the step`
        : `${shortly(now)}, neither as before the step nor as captured`;
  if (!job.options.idempotent) {
    return { state: "unknown", summary: `${seen}; the program may not be run twice (\`idempotent\`)` };
  }
  return { state: unchanged ? "not-applied" : "partial", summary: `${seen}; may be run again` };
}
