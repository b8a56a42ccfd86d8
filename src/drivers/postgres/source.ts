import type { StepContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { CapturedDatabase } from "./captured-database.js";
import { dumpFolder } from "./dump-folder.js";
import { keptFile } from "./kept-file.js";
import { checkDumps, dumpPath, type KeptState, readNote } from "./kept-state.js";
import { capturedOf, type Job } from "./step-input.js";

/** What comes back: out of the checkpoint, or what a snapshot step has kept. */
export interface Source {
  readonly identity: string;
  readonly data: CapturedDatabase;
  /** Where it was kept. */
  readonly kept?: { readonly note: string; readonly state: KeptState };
}

/** `from`: the key of the snapshot step whose dump comes back; absent for the checkpoint. */
export async function sourceOf(job: Job, from: string | undefined, context: StepContext): Promise<Source> {
  if (from === undefined) return { identity: job.captured?.identity ?? "", data: capturedOf(job) };
  const note = keptFile(job, context, "json", from);
  const state = await readNote(note, context);
  if (state !== undefined) return { identity: state.identity, data: state.data, kept: { note, state } };
  throw new BackoutError("ARTIFACT_MISSING", `${note}: is gone, so there is nothing to bring back`, {
    ...{ effect: "none", hint: "restore a checkpoint instead" },
  });
}

/** For pg_restore: a folder or a file, compared with its digest. */
export async function dumpOf({ data, kept }: Source, context: StepContext): Promise<string> {
  if (kept === undefined) return dumpFolder(data, context);
  await checkDumps(kept.note, kept.state, context);
  return dumpPath(kept.note, kept.state.dumps[0]?.file ?? "");
}
