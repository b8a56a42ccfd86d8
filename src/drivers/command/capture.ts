import type {
  CaptureContext,
  Captured,
  CapturedPart,
  Check,
  Proof,
  ProveContext,
} from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { askProgram } from "./ask-program.js";
import { currentIdentity, digestOf, shortly, type TargetData, unobserved, wholeOutput } from "./identity.js";
import { runToRead } from "./run-program.js";
import type { TargetOptions } from "./target-options.js";

const artifact = "output";

/** Keeps what the program wrote to $BACKOUT_ARTIFACT, else what it printed. Returns the digest of the latter. */
async function keepOutput(options: TargetOptions, context: CaptureContext): Promise<string | undefined> {
  const { capture, sensitive } = options;
  if (capture === undefined) return undefined;
  const path = context.artifacts.scratch(artifact);
  const { stdout } = await runToRead("capture", capture, context, { BACKOUT_ARTIFACT: path });
  const subject = `${context.name}.capture`;
  const written = await context.host.files.stat(path);
  if (written !== undefined && written.size > 0) {
    await context.artifacts.add(artifact, { sensitive });
    return undefined;
  }
  if (stdout === "") {
    throw new BackoutError("COMMAND_FAILED", `${subject}: printed nothing and wrote no $BACKOUT_ARTIFACT`, {
      effect: "none",
      hint: "an empty capture cannot be brought back; leave `capture` out if there is nothing to keep",
    });
  }
  const text = wholeOutput(subject, stdout, "let it write to the file $BACKOUT_ARTIFACT instead of printing");
  await context.artifacts.write(artifact, text, { sensitive });
  return digestOf(text);
}

export async function capture(
  options: TargetOptions,
  context: CaptureContext,
): Promise<Captured<TargetData>> {
  const data = { artifact: options.capture === undefined ? null : artifact };
  const before = options.observe === undefined ? undefined : await currentIdentity(options, context);
  const printed = await keepOutput(options, context);
  if (before === undefined) {
    if (options.capture === undefined) return { identity: unobserved, summary: "nothing to keep", data };
    if (printed !== undefined) return { identity: printed, summary: shortly(printed), data };
    throw new BackoutError(
      "REFUSED",
      `${context.name}.observe: missing beside a capture that writes a file`,
      {
        effect: "none",
        hint: "give an `observe` program that prints the state's version or digest",
      },
    );
  }
  const after = await currentIdentity(options, context);
  if (after !== before) {
    throw new BackoutError("CONFLICT", `${context.name}: changed while it was being captured`, {
      effect: "none",
      hint: "capture again when nobody writes, or let `observe` print only what a restore brings back",
    });
  }
  return { identity: after, summary: shortly(after), data };
}

export async function prove(
  captured: CapturedPart<TargetData>,
  options: TargetOptions,
  context: ProveContext,
): Promise<Proof> {
  if (captured.data.artifact === null) {
    const nothing: Check = { name: "nothing is kept that would have to restore", result: "passed" };
    return { level: captured.identity === unobserved ? "declared" : "captured", checks: [nothing] };
  }
  const path = await context.artifacts.file(captured.data.artifact);
  const readable: Check = { name: "what was captured can be read and has its digest", result: "passed" };
  if (options.prove === undefined) return { level: "readable", checks: [readable] };
  const begun = context.clock.monotonic();
  const answer = await askProgram("prove program", options.prove, context, {
    BACKOUT_OPERATION: "prove",
    BACKOUT_CAPTURED: path,
    BACKOUT_SCRATCH: context.scratch,
  });
  const restoreMs = context.clock.monotonic() - begun;
  return answer.result === "passed"
    ? { level: "restored", checks: [readable, answer], restoreMs }
    : { level: "readable", checks: [readable, answer] };
}
