import { createHash } from "node:crypto";
import type { CapturedPart, DriverContext, Observation } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { runToRead } from "./run-program.js";
import type { TargetOptions } from "./target-options.js";

/** Of a target that nobody can look at: it is only stopped, started, run. Says nothing about equality. */
export const unobserved = "constant";

export interface TargetData {
  /** Name of the artifact, where something was kept. */
  readonly artifact: string | null;
  readonly [key: string]: string | null;
}

/** Longer output may have lost its beginning (`CommandResult`); well below, since redaction shortens it. */
const outputLimit = 512 * 1024;
/** What redaction puts in place of secrets: the text behind it is gone. */
const mask = "***";

export const digestOf = (data: string | Uint8Array): string =>
  `sha256:${createHash("sha256").update(data).digest("hex")}`;

export const shortly = (identity: string): string =>
  identity.startsWith("sha256:") ? `${identity.slice(0, 19)}…` : identity;

/** What a program printed, as it printed it, or an error: a part of it must never stand for the whole. */
export function wholeOutput(subject: string, stdout: string, mend: string): string {
  const wrong =
    Buffer.byteLength(stdout) > outputLimit
      ? "printed more than 512 KiB, which output is not kept for"
      : stdout.includes("\uFFFD")
        ? "printed something that is not UTF-8 text"
        : stdout.includes(mask)
          ? `printed a secret, or "${mask}", which stands in place of one`
          : undefined;
  if (wrong === undefined) return stdout;
  throw new BackoutError("REFUSED", `${subject}: ${wrong}`, { effect: "none", hint: mend });
}

/** Digest of what `observe` prints now, by default of what `capture` prints. */
export async function currentIdentity(options: TargetOptions, context: DriverContext): Promise<string> {
  const program = options.observe ?? options.capture;
  if (program === undefined) return unobserved;
  const { stdout } = await runToRead("observe", program, context);
  if (stdout === "") {
    throw new BackoutError("COMMAND_FAILED", `${context.name}.observe: printed nothing`, {
      effect: "none",
      hint: "let it print the state's version or digest; an empty text would make all states look alike",
    });
  }
  const mend = "let `observe` print a version or a digest of the state, not the state itself";
  return digestOf(wholeOutput(`${context.name}.observe`, stdout, mend));
}

export async function observe(
  options: TargetOptions,
  context: DriverContext,
  captured?: CapturedPart<TargetData>,
): Promise<Observation<null>> {
  const identity = await currentIdentity(options, context);
  const compared =
    captured === undefined || identity === unobserved
      ? ""
      : identity === captured.identity
        ? ", as captured"
        : ", differs from what was captured";
  const summary = identity === unobserved ? "cannot be observed" : `${shortly(identity)}${compared}`;
  return { identity, summary, data: null };
}
