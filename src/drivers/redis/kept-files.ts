import { join } from "node:path/posix";
import type { DriverContext } from "../../core/driver.js";
import type { Options } from "./options.js";

const slug = (text: string): string => text.replace(/[^A-Za-z0-9._-]+/g, "-");

export async function makeKept({ kept }: Options, { host }: DriverContext): Promise<string> {
  const folder = host.files.resolve(kept);
  if ((await host.files.stat(folder)) === undefined) await host.files.makeDirectory(folder, 0o700);
  return folder;
}

const at = ({ kept }: Options, { host }: DriverContext, name: string): string =>
  join(host.files.resolve(kept), name);

/** The snapshot that the `preserve` step with this key keeps. */
export const keptRdb = (options: Options, context: DriverContext, key: string): string =>
  at(options, context, `${slug(key)}.rdb`);

/** What an undo brought back, by its identity: to compare with afterwards. */
export const keptIndex = (options: Options, context: DriverContext, identity: string): string =>
  at(options, context, `${slug(identity)}.index`);

export const flushNote = (options: Options, context: DriverContext): string =>
  at(options, context, `flushed-${slug(context.name)}.json`);

export type Progress = "not-begun" | "begun" | "done";

type StepNaming = DriverContext & { readonly key: string };

const noteOf = (options: Options, context: StepNaming, what: "begun" | "done"): string =>
  at(options, context, `${slug(context.key)}.${what}`);

/** How far a step came, whatever the server has been through since. */
export async function progressOf(options: Options, context: StepNaming): Promise<Progress> {
  for (const what of ["done", "begun"] as const) {
    if ((await context.host.files.stat(noteOf(options, context, what))) !== undefined) return what;
  }
  return "not-begun";
}

/** Before the first write. */
export async function noteBegun(options: Options, context: StepNaming): Promise<void> {
  await makeKept(options, context);
  await context.host.files.write(noteOf(options, context, "begun"), "", { mode: 0o600 });
}

export async function noteDone(options: Options, context: StepNaming, summary: string): Promise<void> {
  await makeKept(options, context);
  await context.host.files.write(noteOf(options, context, "done"), summary, { mode: 0o600 });
  await context.host.files.remove(noteOf(options, context, "begun"));
}

export async function doneSummary(options: Options, context: StepNaming): Promise<string> {
  return Buffer.from(await context.host.files.read(noteOf(options, context, "done"))).toString();
}
