import type { DriverContext } from "../../core/driver.js";
import { BackoutError, type Effect } from "../../core/errors.js";
import type { CommandResult } from "../../core/ports.js";
import { type Program, spelled } from "./program.js";

const keptLines = 200;
const lineLength = 500;

const cut = (text: string, length: number): string =>
  text.length > length ? `${text.slice(0, length - 1)}…` : text;

/** Ran to an exit status that the playbook accepts. */
export const accepted = (program: Program, result: CommandResult): boolean =>
  !result.timedOut && result.exitCode !== undefined && program.exit.includes(result.exitCode);

/**
 * Runs it to its end, whatever that is. The last 200 lines that it said go to the log; `said` is `stderr` where its
 * output is the state itself, which belongs into no report.
 */
export async function runProgram(
  program: Program,
  context: DriverContext,
  env: Readonly<Record<string, string | undefined>> = {},
  said: "all" | "stderr" = "all",
): Promise<CommandResult> {
  const lines: string[] = [];
  let dropped = 0;
  const keep = (line: string, stream: "stdout" | "stderr"): void => {
    if (said === "stderr" && stream === "stdout") return;
    lines.push(cut(line, lineLength));
    if (lines.length > keptLines) {
      lines.shift();
      dropped++;
    }
    context.progress(cut(line, lineLength));
  };
  try {
    return await context.host.exec({
      argv: program.run,
      env: { ...program.env, BACKOUT_NAME: context.name, ...env },
      signal: context.signal,
      onLine: keep,
      ...(program.cwd === undefined ? {} : { cwd: program.cwd }),
      ...(program.input === undefined ? {} : { input: program.input }),
      ...(program.timeout === undefined ? {} : { timeoutMs: program.timeout }),
    });
  } finally {
    if (dropped > 0) context.log(`(${dropped} earlier lines of output left out)`);
    for (const line of lines) context.log(line);
  }
}

/** How it ended, and the last that it said: `exit status 3: no such release`. */
export function ending(program: Program, result: CommandResult): string {
  const how = result.timedOut
    ? `not finished within ${(program.timeout ?? result.ms) / 1000} s, ended with all that it had started`
    : result.signal !== undefined
      ? `ended by ${result.signal}`
      : `exit status ${result.exitCode ?? "unknown"}`;
  const said = result.stderr.trim() === "" ? result.stdout : result.stderr;
  const last = said.trim().split("\n").slice(-3).join(" | ").trim();
  return last === "" ? how : `${how}: ${cut(last, 400)}`;
}

/** Without a subject the program is it: a step's name stands before its message anyway. */
export function programFailed(
  subject: string | undefined,
  program: Program,
  result: CommandResult,
  effect: Effect,
): BackoutError {
  const only = program.exit.join(", ");
  const accepts = only === "0" || result.exitCode === undefined ? "" : ` (accepted: ${only})`;
  return new BackoutError(
    result.timedOut ? "TIMEOUT" : "COMMAND_FAILED",
    `${subject === undefined ? "" : `${subject}: `}"${spelled(program.run)}" failed${accepts}, ${ending(program, result)}`,
    { effect, hint: "run the program by hand from the playbook's folder to see what it needs" },
  );
}

/** For programs that only look: their failure changes nothing, and what they print is not quoted. */
export async function runToRead(
  what: string,
  program: Program,
  context: DriverContext,
  env: Readonly<Record<string, string | undefined>> = {},
): Promise<CommandResult> {
  const result = await runProgram(program, context, { BACKOUT_OPERATION: what, ...env }, "stderr");
  if (accepted(program, result)) return result;
  throw programFailed(`${context.name}.${what}`, program, { ...result, stdout: "" }, "none");
}
