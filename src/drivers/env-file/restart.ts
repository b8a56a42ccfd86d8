import type { Outcome, Settlement, StepContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { decodeText, parseVariables, type Variables } from "./env-text.js";
import { readState } from "./file-state.js";
import { expectedOf, runningProcesses, staleKeys } from "./process-environment.js";
import type { EnvFileJob } from "./restore.js";

const pollMs = 200;

async function fileVariables({ options }: EnvFileJob, context: StepContext): Promise<Variables> {
  const state = await readState(options.file, context);
  return parseVariables(decodeText(state?.bytes ?? new Uint8Array()) ?? "");
}

/** Why the process does not count as restarted with the file's values yet; `undefined` when it does. */
async function missing(job: EnvFileJob, context: StepContext, before: unknown): Promise<string | undefined> {
  const { process } = job.options;
  if (process === undefined) return "the playbook names no process";
  const processes = await runningProcesses(process, context);
  const first = processes[0];
  if (first === undefined) return `${process.pidFile}: names no running process`;
  if (first.instance === before) return `process ${first.pid} was not started anew`;
  if (process.proof === "start") return undefined;
  const absent = job.input["absent"];
  const gone = Array.isArray(absent) ? absent.filter((one): one is string => typeof one === "string") : [];
  const stale = staleKeys(processes, expectedOf(await fileVariables(job, context), process, gone));
  if (stale.length === 0) return undefined;
  return `process ${first.pid}: ${stale.map((key) => `${key} differs (hidden)`).join(", ")}`;
}

/** Programs like to print the environment they fail in. */
export function hideValues(text: string, variables: Variables): string {
  const values = Object.values(variables).filter((value) => value.length > 3);
  values.sort((a, b) => b.length - a.length);
  return values.reduce((shown, value) => shown.replaceAll(value, "(hidden)"), text);
}

async function runCommand(job: EnvFileJob, context: StepContext): Promise<void> {
  const { restart } = job.options;
  if (restart === undefined) {
    throw new BackoutError("REFUSED", `${job.options.file}: the playbook has no \`restart\``, {
      effect: "none",
    });
  }
  const { command, cwd, timeout } = restart;
  const shown = command.join(" ");
  const result = await context.host.exec({
    argv: command,
    timeoutMs: timeout,
    signal: context.signal,
    ...(cwd === undefined ? {} : { cwd }),
  });
  if (result.timedOut) throw new BackoutError("TIMEOUT", `${shown}: still ran after ${timeout} ms`);
  if (result.exitCode === 0) return;
  const last = hideValues(result.stderr.trim().split("\n").at(-1) ?? "", await fileVariables(job, context));
  const how = result.signal === undefined ? `exit status ${result.exitCode}` : result.signal;
  throw new BackoutError("COMMAND_FAILED", `${shown}: ended with ${how}${last === "" ? "" : `: ${last}`}`, {
    hint: "run it by hand to see why",
  });
}

/**
 * A process that was started anew with the values meanwhile needs no second restart, save where something below was
 * restored: on the first attempt it is then restarted whatever it has.
 */
export async function restart(job: EnvFileJob, context: StepContext): Promise<Outcome> {
  const { options, input } = job;
  const before = input["before"];
  const forced = input["always"] === true && context.attempt === 1;
  if (!forced && (await missing(job, context, before)) === undefined) {
    return { summary: "the process was already restarted with the values", changed: false };
  }
  const limit = context.clock.monotonic() + (options.restart?.timeout ?? 0);
  const running = options.process && (await runningProcesses(options.process, context))[0]?.instance;
  await runCommand(job, context);
  for (;;) {
    const reason = await missing(job, context, running ?? before);
    if (reason === undefined) return { summary: "restarted, the process has the values", changed: true };
    if (context.clock.monotonic() >= limit) {
      throw new BackoutError(
        "TIMEOUT",
        `${options.file}: the restart did not bring its values in: ${reason}`,
        {
          hint: "see that the command starts the process with this file; many keep the old environment",
        },
      );
    }
    context.progress(reason);
    await context.clock.sleep(pollMs, context.signal);
  }
}

export async function settleRestart(job: EnvFileJob, context: StepContext): Promise<Settlement> {
  const reason = await missing(job, context, job.input["before"]);
  if (reason === undefined) return { state: "applied", summary: "the process was restarted with the values" };
  return { state: "not-applied", summary: reason };
}
