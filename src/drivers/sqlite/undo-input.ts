import type { StepJob } from "../../core/driver.js";
import type { Content } from "./content.js";
import type { Input } from "./plan.js";

/** What the swap of an undo gets: the file that comes in is the one that an earlier swap had kept. */
export type UndoSwapInput = Input & {
  /** Of the kept file. */
  readonly holds: Content;
  /** What the earlier swap had brought in: what differs from it was written since. Null where that is the captured copy. */
  readonly since: Content | null;
};

/** Undefined for a swap that is no undo. */
export const undoInput = ({ input }: Pick<StepJob<unknown, never>, "input">): UndoSwapInput | undefined =>
  input["holds"] === undefined ? undefined : (input as unknown as UndoSwapInput);
