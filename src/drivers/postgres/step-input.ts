import type { StepJob } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { CapturedDatabase } from "./captured-database.js";
import type { Options } from "./options.js";
import type { TableWay } from "./tables-script.js";

export type Job = StepJob<Options, CapturedDatabase>;

/** Key of the snapshot step whose dump comes back; absent where it is the checkpoint. */
type From = { readonly from?: string };

/** Of a stage: the database that it makes. */
export type StageInput = From & {
  readonly staged: string;
  /** Where the live one lay that was dropped before. */
  readonly tablespace?: string;
};

/** Of a drop that makes room for what is restored. */
export type MakeRoomInput = From & {
  /** The database as the plan saw it. */
  readonly oid: number;
  /** How long connections have for their end, milliseconds. */
  readonly endMs: number;
};

/** Of a swap, which may be that of an undo. */
export type SwapInput = From & {
  /** Comes in: what a stage has made, or what an earlier swap has kept. */
  readonly incoming: string;
  /** The live database as the plan saw it; null where there was none. */
  readonly live: { readonly oid: number; readonly identity: string; readonly summary: string } | null;
  /** How long the replaced one is kept, milliseconds. */
  readonly keepMs: number;
  /** How long connections have for their end, milliseconds. */
  readonly endMs: number;
};

/** Of a dump right before. Without tables: of everything. */
export type SnapshotInput = {
  readonly database: string;
  readonly tables?: readonly string[];
  /** Those of the tables that are then made anew. */
  readonly anew?: readonly string[];
  /** Chosen tables that are not there. */
  readonly absent?: readonly string[];
  /** How long it is kept, milliseconds. Absent in plans of earlier versions: for good. */
  readonly keepMs?: number;
  /** Key of the snapshot step whose dump comes back afterwards. */
  readonly spare?: string;
};

/** Of a restore of chosen tables. */
export type TablesInput = From & {
  /** Out of which they come; absent where they come out of a dump. */
  readonly staged?: string;
  /** The database as the plan saw it. */
  readonly oid: number;
  /** `seen`: digest of the definition that the plan saw. */
  readonly tables: readonly (TableWay & { readonly seen: string })[];
  /** How long is waited for others, milliseconds. */
  readonly endMs: number;
};

/** Of a restore in place. */
export type InPlaceInput = From & {
  /** The database as the plan saw it. */
  readonly oid: number;
  /** How long is waited for others, milliseconds. */
  readonly endMs: number;
};

export const snapshotInput = (job: Job): SnapshotInput => job.input as unknown as SnapshotInput;
export const tablesInput = (job: Job): TablesInput => job.input as unknown as TablesInput;
export const inPlaceInput = (job: Job): InPlaceInput => job.input as unknown as InPlaceInput;
export const makeRoomInput = (job: Job): MakeRoomInput => job.input as unknown as MakeRoomInput;
export const stageInput = (job: Job): StageInput => job.input as unknown as StageInput;
export const swapInput = (job: Job): SwapInput => job.input as unknown as SwapInput;

export function capturedOf({ captured, options }: Job): CapturedDatabase {
  if (captured !== undefined) return captured.data;
  throw new BackoutError("ARTIFACT_MISSING", `${options.database ?? "the database"}: nothing was captured`, {
    effect: "none",
  });
}
