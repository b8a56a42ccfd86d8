import type { StepSpec } from "../../core/driver.js";
import type { StageInput } from "./step-input.js";

/** A database that fills up or a disk that slows down must not be taken for one that hangs. */
export const timeLimit = (expectedMs: number): number => Math.max(30 * 60_000, expectedMs * 10);

export const stageStep = (name: string, input: StageInput, expectedMs: number): StepSpec => ({
  operation: "stage",
  title: `stage the captured ${name} beside the live one`,
  phase: "restore",
  input,
  expectedMs,
  timeoutMs: timeLimit(expectedMs),
});
