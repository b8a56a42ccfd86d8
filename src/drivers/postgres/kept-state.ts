import { basename, dirname, join } from "node:path/posix";
import type { DriverContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { CapturedDatabase } from "./captured-database.js";
import type { ForeignKey } from "./surroundings.js";

/** A dump beside the note: of the whole database, or of these tables. */
export type KeptDump = { readonly file: string; readonly tables: readonly string[] };

/** What a snapshot step keeps: dumps, and beside them all that bringing them back needs, as a checkpoint has it. */
export type KeptState = {
  readonly format: 1;
  readonly identity: string;
  readonly summary: string;
  /** When it was dumped, milliseconds since the epoch. */
  readonly at: number;
  /** Key of the step, and until when it is kept. Absent in notes of earlier versions, which are kept for good. */
  readonly key?: string;
  readonly until?: number;
  /** Of chosen tables alone where the step was about those. Its `dump.files` are the dumps, with their digests. */
  readonly data: CapturedDatabase;
  readonly dumps: readonly KeptDump[];
  /** Chosen tables that were not there. */
  readonly absent: readonly string[];
  /** From or to the chosen tables. */
  readonly foreignKeys: readonly ForeignKey[];
};

type Looking = Pick<DriverContext, "host">;

/** Written last: without it the dumps beside it count for nothing. */
export const writeNote = (note: string, kept: KeptState, { host }: Looking): Promise<void> =>
  host.files.write(note, `${JSON.stringify(kept)}\n`, { mode: 0o600 });

/** `undefined` where there is none. */
export async function readNote(note: string, { host }: Looking): Promise<KeptState | undefined> {
  if ((await host.files.stat(note)) === undefined) return undefined;
  const text = Buffer.from(await host.files.read(note)).toString();
  let read: Partial<KeptState> | null;
  try {
    read = JSON.parse(text) as Partial<KeptState> | null;
  } catch {
    throw damaged(note, "cannot be read");
  }
  if (read?.data === undefined || !Array.isArray(read.dumps)) throw damaged(note, "is not a note of a dump");
  if (read.format === 1) return read as KeptState;
  throw damaged(note, `has the format "${String(read.format)}", which this version does not know`);
}

/** Of all that earlier restores have kept; one that cannot be read is said, and left out. */
export async function allNotes(
  snapshots: string,
  { host, log }: Pick<DriverContext, "host" | "log">,
): Promise<{ readonly note: string; readonly state: KeptState }[]> {
  const folder = host.files.resolve(snapshots);
  if ((await host.files.stat(folder)) === undefined) return [];
  const found: { note: string; state: KeptState }[] = [];
  for (const { name } of await host.files.list(folder)) {
    if (!name.endsWith(".json")) continue;
    const note = join(folder, name);
    try {
      const state = await readNote(note, { host });
      if (state !== undefined) found.push({ note, state });
    } catch (error) {
      if (!(error instanceof BackoutError)) throw error;
      log(error.message);
    }
  }
  return found;
}

/** Throws where a dump is gone or is not the one that was kept: every byte is read. */
export async function checkDumps(
  note: string,
  { data, dumps }: KeptState,
  { host: { files } }: Looking,
): Promise<void> {
  for (const { file } of dumps) {
    const path = dumpPath(note, file);
    if ((await files.stat(path)) === undefined) throw damaged(path, "is gone");
    const digest = await files.digest(path);
    if (digest !== data.dump.files[file]) throw damaged(path, "is not the dump that was kept");
  }
}

export const dumpPath = (note: string, file: string): string => join(dirname(note), basename(file));

const damaged = (path: string, what: string): BackoutError =>
  new BackoutError("REFUSED", `${path}: ${what}`, {
    ...{ effect: "none", hint: "restore a checkpoint instead" },
  });
