import { join } from "node:path/posix";
import type { DriverContext, Settlement, StepContext } from "../../core/driver.js";
import type { Options } from "./options.js";
import { capturedOf, type Job } from "./step-input.js";

/** In `snapshots`, by the key of the step that wrote it, so that it is found again. */
export function keptPath(
  { host }: Pick<DriverContext, "host">,
  { snapshots }: Pick<Options, "snapshots">,
  { database, key, ending }: { readonly database: string; readonly key: string; readonly ending: string },
): string {
  const name = `${database}-${key}`.replace(/[^A-Za-z0-9._-]+/g, "-");
  return host.files.resolve(join(snapshots, `${name}.${ending}`));
}

export const keptFile = (job: Job, context: StepContext, ending: string, key = context.key): string =>
  keptPath(context, job.options, { database: capturedOf(job).database.name, key, ending });

export async function makeSnapshots(
  { snapshots }: Pick<Options, "snapshots">,
  { host: { files } }: Pick<DriverContext, "host">,
): Promise<void> {
  const folder = files.resolve(snapshots);
  if ((await files.stat(folder)) === undefined) await files.makeDirectory(folder, 0o700);
}

/** It has its name only when it is whole. `write` fills the file that it is given; what fails leaves nothing. */
export async function writeKept(
  file: string,
  job: Job,
  context: StepContext,
  write: (part: string) => Promise<unknown>,
): Promise<void> {
  const { files } = context.host;
  await makeSnapshots(job.options, context);
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
