import type { JsonObject } from "../../core/json.js";
import type { Chosen } from "./chosen.js";

/** What steps get. */
export type Input = {
  /** `Kind/name` of what the step works on. */
  readonly objects: readonly string[];
  /** `Kind/name` → digest that the plan saw; an object that was not there is missing. */
  readonly expected: Readonly<Record<string, string>>;
  readonly keep: readonly string[];
  readonly historyLimit: number;
  /** Workloads of which running pods have read what is put back, so that all have to be new. */
  readonly restart: readonly string[];
  /** Something is brought back in the same plan. */
  readonly restores: boolean;
  /** Scaled to nothing meanwhile: their counts come back with `start`. */
  readonly stopped: boolean;
  /** What an earlier run kept, by its name, in place of the checkpoint. */
  readonly from: string | null;
  /** What a person wants in place of both. */
  readonly chosen: Chosen | null;
};

export const inputOf = (input: JsonObject): Input => input as unknown as Input;
