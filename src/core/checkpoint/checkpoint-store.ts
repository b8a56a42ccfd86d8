import type { BackoutError, Problem } from "../errors.js";
import type { ArtifactReader, ArtifactWriter } from "../ports.js";
import type { Checkpoint, CheckpointPart } from "./manifest.js";
import type { ProofRecord } from "./proof-record.js";
import type { RetentionChoice, RetentionPolicy } from "./retention.js";

/** The checkpoints of which system and environment. */
export interface CheckpointScope {
  readonly system: string;
  readonly environment: string;
}

export interface CheckpointList {
  /** Oldest first. */
  readonly checkpoints: readonly Checkpoint[];
  /** Folders whose manifest cannot be used, and why. */
  readonly damaged: readonly { readonly id: string; readonly error: BackoutError }[];
}

/** Target → its records, oldest first. */
export type Proofs = Readonly<Record<string, readonly ProofRecord[]>>;

/** A checkpoint being written: visible to nobody until `commit`. */
export interface Draft {
  readonly id: string;
  /** Begins the target's part, from nothing on each call: so a capture can be repeated. */
  artifacts(target: string): ArtifactWriter;
  /** The artifacts are those that were added through `artifacts(target)`. */
  setPart(target: string, part: Omit<CheckpointPart, "artifacts">): void;
  setBaselines(values: Readonly<Record<string, number>>, measured: Readonly<Record<string, string>>): void;
  /** On the disk, whole, when this returns. */
  commit(): Promise<Checkpoint>;
  abandon(): Promise<void>;
}

export interface DraftOrigin extends CheckpointScope {
  readonly change?: string | undefined;
  /** `user@host`. */
  readonly by: string;
}

export interface CheckpointStore {
  /** Also removes what dead writers left. Throws STATE_UNWRITABLE, STATE_FULL. */
  create(origin: DraftOrigin): Promise<Draft>;
  list(scope?: CheckpointScope): Promise<CheckpointList>;
  /**
   * By id, by the beginning of one if it is unique, or `latest` of the scope. Where a damaged one may be the latest, that
   * is said rather than an older one taken.
   */
  load(reference: string, scope?: CheckpointScope): Promise<Checkpoint>;
  /** Reads every artifact; nothing wrong is an empty list. */
  verify(id: string): Promise<Problem[]>;
  /** Reads nothing until it is used. `scratch` is asked for a folder where something has to be decrypted into a file. */
  reader(id: string, target: string, scratch: () => Promise<string>): ArtifactReader;
  saveProof(id: string, target: string, record: ProofRecord): Promise<void>;
  proofs(id: string): Promise<Proofs>;
  /** Pinned ones are never pruned. */
  pin(id: string, note?: string): Promise<void>;
  unpin(id: string): Promise<void>;
  /** Damaged ones are left for a person. `inUse`: what open runs refer to. */
  prune(
    policy: RetentionPolicy,
    more?: { dryRun?: boolean; inUse?: ReadonlySet<string> },
  ): Promise<RetentionChoice[]>;
}
