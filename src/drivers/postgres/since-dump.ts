import { withConnection } from "../../clients/postgres/connection.js";
import { serverOf } from "../../clients/postgres/connection-options.js";
import type { StepContext } from "../../core/driver.js";
import { keptFile } from "./kept-file.js";
import { readNote } from "./kept-state.js";
import { type Loss, lostSince } from "./losses.js";
import type { Job } from "./step-input.js";

/** Where the step `snapshot` of the same run and target has noted what was there. */
export const snapshotNote = (job: Job, context: StepContext): string =>
  keptFile(job, context, "json", `${context.key.slice(0, -job.operation.length)}snapshot`);

/** What was written after the dump, until now, is neither in it nor in what comes back: it is named. Never a reason to fail. */
export async function tellSinceDump(job: Job, context: StepContext): Promise<void> {
  try {
    const state = await readNote(snapshotNote(job, context), context);
    if (state === undefined) return;
    const { data } = state;
    const all = await withConnection(serverOf(job.options), context, (own) => lostSince(own, data), {
      statementMs: 5_000,
    });
    const only = job.operation === "restore-tables" ? Object.keys(data.content.tables) : undefined;
    const each = all.filter(({ what }) => only?.includes(what) ?? true).map(shown);
    if (each.length > 0) context.log(`written since the dump, and in neither: ${each.join("; ")}`);
  } catch (error) {
    context.signal.throwIfAborted();
    context.log(`what was written since the dump was not counted: ${String(error)}`);
  }
}

function shown({ what, inserted = 0, updated = 0, deleted = 0 }: Loss): string {
  const counts = Object.entries({ inserted, updated, deleted }).filter(([, rows]) => rows > 0);
  return `${what}: ${counts.map(([how, rows]) => `${rows} ${how}`).join(", ") || "not countable"}`;
}
