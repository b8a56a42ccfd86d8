import type { Check, DataLoss, Difference, Phase, Settlement } from "../driver.js";
import type { ErrorCode } from "../errors.js";
import type { JsonObject } from "../json.js";
import type { Strategy } from "../playbook/schema.js";
import type { RunOutcome } from "../run/fact.js";
import type { RunStatus, StepStatus } from "../run/run-state.js";
import type { FactText } from "./fact-text.js";

/** All that is known about one run: plain data, ready for JSON. Times are milliseconds since the epoch. */
export interface Report {
  readonly version: 1;
  readonly run: string;
  readonly system: string;
  readonly environment: string;
  readonly scenario: string;
  readonly strategy: Strategy;
  /** The run that this one takes back. */
  readonly undoes?: string;
  readonly change?: string;
  /** The scenario to turn to where this one failed. */
  readonly fallback?: string;
  readonly plan: PlanSummary;
  readonly requested?: { readonly at: number; readonly by: string; readonly reason: string };
  readonly startedAt?: number;
  readonly endedAt?: number;
  /** From the start to the end or, while there is none, to the last fact. */
  readonly durationMs?: number;
  /** What fired, with its samples, as it was recorded. */
  readonly trigger?: JsonObject;
  readonly status: RunStatus;
  readonly outcome?: RunOutcome;
  readonly message?: string;
  /** Of the command; absent while the run goes on. */
  readonly exitStatus?: number;
  /** Whether anything is, or may be, other than before. */
  readonly changed: boolean;
  /** The one that stopped the line, else the first that was final. */
  readonly firstFailure?: ReportFailure & {
    readonly step: string;
    /** Where its effect was looked for and nobody could say. */
    readonly undecided?: string;
  };
  readonly targets: readonly ReportTarget[];
  readonly steps: readonly ReportStep[];
  readonly checks: readonly ReportCheck[];
  /** What is now other than before the run. */
  readonly changes: readonly (Difference & { readonly step: string; readonly certain: boolean })[];
  /** As counted by the steps themselves, else by the plan. */
  readonly dataLost: readonly ReportLoss[];
  /** What the plan had counted, where that is something else. */
  readonly dataLostPlanned?: readonly ReportLoss[];
  readonly irreversible: readonly { readonly step: string; readonly why: string; readonly done: boolean }[];
  readonly rto: ReportRto;
  readonly rpo: ReportRpo;
  readonly timeline: readonly (FactText & { readonly at: number; readonly actor: string })[];
}

export interface PlanSummary {
  readonly digest: string;
  readonly checkpoint?: { readonly id: string; readonly at: number };
  readonly steps: number;
  readonly expectedMs: number;
  readonly downtimeMs: number;
  readonly promisedMs?: number;
  readonly warnings: readonly string[];
}

export interface ReportFailure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
}

export interface ReportTarget {
  readonly name: string;
  readonly driver: string;
  readonly restored: boolean;
  readonly before: string;
  readonly after?: string;
}

export interface ReportStep {
  readonly id: string;
  readonly title: string;
  readonly phase: Phase;
  readonly kind: "apply" | "verify" | "check";
  readonly status: StepStatus;
  readonly attempts: number;
  /** Of the first attempt. */
  readonly startedAt?: number;
  readonly endedAt?: number;
  /** All attempts and the pauses between them. */
  readonly durationMs?: number;
  readonly expectedMs: number;
  readonly summary?: string;
  readonly failure?: ReportFailure;
  readonly settled: readonly {
    readonly at: number;
    readonly attempt: number;
    readonly state: Settlement["state"];
    readonly summary: string;
  }[];
  readonly log: readonly string[];
}

/** `not-run`: nobody asked, for example since the run stopped before. */
export interface ReportCheck extends Omit<Check, "result"> {
  readonly step: string;
  readonly result: Check["result"] | "not-run";
}

/** `certain` is false where it is not known whether the step that takes the data away has happened. */
export interface ReportLoss extends DataLoss {
  readonly step: string;
  readonly target: string;
  readonly certain: boolean;
}

/** `unverified`: in time, but nobody knows whether it works. `none`: no objective. */
export interface ReportRto {
  readonly verdict: "met" | "missed" | "unverified" | "not-recovered" | "none";
  readonly objectiveMs?: number;
  /** Of the decision that asked for it: the objective is the class's. */
  readonly class?: string;
  /** From the first bad sample where that is known, else from the request, to the end. */
  readonly measuredMs?: number;
  readonly from: "first bad sample" | "request";
  readonly missedByMs?: number;
}

/** `no-loss`: nothing that holds written data was brought back. */
export interface ReportRpo {
  readonly verdict: "met" | "missed" | "no-loss" | "none";
  readonly objectiveMs?: number;
  /** From the capture of the oldest part that takes written data away, to the run's start. */
  readonly measuredMs?: number;
  readonly missedByMs?: number;
}
