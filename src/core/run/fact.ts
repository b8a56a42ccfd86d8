import type { Check, Effect, Settlement } from "../driver.js";
import type { ErrorCode } from "../errors.js";
import type { JsonObject } from "../json.js";
import type { ProcessIdentity } from "../ports.js";

/** What was durably recorded about a run, in the order in which it was recorded. Written once, never changed. */
export type Fact = FactEnvelope & FactBody;

export interface FactEnvelope {
  /** 1, 2, 3 … within the run, without gaps. */
  readonly seq: number;
  /** Milliseconds since the epoch, by the writer's clock. */
  readonly at: number;
  /** Who caused it: `engine`, or a person's `user@host`. */
  readonly actor: string;
}

/** The process that executes a run. */
export type Owner = ProcessIdentity;

export type RunOutcome = "verified" | "unverified" | "failed" | "cancelled";

export type FactBody =
  | {
      readonly type: "run.requested";
      readonly planDigest: string;
      readonly scenario: string;
      readonly reason: string;
      /** What made the trigger fire: its samples. */
      readonly trigger?: JsonObject;
    }
  /** A process began to execute the run. A step that an earlier owner left running has an unknown end. */
  | { readonly type: "run.owned"; readonly owner: Owner; readonly fence: number }
  | { readonly type: "run.cancel-requested"; readonly reason: string }
  /** The line stands: a step failed, something has already changed, a person has to decide. */
  | { readonly type: "run.stopped"; readonly step?: string; readonly message: string }
  | { readonly type: "run.finished"; readonly outcome: RunOutcome; readonly message?: string }
  | { readonly type: "step.started"; readonly step: string; readonly attempt: number }
  | {
      readonly type: "step.succeeded";
      readonly step: string;
      readonly attempt: number;
      readonly summary: string;
      readonly changed: boolean;
      readonly ms: number;
      readonly log?: readonly string[];
      readonly checks?: readonly Check[];
    }
  | {
      readonly type: "step.failed";
      readonly step: string;
      readonly attempt: number;
      readonly code: ErrorCode;
      readonly message: string;
      readonly hint?: string;
      readonly effect: Effect;
      readonly ms: number;
      readonly log?: readonly string[];
      readonly checks?: readonly Check[];
    }
  /** The engine has told a running step to end. */
  | {
      readonly type: "step.aborted";
      readonly step: string;
      readonly attempt: number;
      readonly why: "timeout" | "cancelled" | "deadline";
    }
  | {
      readonly type: "step.settled";
      readonly step: string;
      readonly attempt: number;
      readonly state: Settlement["state"];
      readonly summary: string;
    }
  /** A person lets a failed step try again. */
  | { readonly type: "step.retried"; readonly step: string; readonly reason: string }
  /** A person goes on without it. */
  | { readonly type: "step.skipped"; readonly step: string; readonly reason: string };

export type FactOf<Type extends FactBody["type"]> = Extract<Fact, { type: Type }>;
