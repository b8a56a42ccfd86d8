import type { Check, DriverContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { Program } from "./program.js";
import { accepted, ending, runProgram } from "./run-program.js";

/** A failure to measure is a result of its own; cancellation is none. */
export async function orError(
  name: string,
  context: DriverContext,
  ask: () => Promise<Check>,
): Promise<Check> {
  try {
    return await ask();
  } catch (error) {
    context.signal.throwIfAborted();
    if (!(error instanceof BackoutError)) throw error;
    return { name, result: "error", message: error.message };
  }
}

/**
 * Accepted exit status: what `judge` says of its output. Another one: failed. Not started, ended from outside or
 * too slow: error.
 */
export async function askProgram(
  name: string,
  program: Program,
  context: DriverContext,
  env: Readonly<Record<string, string>> = {},
  judge: (stdout: string) => Check = () => ({ name, result: "passed" }),
): Promise<Check> {
  return orError(name, context, async () => {
    const result = await runProgram(program, context, env);
    if (accepted(program, result)) return judge(result.stdout);
    const measured = !result.timedOut && result.exitCode !== undefined;
    return {
      name,
      result: measured ? "failed" : "error",
      expected: `exit status ${program.exit.join(" or ")}`,
      ...(measured ? { actual: `exit status ${result.exitCode}` } : {}),
      message: ending(program, result),
    };
  });
}
