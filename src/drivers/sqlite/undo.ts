import type { CapturedPart, DoneStep, DoneWork, ObserveContext, UndoDriver } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { artifactName, type Data } from "./capture.js";
import type { Loss } from "./compare-tables.js";
import { type Content, faultsOf, readContent, summaryOf, totalRows } from "./content.js";
import { openFrozen, openLive } from "./database.js";
import { livePath, liveStat, presentFile } from "./live-file.js";
import { observe as observeNow, type Seen } from "./observe.js";
import type { Options } from "./options.js";
import { countable, swapMs } from "./plan.js";
import { sound } from "./prove.js";
import { isDamage, sqliteError } from "./sqlite-error.js";
import { keptSuffix } from "./swap.js";
import { type UndoSwapInput, undoInput } from "./undo-input.js";

type UndoSeen = {
  readonly state: Seen["state"];
  readonly rows: number;
  /** Written since the run. */
  readonly losses: readonly Loss[];
  /** What the run's swap had kept; null where it did not swap. */
  readonly kept: { readonly suffix: string; readonly bytes: number; readonly holds: Content } | null;
};

const refused = (message: string, hint: string): BackoutError =>
  new BackoutError("REFUSED", message, { effect: "none", hint });

const swapOf = (done: DoneWork<Data>): DoneStep | undefined =>
  done.steps.findLast(({ operation }) => operation === "swap");

async function keptFile(
  swap: DoneStep,
  done: DoneWork<Data>,
  options: Options,
  context: ObserveContext,
): Promise<NonNullable<UndoSeen["kept"]>> {
  const { files } = context.host;
  const suffix = keptSuffix(swap.key);
  const path = `${await livePath(files, options.file)}${suffix}`;
  const found = await liveStat(files, path);
  if (found === undefined) {
    const fact = done.left.identity === "missing" ? "there was no database before the run" : "is gone";
    throw refused(`${path}: ${fact}, so nothing can be put back`, "restore a checkpoint instead");
  }
  const holds = await soundContent(path, context);
  if (holds.identity !== done.left.identity && found.modified > swap.endedAt) {
    throw refused(`${path}: was altered after the run had kept it`, "look who wrote to it");
  }
  return { suffix, bytes: found.size, holds };
}

async function soundContent(path: string, context: ObserveContext): Promise<Content> {
  for (const side of ["-wal", "-journal"]) {
    if (((await context.host.files.stat(`${path}${side}`))?.size ?? 0) === 0) continue;
    throw refused(
      `${path}: is kept with "${path}${side}", which is not written into it yet`,
      `\`sqlite3 ${path} 'PRAGMA integrity_check'\` does that and says whether it is sound; then again`,
    );
  }
  try {
    const database = await openFrozen(path);
    try {
      const [fault] = faultsOf(database);
      if (fault === undefined) return await readContent(database, context);
      throw refused(`${path}: is damaged, as it was before the run or since: ${fault}`, "keep what is live");
    } finally {
      database.close();
    }
  } catch (error) {
    if (!isDamage(error)) throw sqliteError(error, path);
    throw refused(`${path}: is damaged, as it was before the run or since`, "keep what is live");
  }
}

/** The file that the run had brought in, compared with what is live now: what differs was written since. */
function broughtIn(swap: DoneStep, captured: CapturedPart<Data> | undefined): CapturedPart<Data> | undefined {
  const holds = undoInput(swap)?.holds;
  if (captured === undefined || holds === undefined) return captured;
  return {
    ...captured,
    identity: holds.identity,
    data: { ...captured.data, content: holds, resting: null },
  };
}

export const undo: UndoDriver<Options, Data, UndoSeen> = {
  async observe(done, options, context) {
    const swap = swapOf(done);
    const kept = swap === undefined ? null : await keptFile(swap, done, options, context);
    const before = swap && broughtIn(swap, done.captured);
    const { artifacts, ...without } = context;
    const same = before === done.captured && artifacts !== undefined;
    const now = await observeNow(options, same ? context : without, before);
    const { state, rows, losses } = now.data;
    return {
      identity: now.identity,
      summary: now.summary,
      to: kept === null ? done.left : { identity: kept.holds.identity, summary: summaryOf(kept.holds) },
      data: { state, rows, losses, kept },
    };
  },
  plan({ done, observed, options }) {
    const { kept, state, rows, losses } = observed.data;
    const swap = swapOf(done);
    if (swap === undefined || kept === null || observed.identity === observed.to.identity) return [];
    const input: UndoSwapInput = {
      artifact: artifactName,
      suffix: kept.suffix,
      count: countable(rows + totalRows(kept.holds), kept.bytes),
      holds: kept.holds,
      since: undoInput(swap)?.holds ?? null,
    };
    const lost =
      state === "damaged"
        ? [{ what: options.file, basis: "not countable: the live file cannot be read; it is kept as it is" }]
        : losses;
    return [
      {
        operation: "swap",
        title: `swap the replaced ${options.file} in again by rename`,
        phase: "restore",
        exclusive: true,
        input,
        impact: {
          changes: [{ what: options.file, before: observed.summary, after: observed.to.summary }],
          ...(lost.length === 0 ? {} : { loses: lost }),
          interrupts: true,
        },
        expectedMs: swapMs,
      },
    ];
  },
  /** The system may be serving again, so that its rows may differ by what was written since. */
  async verify(to, options, context) {
    const path = await livePath(context.host.files, options.file);
    await presentFile(context.host.files, path);
    try {
      const live = await openLive(path);
      try {
        const check = sound(`${path}: integrity`, faultsOf(live));
        const { identity } = await readContent(live, context);
        const message = identity === to.identity ? "content is as it was left" : "written to since";
        return [{ ...check, message: [check.message, message].filter(Boolean).join("; ") }];
      } finally {
        live.close();
      }
    } catch (error) {
      if (!isDamage(error)) throw sqliteError(error, path);
      return [sound(`${path}: integrity`, [error instanceof Error ? error.message : "unreadable"])];
    }
  },
};
