import type { Level, Severity } from "../playbook/schema-judging.js";
import type { Sample } from "./sample.js";

/** Where one trigger is. `frozen`: since when nothing was measured and `no_data: hold` keeps it as it is. */
export interface TriggerMemory {
  readonly phase: "inactive" | "pending" | "firing";
  /** When the phase began. For `pending`, moved on by the time that it was frozen. */
  readonly since: number;
  readonly frozen?: number;
  /** Pending: at how many readings in a row the condition has held. */
  readonly held?: number;
  /** Firing: when it began to be pending. */
  readonly began?: number;
  /** Firing: since when, and at how many readings in a row, that has held which ends it. */
  readonly clearing?: number;
  readonly cleared?: number;
  /** Digest of the definition that it was judged by: under another one it begins anew. */
  readonly of?: string;
}

/** All that judging remembers. Plain JSON: written away and read back, it goes on as if nothing had happened. */
export interface TriggerState {
  /** When judging began: a signal that was never read counts as not yet measured for a while. */
  readonly begun: number;
  /** Up to when everything is judged. */
  readonly judged: number;
  /** Signal → digest of what it measured: what is known of it says nothing of another one under its name. */
  readonly signals?: Readonly<Record<string, string>>;
  /** The newest sample of each signal. */
  readonly latest: Readonly<Record<string, Sample>>;
  readonly triggers: Readonly<Record<string, TriggerMemory>>;
  /** Signal → its readings, time and value, oldest first, as far back as conditions look. */
  readonly history?: Readonly<Record<string, readonly (readonly [number, number])[]>>;
  /** When the last rollback ended: triggers settle from then on. */
  readonly settlingFrom?: number;
}

export interface TriggerStatus {
  readonly trigger: string;
  readonly level: Level;
  readonly severity?: Severity;
  /** `unknown`: could not be judged. A firing one that is held stays `firing`. */
  readonly state: "inactive" | "pending" | "firing" | "unknown";
  /** When it began to be pending or firing. */
  readonly since?: number;
  /** Of a firing one: when it began to be pending. */
  readonly began?: number;
  /** Of a firing one whose end has begun: since when. */
  readonly clearing?: number;
  /** Milliseconds that the condition must hold. */
  readonly for: number;
  /** The condition, as in the playbook. */
  readonly when: string;
  /** What it was judged on. */
  readonly samples: readonly Sample[];
  /** What the condition took from the past of its signals: `avg(errors, "5m")` → 0.07. */
  readonly values?: Readonly<Record<string, number>>;
  /** Why it could not be judged on measurements now; absent where it could. */
  readonly noData?: string;
  /** After a rollback: until when it is not judged. */
  readonly mutedUntil?: number;
}
