/** What is seen of a target while it changes, in words that fit whatever runs there. */

/** One thing of the target that is wanted as it should be: a workload. */
export interface FollowedPart {
  /** `Deployment/api`. */
  readonly name: string;
  /** `stuck`: it will not become what is wanted by itself, whatever one waits. */
  readonly state: "done" | "going" | "stuck";
  /** `2 of 3 pods ready, 1 old ones left`. */
  readonly summary: string;
  readonly units: readonly FollowedUnit[];
}

/** What a part runs, one of it: a pod. */
export interface FollowedUnit {
  readonly name: string;
  /** `Running`, `CrashLoopBackOff`. */
  readonly phase: string;
  readonly ready: boolean;
  /** Whether it is of the version that is wanted now. */
  readonly wanted: boolean;
  readonly restarts: number;
  /** When it was made, milliseconds since the epoch. */
  readonly since?: number;
  /** In cores. Absent where it was not measured. */
  readonly cpu?: Usage;
  /** In bytes. */
  readonly memory?: Usage;
}

export interface Usage {
  readonly used: number;
  readonly limit?: number;
}

/** Something that the system itself says happened. */
export interface FollowedEvent {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly warning: boolean;
  /** `Pod/api-5d9c-x2`. */
  readonly subject: string;
  readonly text: string;
}

/** A line that a unit wrote to its log. */
export interface FollowedLine {
  /** `api-5d9c-x2/app`. */
  readonly subject: string;
  readonly text: string;
}

export type Followable = "events" | "logs" | "resource use";

/** Told by a driver that follows its target. */
export interface Follower {
  /** All of it as it is now, and again after each change. Events that are known by then were told before. */
  state(parts: readonly FollowedPart[]): void;
  event(event: FollowedEvent): void;
  line(line: FollowedLine): void;
  /** Why something is not to be had; the rest is followed all the same. */
  missing(what: Followable, why: string): void;
}
