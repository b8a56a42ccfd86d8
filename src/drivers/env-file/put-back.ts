import type { Outcome, Settlement, StepContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { absent, digestOf, type FileState, identityOf, readState, shortDigest } from "./file-state.js";
import type { EnvFileJob } from "./restore.js";

/** What the file is to be again, read out of an identity; undefined for `absent`. */
export function accessIn(identity: string): Pick<FileState, "digest" | "mode" | "uid" | "gid"> | undefined {
  const parts = /^(sha256:[0-9a-f]+), mode ([0-7]+), owner (\d+):(\d+)$/.exec(identity);
  if (parts === null) return undefined;
  const [, digest = "", mode = "", uid, gid] = parts;
  return { digest, mode: Number.parseInt(mode, 8), uid: Number(uid), gid: Number(gid) };
}

const textOf = ({ input }: EnvFileJob, name: string): string => String(input[name] ?? "");

async function identityNow(job: EnvFileJob, context: StepContext): Promise<[string, FileState | undefined]> {
  const state = await readState(job.options.file, context);
  return [state === undefined ? absent : identityOf(state), state];
}

/** Puts a copy that an earlier run kept in the file's place, with the mode and owner that the file had. */
export async function putBack(job: EnvFileJob, context: StepContext): Promise<Outcome> {
  const { file } = job.options;
  const [now, present] = await identityNow(job, context);
  const wanted = textOf(job, "after");
  if (now === wanted) return { summary: `${file} is as it was`, changed: false };
  if (now !== textOf(job, "before")) {
    throw new BackoutError("CONFLICT", `${file}: was changed after the plan was made, it is now "${now}"`, {
      effect: "none",
      hint: "look who changes it, then plan again",
    });
  }
  const access = accessIn(wanted);
  const copy = textOf(job, "copy");
  const bytes = await context.host.files.read(copy);
  if (access === undefined || digestOf(bytes) !== access.digest) {
    throw new BackoutError("REFUSED", `${copy}: was altered since it was kept`, {
      effect: "none",
      hint: "look who changes it",
    });
  }
  const { mode, uid, gid } = access;
  // An owner is set only where it differs, since only root may.
  const owner = present?.uid === uid && present.gid === gid ? {} : { uid, gid };
  await context.host.files.write(file, bytes, { mode, ...owner });
  return { summary: `${file} → ${shortDigest(access.digest)} again`, changed: true };
}

/** The write is a single one: there is no half-way. */
export async function settlePutBack(job: EnvFileJob, context: StepContext): Promise<Settlement> {
  const { file } = job.options;
  const [now] = await identityNow(job, context);
  if (now === textOf(job, "after")) return { state: "applied", summary: `${file} is as it was` };
  if (now === textOf(job, "before")) return { state: "not-applied", summary: `${file} is still as before` };
  return { state: "unknown", summary: `${file} is neither as before nor as it was: "${now}"` };
}
