import type { Outcome, Settlement, StepContext, StepJob } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { Files } from "../../core/ports.js";
import type { Data } from "./capture.js";
import type { Options } from "./options.js";
import { digestRelease, releasePath } from "./release-link.js";

type Job = StepJob<Options, Data>;

interface SwitchInput {
  readonly from: string | null;
  readonly to: string;
  readonly release: string;
  readonly digest: string;
}

const inputOf = ({ input }: Job): SwitchInput => input as unknown as SwitchInput;

/** Undefined where there is no link, null where something else is in its place. */
async function linkAt(files: Files, path: string): Promise<string | null | undefined> {
  const found = await files.stat(path);
  if (found === undefined) return undefined;
  return found.kind === "link" ? files.readLink(path) : null;
}

/** One rename puts a new link over the old: nobody sees a moment without. The failed release stays on disk. */
export async function applySwitch(job: Job, context: StepContext): Promise<Outcome> {
  const { files } = context.host;
  const { options } = job;
  const { from, to, release, digest } = inputOf(job);
  const at = files.resolve(options.current);
  const now = await linkAt(files, at);
  if (now === to) return { summary: `${at} → ${to} already`, changed: false };
  if ((now ?? null) !== from || now === null) {
    const seen = now === undefined ? "is gone" : now === null ? "is no link" : `points to "${now}"`;
    throw new BackoutError("CONFLICT", `${at}: ${seen}, but "${from ?? "no link"}" was planned for`, {
      effect: "none",
      hint: "somebody else has switched it: plan again",
    });
  }
  const present = await digestRelease(files, options, release);
  if (present !== digest) {
    const path = releasePath(files, options, release);
    const fact = present === undefined ? "is not on disk" : `has digest "${present}" instead of "${digest}"`;
    throw new BackoutError("REFUSED", `${path}: ${fact}, so it is not switched to`, {
      effect: "none",
      hint: `deploy "${release}" into that folder again, then plan once more`,
    });
  }
  await files.replaceLink(at, to);
  return { summary: `${at} → ${to}`, changed: true, data: { before: from, after: to } };
}

export async function settleSwitch(job: Job, context: StepContext): Promise<Settlement> {
  const { files } = context.host;
  const { from, to } = inputOf(job);
  const at = files.resolve(job.options.current);
  const now = await linkAt(files, at);
  if (now === to) return { state: "applied", summary: `${at} → ${to}` };
  if (now !== null && (now ?? null) === from) {
    return { state: "not-applied", summary: from === null ? `${at} is still gone` : `${at} → ${from} still` };
  }
  return {
    state: "unknown",
    summary: `${at}: ${now === null ? "is no link" : `points to "${now ?? "nothing"}"`}`,
  };
}
