import type { StepSpec } from "../../core/driver.js";
import type { StageInput } from "./step-input.js";

/** A database that fills up or a disk that slows down must not be taken for one that hangs. */
export const timeLimit = (expectedMs: number): number => Math.max(30 * 60_000, expectedMs * 10);

/** Counting rows and gathering statistics, of which there is a sample. */
const comparedPerMs = 200_000;

export const stageStep = (name: string, input: StageInput, expectedMs: number): StepSpec => ({
  operation: "stage",
  title: `stage the captured ${name} beside the live one`,
  phase: "restore",
  input,
  expectedMs,
  timeoutMs: timeLimit(expectedMs),
});

/** The same where a proof has kept its copy. It may be gone by then: the limit is that of a restore. */
export const takeCopyStep = (
  name: string,
  input: StageInput,
  { bytes, restoreMs }: { readonly bytes: number; readonly restoreMs: number },
): StepSpec => ({
  ...stageStep(name, input, restoreMs),
  title: `compare the proven copy of ${name} beside the live one`,
  expectedMs: Math.min(restoreMs, 300 + Math.ceil(bytes / comparedPerMs)),
});
