import type { StepSpec } from "../../core/driver.js";
import type { Options } from "./options.js";
import { timeLimit } from "./stage-step.js";
import type { SnapshotInput } from "./step-input.js";

/** A dump of everything, right before what cannot be taken back otherwise. */
export const snapshotStep = (name: string, { snapshots }: Options, expectedMs: number): StepSpec => ({
  operation: "snapshot",
  title: `dump ${name} as it is, to ${snapshots}`,
  phase: "preserve",
  input: { database: name } satisfies SnapshotInput,
  expectedMs,
  timeoutMs: timeLimit(expectedMs),
});
