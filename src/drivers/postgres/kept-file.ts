import { join } from "node:path/posix";
import type { Settlement, StepContext } from "../../core/driver.js";
import { capturedOf, type Job } from "./step-input.js";

/** In `snapshots`, by the step's key, so that it is found again. */
export function keptFile(job: Job, context: StepContext, ending: string): string {
  const name = `${capturedOf(job).database.name}-${context.key}`.replace(/[^A-Za-z0-9._-]+/g, "-");
  return context.host.files.resolve(join(job.options.snapshots, `${name}.${ending}`));
}

/** It has its name only when it is whole. `write` fills the file that it is given; what fails leaves nothing. */
export async function writeKept(
  file: string,
  job: Job,
  { host: { files } }: StepContext,
  write: (part: string) => Promise<unknown>,
): Promise<void> {
  const folder = files.resolve(job.options.snapshots);
  if ((await files.stat(folder)) === undefined) await files.makeDirectory(folder, 0o700);
  const part = `${file}.part`;
  try {
    await files.write(part, "", { mode: 0o600 });
    await write(part);
  } catch (error) {
    await files.remove(part);
    throw error;
  }
  await files.rename(part, file);
}

export async function settleKept(file: string, { host: { files } }: StepContext): Promise<Settlement> {
  if ((await files.stat(file)) !== undefined) return { state: "applied", summary: `${file} is there` };
  return (await files.stat(`${file}.part`)) === undefined
    ? { state: "not-applied", summary: `${file} is not there` }
    : { state: "partial", summary: `${file} is written in part` };
}
