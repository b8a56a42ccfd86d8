import type { Reader } from "../../clients/kubernetes/read.js";
import type { CheckOptions } from "./check-options.js";
import type { WorkloadState } from "./workload.js";

/** What each part of the checklist looks at. */
export interface Looking {
  readonly read: Reader;
  readonly state: WorkloadState;
  /** `deployment api`. */
  readonly subject: string;
  readonly wanted: Pick<CheckOptions, "images" | "services" | "health" | "logs">;
  readonly signal: AbortSignal;
  /** Milliseconds since the epoch. */
  readonly now: number;
}
