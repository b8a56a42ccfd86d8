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

/** The same or, where a proof has kept its copy, its comparison. That may be gone by then: the limit is a restore's. */
export function stageOrCompareStep(
  name: string,
  input: StageInput,
  { proven = false, bytes, restoreMs }: { readonly proven?: boolean | undefined } & CopyCosts,
): StepSpec {
  const stage = stageStep(name, input, restoreMs);
  if (!proven) return stage;
  return {
    ...stage,
    title: `compare the proven copy of ${name} beside the live one`,
    expectedMs: Math.min(restoreMs, 300 + Math.ceil(bytes / comparedPerMs)),
  };
}

interface CopyCosts {
  readonly bytes: number;
  /** Milliseconds. */
  readonly restoreMs: number;
}
