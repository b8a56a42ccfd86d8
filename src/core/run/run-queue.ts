import type { Fact } from "./fact.js";
import type { RunRecord } from "./run-journal.js";

/** The scaled-out engine as commands see it: controllers elsewhere execute the runs that wait here. */
export interface RunQueue {
  /**
   * Records the run and queues it: both, or neither. Where its system and environment have a newer run than `seen`,
   * nothing is recorded. Returns the run to follow: this one, or the newer one.
   */
  submit(run: RunRecord, first: readonly Fact[], seen: string | undefined): Promise<string>;
  /** Queues a run that stopped or was left. Does nothing where it is queued or executed already. */
  again(run: RunRecord): Promise<void>;
  /** Where a run is; nowhere once it has finished, stopped or was never queued. */
  place(run: string): Promise<"queued" | "running" | undefined>;
  /** How many controllers of this system are alive. */
  controllers(system: string): Promise<number>;
  /** Whether a target's claim (`postgres:host:port/database`) is over the database of the engine itself. */
  owns(claim: string): Promise<boolean>;
}

/** What a controller is given to do. */
export interface Assignment {
  readonly run: string;
  readonly environment: string;
}

/** Offers itself for runs, and executes those that it is given. */
export interface RunServer {
  /**
   * Ends once `signal` is aborted and every run that it executes has ended. `execute` says whether the run has ended
   * by itself, or is left to another controller.
   */
  serve(options: {
    readonly system: string;
    readonly signal: AbortSignal;
    readonly execute: (assignment: Assignment) => Promise<"ended" | "left">;
    readonly tell: (event: ServerEvent) => void;
  }): Promise<void>;
}

export type ServerEvent =
  | { readonly type: "ready"; readonly controller: string; readonly engine: string }
  | { readonly type: "assigned" | "ended" | "left"; readonly run: string; readonly environment: string }
  | { readonly type: "takeover"; readonly from: string; readonly runs: readonly string[] }
  | { readonly type: "trouble"; readonly message: string };
