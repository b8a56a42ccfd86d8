import * as z from "zod";
import { type Check, type ProofLevel, proofLevels } from "../driver.js";

/** One attempt to prove a target's part of a checkpoint. */
export interface ProofRecord {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly by: string;
  /** `error` is "could not be measured": it says nothing, for or against. */
  readonly result: "passed" | "failed" | "error";
  /** What was reached where it passed, what was tried where it did not. */
  readonly level: ProofLevel;
  readonly checks: readonly Check[];
  readonly restoreMs?: number | undefined;
  readonly message?: string | undefined;
  readonly unknown?: readonly string[] | undefined;
  readonly notes?: readonly string[] | undefined;
}

const check = z.object({
  name: z.string(),
  result: z.enum(["passed", "failed", "error"]),
  expected: z.string().exactOptional(),
  actual: z.string().exactOptional(),
  message: z.string().exactOptional(),
});

export const proofRecords = z.array(
  z.object({
    at: z.number(),
    by: z.string(),
    result: z.enum(["passed", "failed", "error"]),
    level: z.enum(proofLevels),
    checks: z.array(check),
    restoreMs: z.number().optional(),
    message: z.string().optional(),
    unknown: z.array(z.string()).optional(),
    notes: z.array(z.string()).optional(),
  }),
);

export interface ProofStanding {
  /** `captured` where there is no evidence that counts. */
  readonly level: ProofLevel;
  /** The evidence; absent where there is none. */
  readonly record?: ProofRecord;
  /** There was evidence, but it is older than it may be. */
  readonly expired: boolean;
  /** The last attempt that could be measured failed. */
  readonly failed: boolean;
}

/** What the records, oldest first, amount to: the best that passed since the last failure and has not expired. */
export function proofStanding(
  records: readonly ProofRecord[],
  more: { now: number; expireMs: number },
): ProofStanding {
  const measured = records.filter((record) => record.result !== "error");
  const lastFailure = measured.findLastIndex((record) => record.result === "failed");
  const passed = measured.slice(lastFailure + 1);
  const fresh = passed.filter((record) => more.now - record.at <= more.expireMs);
  const rank = (record: ProofRecord) => proofLevels.indexOf(record.level);
  const best = fresh.reduce<ProofRecord | undefined>(
    (found, record) => (found === undefined || rank(record) >= rank(found) ? record : found),
    undefined,
  );
  const failed = lastFailure >= 0 && passed.length === 0;
  if (best === undefined) return { level: "captured", expired: passed.length > 0, failed };
  return { level: best.level, record: best, expired: false, failed };
}
