import type { StepSpec } from "../../core/driver.js";
import { durationText } from "../../core/report/measures.js";
import type { Options } from "./options.js";
import { timeLimit } from "./stage-step.js";
import type { SnapshotInput } from "./step-input.js";

/** A dump right before, out of which it comes back when the restore is taken back. */
export function snapshotStep(
  of: Omit<SnapshotInput, "keepMs">,
  { snapshots, undoFor }: Options,
  expectedMs: number,
): StepSpec {
  const input: SnapshotInput = { ...of, keepMs: undoFor };
  const { database, tables, absent = [] } = input;
  const names = [...(tables ?? [database]), ...absent].join(", ");
  return {
    operation: "snapshot",
    title:
      tables?.length === 0
        ? `note in ${snapshots} that there is no ${names}, for ${durationText(undoFor)}`
        : `dump ${names} as it is, to ${snapshots}, where it is kept for ${durationText(undoFor)}`,
    phase: "preserve",
    input,
    impact: {
      changes: [
        {
          what: `what is written to ${names} between this dump and the restore`,
          before: "there",
          after: "lost for good: in neither of them",
        },
      ],
    },
    expectedMs,
    timeoutMs: timeLimit(expectedMs),
  };
}

/** What is to come back is not deleted before that, however long ago it was kept. */
export const spare = (from: string | undefined): Pick<SnapshotInput, "spare"> =>
  from === undefined ? {} : { spare: from };
