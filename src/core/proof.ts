/** Least to most (docs/design.md, "Words"). */
export const proofLevels = ["declared", "captured", "readable", "restored", "rehearsed"] as const;
export type ProofLevel = (typeof proofLevels)[number];

export interface Proof {
  readonly level: ProofLevel;
  /** What was compared, each with its result. A single failed one makes the proof a failure. */
  readonly checks: readonly Check[];
  /** How long bringing it back took here, milliseconds: the plan's estimate. */
  readonly restoreMs?: number;
  /** What could not be found out and was not asked for, so that it is neither a pass nor a failure: a phrase each. */
  readonly unknown?: readonly string[];
  /** What else came of it that people should know, such as what stays there: a phrase each. */
  readonly notes?: readonly string[];
}

export interface Check {
  readonly name: string;
  /** `error` is "could not measure": never a pass, and another word than `failed`. */
  readonly result: "passed" | "failed" | "error";
  readonly expected?: string;
  readonly actual?: string;
  readonly message?: string;
}
