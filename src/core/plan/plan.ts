import type { CapturedPart, Impact, Phase } from "../driver.js";
import type { Problem } from "../errors.js";
import type { JsonObject } from "../json.js";
import type { Strategy } from "../playbook/schema.js";

/**
 * The way back as plain data: everything that executing it needs, so that it can be stored, approved by its digest
 * and finished by another process, even when the playbook has changed meanwhile. No secret is in it. All times are
 * milliseconds.
 */
export interface Plan {
  readonly version: 1;
  /** `sha256:…` over everything else in canonical form. */
  readonly digest: string;
  readonly system: string;
  readonly environment: string;
  /** Of an undo: that of the run which it takes back. */
  readonly scenario: string;
  /** The run that is taken back. */
  readonly undoes?: string;
  readonly strategy: Strategy;
  readonly change?: string;
  /** What is restored from; absent where the scenario restores nothing. */
  readonly checkpoint?: { readonly id: string; readonly at: number };
  readonly targets: Readonly<Record<string, PlannedTarget>>;
  readonly checks: Readonly<Record<string, PlannedCheck>>;
  /** In an order in which they could run one after another. */
  readonly steps: readonly PlanStep[];
  readonly estimate: Estimate;
  readonly warnings: readonly Problem[];
  readonly objectives: { readonly rto?: number; readonly rpo?: number };
  /** For the whole run. */
  readonly timeoutMs?: number;
  readonly fallback?: string;
  /** Absent: no person has to agree. */
  readonly approval?: PlanApproval;
  /** In the order of the playbook; each fires once. */
  readonly escalate?: readonly { readonly afterMs: number; readonly say: string; readonly to?: string }[];
  /** What becomes of running steps when one fails for good. Absent: they may end. */
  readonly onFailure?: "cancel";
  /** How much runs at once, where the playbook says so. */
  readonly limits?: { readonly steps: number; readonly perTarget: number; readonly perDriver: number };
}

export interface PlanApproval {
  /** Roles and names, as written. Each may agree by itself. */
  readonly by: readonly { readonly role: string; readonly people: readonly string[] }[];
  /** From the request. */
  readonly expiresMs: number;
}

export interface PlannedTarget {
  readonly driver: string;
  /** Options with secret references unresolved. */
  readonly with: JsonObject;
  readonly uses: readonly string[];
  readonly captured?: CapturedPart;
  /** Data written later is lost, milliseconds since the epoch. Absent: since the capture. */
  readonly since?: number;
  /** Brought back or, by an undo, taken back. */
  readonly restore: boolean;
  /** What survives, in the driver's own terms. */
  readonly keep: readonly string[];
  /** What is there when the plan is made, and what will be. */
  readonly from: { readonly identity: string; readonly summary: string };
  readonly to?: { readonly identity: string; readonly summary: string };
}

export interface PlannedCheck {
  readonly driver: string;
  readonly with: JsonObject;
  readonly within: number;
  readonly stable: number;
}

export interface PlanStep {
  /** `db.swap`, `db.verify`, `check.health`. */
  readonly id: string;
  /** `apply`: a driver's operation; `verify`: a target's own comparison; `check`: one of the playbook's checks. */
  readonly kind: "apply" | "verify" | "check";
  /** Name of the target, or of the check. */
  readonly subject: string;
  readonly driver: string;
  readonly operation: string;
  readonly title: string;
  readonly phase: Phase;
  /** Steps that must have ended well (or are allowed to fail). */
  readonly needs: readonly string[];
  /** Phases of the whole plan that must have ended: the barriers. */
  readonly awaits: readonly Phase[];
  readonly input: JsonObject;
  readonly impact: Impact;
  readonly expectedMs: number;
  readonly timeoutMs: number;
  readonly retries: number;
  readonly onFailure: "stop" | "continue";
  /** Where not even the world can say what became of it. Absent: `ask`. */
  readonly onIndeterminate?: "ask" | "retry" | "fail";
}

export interface Estimate {
  /** Of the longest chain of steps. */
  readonly durationMs: number;
  readonly criticalPath: readonly string[];
  /** From the first step that interrupts service until the last `resume` has ended. */
  readonly downtimeMs: number;
  /** What the change or the scenario promises, where it does. */
  readonly promisedMs?: number;
}
