import type { StepSpec } from "../../core/driver.js";
import type { Options } from "./options.js";
import { timeLimit } from "./stage-step.js";
import type { SnapshotInput } from "./step-input.js";

/** A dump right before, out of which it comes back when the restore is taken back. */
export function snapshotStep(input: SnapshotInput, { snapshots }: Options, expectedMs: number): StepSpec {
  const { database, tables, absent = [] } = input;
  const names = [...(tables ?? [database]), ...absent].join(", ");
  return {
    operation: "snapshot",
    title:
      tables?.length === 0
        ? `note in ${snapshots} that there is no ${names}`
        : `dump ${names} as it is, to ${snapshots}`,
    phase: "preserve",
    input,
    expectedMs,
    timeoutMs: timeLimit(expectedMs),
  };
}
