import type { Plan } from "../plan/plan.js";
import type { Fact, Owner } from "./fact.js";

/** What an engine needs of its journal. Every call is durable when it returns. */
export interface RunJournal {
  createRun(run: RunRecord, first: readonly Fact[]): Promise<void>;
  /** Throws NOT_FOUND. */
  run(id: string): Promise<RunRecord>;
  /** Of this system and environment, oldest first. */
  runIds(system: string, environment: string): Promise<string[]>;
  /** In their order, those after this number; at most so many. */
  facts(run: string, after?: number, most?: number): Promise<Fact[]>;
  /**
   * All of them or none. Only the holder of the lease writes: FENCED where another process has taken over.
   * `answered` requests are removed in the same transaction.
   */
  append(run: string, facts: readonly Fact[], fence: Fence, answered?: readonly number[]): Promise<void>;
  /** Leaves word for whoever executes the run. */
  request(run: string, request: PersonRequest): Promise<void>;
  requests(run: string): Promise<{ id: number; request: PersonRequest }[]>;
  lease(scope: string): Promise<Lease | undefined>;
  /** Takes the lease if it is free or `mayTake` agrees to take it from its holder; else returns the holder's. */
  acquire(
    want: Omit<Lease, "fence">,
    mayTake: (holder: Lease) => boolean,
  ): Promise<{ taken: boolean; lease: Lease }>;
  /** False when somebody else has taken it meanwhile. */
  renew(lease: Lease, expires: number): Promise<boolean>;
  release(lease: Lease): Promise<void>;
  /** Recomputes the hash chain of a run: the first sequence number that does not fit, if any. */
  brokenAt(run: string): Promise<number | undefined>;
  close(): Promise<void>;
}

export interface RunRecord {
  readonly id: string;
  readonly system: string;
  readonly environment: string;
  readonly plan: Plan;
}

export interface Fence {
  readonly scope: string;
  readonly fence: number;
}

/** The right to execute runs of one system in one environment. */
export interface Lease extends Fence {
  /** `system/environment`. */
  readonly scope: string;
  readonly run: string;
  readonly owner: Owner;
  /** Grows with each new owner: a write that carries an older one is refused. */
  readonly fence: number;
  /** Milliseconds since the epoch; 0 once released. */
  readonly expires: number;
}

/** What a person asks of a run that another process executes. */
export type PersonRequest = { readonly actor: string; readonly reason: string } & (
  | { readonly type: "cancel" | "pause" | "continue" }
  | { readonly type: "approve"; readonly planDigest: string; readonly at: number }
  | { readonly type: "retry" | "skip"; readonly step: string }
);
