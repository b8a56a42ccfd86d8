import { dirname } from "node:path/posix";
import type { Outcome, Settlement, StepContext, StepJob } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { Files } from "../../core/ports.js";
import type { Data } from "./capture.js";
import { faultsOf, readContent } from "./content.js";
import { copyDatabase, openFrozen } from "./database.js";
import { livePath, liveStat, sideFiles } from "./live-file.js";
import type { Options } from "./options.js";
import type { Input } from "./plan.js";
import { isDamage, sqliteError } from "./sqlite-error.js";

type Job = StepJob<Options, Data>;

export const inputOf = (job: Job): Input => job.input as unknown as Input;

export function dataOf(job: Job): Data {
  if (job.captured !== undefined) return job.captured.data;
  throw new BackoutError("ARTIFACT_MISSING", `${job.options.file}: nothing was captured`, { effect: "none" });
}

/** The finished copy gets its name only after it was compared: a file of that name is whole. */
export async function applyStage(job: Job, context: StepContext): Promise<Outcome> {
  const { files } = context.host;
  const { artifact, suffix } = inputOf(job);
  const live = await livePath(files, job.options.file);
  const current = await liveStat(files, live);
  const staged = `${live}${suffix}`;
  const data = dataOf(job);
  const copy = await context.artifacts.file(artifact);
  if ((await files.stat(staged)) !== undefined) {
    if ((await difference(staged, data, context)) === undefined) {
      return { summary: `${staged} is there already`, changed: false };
    }
    await files.remove(staged);
  }
  const part = `${staged}.part`;
  await removeAll(files, part);
  await refuseWithoutRoom(files, live, data.bytes);
  try {
    const { mode, uid, gid } = current ?? data.owner;
    await files.write(part, "", { mode, uid, gid });
    await copyOver(copy, part, context);
    const wrong = await difference(part, data, context);
    if (wrong !== undefined) {
      throw new BackoutError("CHECK_FAILED", `${part}: the copy is not what was captured: ${wrong}`, {
        effect: "none",
      });
    }
  } catch (error) {
    await removeAll(files, part);
    throw sqliteError(error, part);
  }
  await files.rename(part, staged);
  return { summary: `${staged} holds the captured state`, changed: true, data: { staged } };
}

export async function settleStage(job: Job, context: StepContext): Promise<Settlement> {
  const { files } = context.host;
  const staged = `${await livePath(files, job.options.file)}${inputOf(job).suffix}`;
  if ((await files.stat(staged)) !== undefined) return { state: "applied", summary: `${staged} is there` };
  if ((await files.stat(`${staged}.part`)) !== undefined) {
    return { state: "partial", summary: `${staged} is copied in part` };
  }
  return { state: "not-applied", summary: `${staged} is not there` };
}

async function removeAll(files: Files, path: string): Promise<void> {
  for (const side of ["", ...sideFiles]) await files.remove(`${path}${side}`);
}

async function refuseWithoutRoom(files: Files, live: string, bytes: number): Promise<void> {
  const free = await files.freeBytes(dirname(live));
  const needed = bytes + 16 * 2 ** 20;
  if (free >= needed) return;
  throw new BackoutError(
    "STATE_FULL",
    `${dirname(live)}: ${free} bytes are free, a second copy needs ${needed}`,
    {
      effect: "none",
      hint: "free some space (`df -h` shows where), then try again",
    },
  );
}

async function copyOver(copy: string, part: string, context: StepContext): Promise<void> {
  const from = await openFrozen(copy);
  try {
    await copyDatabase(from, part, (done, total) => {
      context.signal.throwIfAborted();
      context.progress(`${done} of ${total} pages`);
    });
  } finally {
    from.close();
  }
}

/** What is wrong with a copy; `undefined` where it is sound and holds what was captured. */
async function difference(path: string, data: Data, context: StepContext): Promise<string | undefined> {
  try {
    const database = await openFrozen(path);
    try {
      const [fault] = faultsOf(database);
      if (fault !== undefined) return fault;
      const { identity } = await readContent(database, context);
      return identity === data.content.identity ? undefined : `its content has "${identity}"`;
    } finally {
      database.close();
    }
  } catch (error) {
    if (isDamage(error)) return "it cannot be read";
    throw error;
  }
}
