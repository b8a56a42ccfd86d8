import type { Level } from "../playbook/schema.js";
import type { Sample } from "./sample.js";

/** Where one trigger is. `frozen`: since when nothing was measured and `no_data: hold` keeps it as it is. */
export interface TriggerMemory {
  readonly phase: "inactive" | "pending" | "firing";
  /** When the phase began. For `pending`, moved on by the time that it was frozen. */
  readonly since: number;
  readonly frozen?: number;
}

/** All that judging remembers. Plain JSON: written away and read back, it goes on as if nothing had happened. */
export interface TriggerState {
  /** When judging began: a signal that was never read counts as not yet measured for a while. */
  readonly begun: number;
  /** Up to when everything is judged. */
  readonly judged: number;
  /** The newest sample of each signal. */
  readonly latest: Readonly<Record<string, Sample>>;
  readonly triggers: Readonly<Record<string, TriggerMemory>>;
}

export interface TriggerStatus {
  readonly trigger: string;
  readonly level: Level;
  /** `unknown`: could not be judged. A firing one that is held stays `firing`. */
  readonly state: "inactive" | "pending" | "firing" | "unknown";
  /** When it began to be pending or firing. */
  readonly since?: number;
  /** Milliseconds that the condition must hold. */
  readonly for: number;
  /** The condition, as in the playbook. */
  readonly when: string;
  /** What it was judged on. */
  readonly samples: readonly Sample[];
  /** Why it could not be judged on measurements now; absent where it could. */
  readonly noData?: string;
}
