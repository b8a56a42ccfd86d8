import type { Check, DataLoss, Effect, Settlement } from "../driver.js";
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

export interface TakenFrom {
  readonly owner: Owner;
  /** Its process was dead, it had let the lease expire, or a person said so. */
  readonly why: "dead" | "expired" | "told";
  /** Who said so. */
  readonly by?: string;
}

/** `line-stopped`: another step failed, and the plan says to end the others. */
export type AbortWhy = "timeout" | "cancelled" | "deadline" | "line-stopped";

export type RunOutcome = "verified" | "unverified" | "failed" | "cancelled";

export type FactBody =
  | {
      readonly type: "run.requested";
      readonly planDigest: string;
      readonly scenario: string;
      readonly reason: string;
      /** The caller's own name for this request: asked again by it, nothing is started a second time. */
      readonly request?: string;
      /** What made the trigger fire: its samples. */
      readonly trigger?: JsonObject;
    }
  /** A process began to execute the run. A step that an earlier owner left running has an unknown end. */
  | {
      readonly type: "run.owned";
      readonly owner: Owner;
      readonly fence: number;
      /** Who had held the lease, where it was taken away. */
      readonly from?: TakenFrom;
    }
  /** A person whom the plan names agrees to this very plan. Counts by when it was said, not by when it was read. */
  | {
      readonly type: "run.approved";
      readonly planDigest: string;
      readonly role: string;
      readonly reason: string;
      readonly approvedAt: number;
    }
  /** No further step starts until a person continues; what runs may end. */
  | { readonly type: "run.paused"; readonly reason: string }
  | { readonly type: "run.continued"; readonly reason: string }
  /** The time of one of the plan's escalations has come. `lateMs`: nobody was there to say it in time. */
  | {
      readonly type: "timer.fired";
      readonly timer: number;
      readonly say: string;
      readonly to?: string;
      readonly due: number;
      readonly lateMs: number;
    }
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
      /** As `apply` returned them. */
      readonly data?: JsonObject;
      readonly loses?: readonly DataLoss[];
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
      readonly why: AbortWhy;
    }
  /** A program runs for a running (or unsettled) step: the leader of its process group. */
  | {
      readonly type: "step.process";
      readonly step: string;
      readonly attempt: number;
      readonly process: ProcessIdentity;
      readonly mark: string;
    }
  /** What an earlier owner's programs for this step were still doing was ended, or could not be. */
  | {
      readonly type: "step.reaped";
      readonly step: string;
      readonly attempt: number;
      readonly ended: readonly ProcessIdentity[];
      /** Not to be seen or ended from here. */
      readonly left: readonly ProcessIdentity[];
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
