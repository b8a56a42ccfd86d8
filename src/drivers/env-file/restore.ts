import { basename, dirname, join } from "node:path";
import type { CapturedPart, Outcome, Settlement, StepContext, StepJob } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { wantedBytes } from "./captured-bytes.js";
import {
  absent,
  digestOf,
  type EnvFileData,
  type FileState,
  identityOf,
  octal,
  readState,
  shortDigest,
} from "./file-state.js";
import type { EnvFileOptions } from "./options.js";

export type EnvFileJob = StepJob<EnvFileOptions, EnvFileData>;

const identity = (state: FileState | undefined): string => (state === undefined ? absent : identityOf(state));

const keptOf = ({ input }: EnvFileJob): string[] =>
  Array.isArray(input["keep"]) ? input["keep"].filter((one): one is string => typeof one === "string") : [];

/** The run's name makes it the same on every attempt and another one in the next run. */
export function copyName(
  { options }: Pick<EnvFileJob, "options">,
  { host, key }: Pick<StepContext, "host" | "key">,
): string {
  const run = (key.split("/")[0] ?? key).replace(/[^\w.-]/g, "-");
  const file = host.files.resolve(options.file);
  return join(dirname(file), `${basename(file)}.replaced-${run}`);
}

export async function preserve(job: EnvFileJob, context: StepContext): Promise<Outcome> {
  const copy = copyName(job, context);
  if ((await context.host.files.stat(copy)) !== undefined)
    return { summary: `${copy} is there already`, changed: false };
  const state = await readState(job.options.file, context);
  if (state === undefined)
    return { summary: `${job.options.file} is missing, nothing to keep`, changed: false };
  await context.host.files.write(copy, state.bytes, { mode: 0o600 });
  return { summary: `kept as ${copy}`, changed: true, data: { copy } };
}

export async function settlePreserve(job: EnvFileJob, context: StepContext): Promise<Settlement> {
  const copy = copyName(job, context);
  const there = (await context.host.files.stat(copy)) !== undefined;
  return {
    state: there ? "applied" : "not-applied",
    summary: `${copy} ${there ? "exists" : "does not exist"}`,
  };
}

interface Way {
  readonly now: string;
  readonly present: FileState | undefined;
  readonly wanted: Uint8Array;
  /** Identity of the file once it is restored. */
  readonly after: string;
  readonly part: CapturedPart<EnvFileData>;
}

async function wayBack(job: EnvFileJob, context: StepContext): Promise<Way> {
  const { captured: part, options } = job;
  if (part === undefined) {
    throw new BackoutError("REFUSED", `${options.file}: nothing was captured of it`, { effect: "none" });
  }
  const present = await readState(options.file, context);
  const wanted = await wantedBytes(part, options, context, keptOf(job), present);
  const after = identityOf({ ...part.data, digest: digestOf(wanted) });
  return { now: identity(present), present, wanted, after, part };
}

export async function restore(job: EnvFileJob, context: StepContext): Promise<Outcome> {
  const { file } = job.options;
  const { now, present, wanted, after, part } = await wayBack(job, context);
  if (now === after) return { summary: `${file} is as captured`, changed: false };
  if (now !== job.input["before"]) {
    throw new BackoutError("CONFLICT", `${file}: was changed after the plan was made, it is now "${now}"`, {
      effect: "none",
      hint: "look who changes it, then plan again",
    });
  }
  const { mode, uid, gid } = part.data;
  // An owner is set only where it differs, since only root may.
  const owner = present?.uid === uid && present.gid === gid ? {} : { uid, gid };
  await context.host.files.write(file, wanted, { mode, ...owner });
  return { summary: `${file} → ${shortDigest(digestOf(wanted))}, mode ${octal(mode)}`, changed: true };
}

/** The write is a single one: there is no half-way. */
export async function settleRestore(job: EnvFileJob, context: StepContext): Promise<Settlement> {
  const { now, after } = await wayBack(job, context);
  const { file } = job.options;
  if (now === after) return { state: "applied", summary: `${file} is as captured` };
  if (now === job.input["before"]) return { state: "not-applied", summary: `${file} is as it was before` };
  return { state: "unknown", summary: `${file} is neither as it was nor as captured: "${now}"` };
}
