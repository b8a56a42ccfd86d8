import type { Outcome, Settlement, StepContext, StepJob } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { Files } from "../../core/ports.js";
import type { Data } from "./capture.js";
import { type Content, readContent } from "./content.js";
import { countLoss } from "./count-loss.js";
import { type Database, journalModeOf, openLive, openToWrite } from "./database.js";
import { livePath, liveStat, sideFiles } from "./live-file.js";
import type { Options } from "./options.js";
import { isDamage, isInUse, sqliteError } from "./sqlite-error.js";
import { dataOf, inputOf } from "./stage.js";
import { undoInput } from "./undo-input.js";
import { usersOfFile } from "./users-of-file.js";

type Job = StepJob<Options, Data>;

const lockWaitMs = 2000;
const quiesce =
  "stop what uses it, or give the target that uses it `uses:` with this one, so that it is quiesced";

interface Places {
  readonly live: string;
  readonly staged: string;
  readonly replaced: string;
}

async function placesOf(job: Job, context: StepContext): Promise<Places> {
  const live = await livePath(context.host.files, job.options.file);
  return { live, staged: `${live}${inputOf(job).suffix}`, replaced: `${live}${keptSuffix(context.key)}` };
}

/** Of the file that the step with this key replaces. */
export const keptSuffix = (key: string): string => `.replaced-${key.replace(/[^A-Za-z0-9._-]+/g, "-")}`;

/**
 * The live name always leads to a whole database: the old file gets a second name, then one rename puts the staged one
 * in its place. Everything before that rename leaves the live content as it was.
 */
export async function applySwap(job: Job, context: StepContext): Promise<Outcome> {
  const { files } = context.host;
  const places = await placesOf(job, context);
  const { live, staged, replaced } = places;
  if ((await files.stat(staged)) === undefined) {
    const { state, summary } = await settleSwap(job, context);
    if (state === "applied") return { summary, changed: false };
    throw new BackoutError("CONFLICT", `${staged}: is gone, so there is nothing to swap in`, {
      effect: "none",
      hint: "plan again: that stages a new copy",
    });
  }
  const found = await liveStat(files, live);
  if (found === undefined) {
    await moveSideFiles(files, live, replaced);
    await files.rename(staged, live);
    return { summary: `${live} is back; there was none to keep`, changed: true };
  }
  await refuseWhileOpen(files, live);
  const alone = await lockAlone(live);
  let loses: Outcome["loses"];
  try {
    loses = alone && (await countLoss(alone.lock, staged, job, context));
    await keepAs(replaced, found.size, live, context);
    await moveSideFiles(files, live, replaced);
    await files.rename(staged, live);
  } finally {
    alone?.lock.close();
  }
  if (alone?.journalMode === "wal") await keepLogged(replaced, context);
  context.log(`${live}: the replaced file is kept as ${replaced}`);
  return {
    summary: `${live} is back; the replaced one is ${replaced}`,
    changed: true,
    data: { replaced },
    ...(loses === undefined ? {} : { loses }),
  };
}

/** The replaced file is again as its users had it. Without that it is whole all the same. */
async function keepLogged(replaced: string, context: StepContext): Promise<void> {
  try {
    const database = await openToWrite(replaced, lockWaitMs);
    try {
      database.exec("PRAGMA journal_mode = WAL");
    } finally {
      database.close();
    }
  } catch (error) {
    context.log(`${replaced}: its journal mode is "delete" now, it was "wal": ${String(error)}`);
  }
}

export async function settleSwap(job: Job, context: StepContext): Promise<Settlement> {
  const { files } = context.host;
  const { live, staged, replaced } = await placesOf(job, context);
  if ((await files.stat(staged)) !== undefined) {
    const moved = await Promise.all(sideFiles.map((side) => files.stat(`${replaced}${side}`)));
    return moved.some((one) => one !== undefined)
      ? { state: "partial", summary: `${live} is still the old one, its journal is moved to ${replaced}` }
      : { state: "not-applied", summary: `${live} is still the old one` };
  }
  const kept = (await files.stat(replaced)) !== undefined;
  const now = await contentOf(live, context);
  const then = wantedContent(job);
  if (now?.identity === then.identity)
    return { state: "applied", summary: `${live} holds what was to come back` };
  if (kept && now?.schema === then.schema) {
    return { state: "applied", summary: `${live} was swapped and has been written to since` };
  }
  return kept
    ? { state: "unknown", summary: `${live}: neither what was to come back nor a staged copy is there` }
    : { state: "not-applied", summary: `${live} was not swapped, and the staged copy is gone` };
}

const wantedContent = (job: Job): Content => undoInput(job)?.holds ?? dataOf(job).content;

async function contentOf(path: string, context: StepContext): Promise<Content | undefined> {
  if ((await liveStat(context.host.files, path)) === undefined) return undefined;
  try {
    const database = await openLive(path);
    try {
      return await readContent(database, context);
    } finally {
      database.close();
    }
  } catch (error) {
    if (isDamage(error)) return undefined;
    throw sqliteError(error, path);
  }
}

async function refuseWhileOpen(files: Files, live: string): Promise<void> {
  for (const name of [live, `${live}-wal`]) {
    const users = await usersOfFile(files, name);
    if (users.length === 0) continue;
    throw new BackoutError("CONFLICT", `${live}: is open in process ${users.join(", ")}`, {
      effect: "none",
      hint: quiesce,
    });
  }
}

/**
 * Writes the log back into the old file, so that no log is left that could be applied to the new one, then keeps every
 * other program out. `undefined` where the old file is too damaged to be locked.
 */
async function lockAlone(live: string): Promise<{ lock: Database; journalMode: string } | undefined> {
  let database: Database | undefined;
  try {
    database = await openToWrite(live, lockWaitMs);
    const journalMode = journalModeOf(database);
    database.exec("PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE;");
    if (journalModeOf(database) !== "delete") {
      throw new BackoutError("CONFLICT", `${live}: somebody opened it meanwhile`, {
        effect: "none",
        hint: quiesce,
      });
    }
    return { lock: database, journalMode };
  } catch (error) {
    database?.close();
    if (isDamage(error)) return undefined;
    if (!isInUse(error)) throw sqliteError(error, live);
    throw new BackoutError("CONFLICT", `${live}: another program is using it`, {
      effect: "none",
      hint: quiesce,
      cause: error,
    });
  }
}

/** A second name for the old file: no copy, no moment without it. */
async function keepAs(replaced: string, size: number, live: string, context: StepContext): Promise<void> {
  const { files } = context.host;
  const there = await files.stat(replaced);
  if (there !== undefined) {
    const now = await files.stat(live);
    if (there.size === (now?.size ?? size) && there.modified === now?.modified) return;
    throw new BackoutError("CONFLICT", `${replaced}: exists already and is another file`, {
      effect: "none",
      hint: `move it away; it may hold what an earlier attempt replaced`,
    });
  }
  const linked = await context.host.exec({ argv: ["ln", live, replaced], signal: context.signal });
  if (linked.exitCode === 0) return;
  throw new BackoutError(
    "COMMAND_FAILED",
    `${replaced}: no second name for the old file: ${linked.stderr.trim()}`,
    {
      effect: "none",
      hint: "the file system must support hard links",
    },
  );
}

/** A log or journal of the old file would be applied to the new one: it goes with the file it belongs to. */
async function moveSideFiles(files: Files, live: string, replaced: string): Promise<void> {
  for (const side of sideFiles) {
    if ((await files.stat(`${live}${side}`)) !== undefined) {
      await files.rename(`${live}${side}`, `${replaced}${side}`);
    }
  }
}
