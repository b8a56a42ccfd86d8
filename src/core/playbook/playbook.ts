import type { JsonObject } from "../json.js";
import type { DecisionNode, ResponseClass } from "./decision-node.js";
import type { Risk, Strategy } from "./schema.js";
import type { Level, NoData, Severity } from "./schema-judging.js";

/**
 * One system in one environment: the playbook after its variables are put in. Secret references (`${env:X}`,
 * `${file:…}`) are still references. All times are milliseconds. This is what everything but the parser works on.
 */
export interface Playbook {
  readonly system: string;
  readonly environment: string;
  /** Every environment of the file. */
  readonly environments: readonly string[];
  /** Folder of journal and checkpoints, as written (relative to the playbook's folder). */
  readonly state: string;
  /** URL of the PostgreSQL that the scaled-out engine works over; a secret reference, or with some inside. */
  readonly engine?: string | undefined;
  readonly objectives: { readonly rto?: number | undefined; readonly rpo?: number | undefined };
  /** How long a way back of each class may take, from the first bad sample. */
  readonly classes?: Readonly<Record<ResponseClass, number>>;
  readonly encryption?:
    | { readonly recipients: readonly string[]; readonly identity?: string | undefined }
    | undefined;
  readonly proofs: { readonly expire: number };
  readonly retention: { readonly keep: number; readonly for?: number | undefined };
  readonly targets: Readonly<Record<string, TargetDefinition>>;
  readonly changes: Readonly<Record<string, ChangeDefinition>>;
  readonly scenarios: Readonly<Record<string, ScenarioDefinition>>;
  readonly checks: Readonly<Record<string, CheckDefinition>>;
  readonly signals: Readonly<Record<string, SignalDefinition>>;
  readonly triggers: Readonly<Record<string, TriggerDefinition>>;
  readonly questions?: Readonly<Record<string, QuestionDefinition>>;
  /** Those of the matrix come last. */
  readonly decisions: readonly DecisionRule[];
  /** Who stands behind a role, by user name. */
  readonly people?: { readonly roles: Readonly<Record<string, readonly string[]>> } | undefined;
  /** How much of a run goes on at once. */
  readonly limits?:
    | { readonly steps: number; readonly perTarget: number; readonly perDriver: number }
    | undefined;
  readonly watch: {
    readonly cooldown: number;
    readonly mute: number;
    /** So many rollbacks within a day, and none more starts by itself. */
    readonly perDay?: number;
    /** How long `checkpoint` reads the signals that triggers compare with their baseline. */
    readonly baseline?: number | undefined;
  };
}

export interface TargetDefinition {
  readonly driver: string;
  /** The driver's options, checked against its schema, as written. */
  readonly with: JsonObject;
  /** Targets that this one depends on. */
  readonly uses: readonly string[];
  readonly description?: string | undefined;
}

export interface ChangeDefinition {
  readonly description?: string | undefined;
  readonly risk?: Risk | undefined;
  /** Promised time of its rollback. */
  readonly promised?: number | undefined;
  readonly targets: readonly string[];
  /** Target → what must survive the rollback, in the driver's own terms. */
  readonly keep: Readonly<Record<string, readonly string[]>>;
}

export interface ScenarioDefinition {
  readonly description?: string | undefined;
  readonly strategy: Strategy;
  /** Targets brought back to the checkpoint. */
  readonly restore: readonly string[];
  /** Targets that are only restarted, after what they use is back. */
  readonly restart: readonly string[];
  /** Names of checks that must pass afterwards. Default: all of the playbook. */
  readonly checks: readonly string[];
  readonly promised?: number | undefined;
  /** For the whole run. */
  readonly timeout?: number | undefined;
  /** Scenario to offer when this one fails. */
  readonly fallback?: string | undefined;
  /** Roles or names, one of whom has to agree before anything moves. */
  readonly approval?: { readonly by: readonly string[]; readonly expires: number } | undefined;
  /** What to say so long after the run has begun, while it goes on. */
  readonly escalate?:
    | readonly { readonly after: number; readonly say: string; readonly to?: string | undefined }[]
    | undefined;
  /** What becomes of running steps when one fails for good. Default: they may end. */
  readonly onFailure?: "finish" | "cancel" | undefined;
}

export interface CheckDefinition {
  readonly driver: string;
  readonly with: JsonObject;
  /** Asked again until it passes, for at most this long. */
  readonly within: number;
  /** And must then keep passing for this long. */
  readonly stable: number;
}

export interface SignalDefinition {
  readonly driver: string;
  readonly with: JsonObject;
  readonly every: number;
  readonly timeout: number;
  /** A value beyond them cannot be. */
  readonly min?: number | undefined;
  readonly max?: number | undefined;
  /** From this age on a reading says nothing. Default: twice `every`, and `timeout`. */
  readonly stale?: number | undefined;
  /** The target that it measures. */
  readonly of?: string | undefined;
}

export interface TriggerDefinition {
  /** CEL over signal names and their past: `error_rate > 0.05`, `avg(error_rate, "5m") > 0.05`. */
  readonly when: string;
  readonly for: number;
  /** At how many readings in a row it must hold, beside `for`. */
  readonly times?: number | undefined;
  /** When a firing one ends. Default: at the first moment at which its condition does not hold. */
  readonly clear?: ClearRule | undefined;
  readonly level: Level;
  readonly severity?: Severity | undefined;
  readonly no_data: NoData;
  /** With fewer readings of any of its signals it is not judged. */
  readonly min_samples?: { readonly count: number; readonly within: number } | undefined;
  /** With fewer requests, by a signal that counts them, it is not judged. */
  readonly min_requests?:
    | { readonly of: string; readonly count: number; readonly within: number }
    | undefined;
  /** After a rollback it is not judged for this long. */
  readonly settle?: number | undefined;
  readonly description?: string | undefined;
}

export interface ClearRule {
  /** Default: the trigger's condition does not hold. */
  readonly when?: string | undefined;
  readonly for: number;
  readonly times?: number | undefined;
}

/** What only a person can say. */
export interface QuestionDefinition {
  readonly ask: string;
  readonly answers: readonly string[];
  readonly description?: string | undefined;
}

/** In the list of decisions: taken where `when` holds, or always. */
export interface DecisionRule extends DecisionNode {
  readonly when?: string | undefined;
}
