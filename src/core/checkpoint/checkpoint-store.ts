import type { CapturedPart, Proof } from "../driver.js";
import type { Problem } from "../errors.js";
import type { JsonObject } from "../json.js";
import type { ArtifactReader, ArtifactWriter } from "../ports.js";

/** Every target at one moment: immutable once written. Times are milliseconds since the epoch. */
export interface Checkpoint {
  readonly version: 1;
  readonly id: string;
  readonly system: string;
  readonly environment: string;
  /** The change that was about to be rolled out. */
  readonly change?: string;
  readonly at: number;
  /** `user@host`. */
  readonly by: string;
  readonly parts: Readonly<Record<string, CheckpointPart>>;
}

export interface CheckpointPart extends CapturedPart {
  readonly driver: string;
  /** As in the playbook, secret references unresolved. */
  readonly with: JsonObject;
  /** How long capturing took. */
  readonly captureMs: number;
}

/** A proof of one part, with when and where it was made. */
export interface ProofRecord extends Proof {
  readonly at: number;
  readonly by: string;
  readonly tookMs: number;
}

/** A checkpoint being written: visible to nobody until `commit`. */
export interface CheckpointDraft {
  readonly id: string;
  artifacts(target: string): ArtifactWriter;
  /** Its artifacts are those written through `artifacts(target)`. */
  setPart(target: string, part: Omit<CheckpointPart, "artifacts">): void;
  commit(): Promise<Checkpoint>;
  abandon(): Promise<void>;
}

export interface CheckpointStore {
  create(about: {
    readonly system: string;
    readonly environment: string;
    readonly change?: string;
    readonly by: string;
  }): Promise<CheckpointDraft>;
  /** Newest first. */
  list(): Promise<Checkpoint[]>;
  /** By id, unique beginning of an id, or `latest`. Throws NOT_FOUND, STATE_NEWER, STATE_CORRUPT. */
  load(id: string): Promise<Checkpoint>;
  /** Reads every artifact and compares it with its digest. */
  verify(checkpoint: Checkpoint, targets?: readonly string[]): Promise<Problem[]>;
  /** `scratch` is an existing folder for decrypted copies; the caller removes it. */
  reader(checkpoint: Checkpoint, target: string, scratch: string): ArtifactReader;
  saveProof(id: string, target: string, proof: ProofRecord): Promise<void>;
  /** The newest proof of each part. */
  proofs(id: string): Promise<Record<string, ProofRecord>>;
  pin(id: string, reason: string): Promise<void>;
  unpin(id: string): Promise<void>;
  pinned(id: string): Promise<boolean>;
  remove(id: string): Promise<void>;
}
