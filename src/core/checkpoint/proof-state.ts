import { type Proof, type ProofLevel, proofLevels } from "../driver.js";
import type { Checkpoint, ProofRecord } from "./checkpoint-store.js";

/** What can be relied on of one part now. `expired` was good once; `unproven` never was looked at; `failed` says no. */
export interface ProofState {
  readonly state: "good" | "expired" | "failed" | "unproven";
  readonly level: ProofLevel;
  readonly record: ProofRecord | undefined;
}

export const proofHolds = (proof: Proof): boolean => proof.checks.every((check) => check.result === "passed");

/** `expire` in milliseconds. */
export function proofState(record: ProofRecord | undefined, now: number, expire: number): ProofState {
  if (record === undefined) return { state: "unproven", level: "captured", record };
  const { level } = record;
  if (!proofHolds(record)) return { state: "failed", level, record };
  return { state: now - record.at > expire ? "expired" : "good", level, record };
}

/** The weakest part decides. */
export function checkpointLevel(
  checkpoint: Checkpoint,
  proofs: Readonly<Record<string, ProofRecord>>,
): ProofLevel {
  const levels = Object.keys(checkpoint.parts).map((name) => {
    const record = proofs[name];
    return record === undefined ? "captured" : proofHolds(record) ? record.level : "declared";
  });
  const weakest = Math.min(...levels.map((level) => proofLevels.indexOf(level)), proofLevels.length - 1);
  return proofLevels[weakest] ?? "declared";
}
