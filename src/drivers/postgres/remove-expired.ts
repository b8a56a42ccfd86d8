import type { DriverContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { keptPath } from "./kept-file.js";
import { allNotes, dumpPath, type KeptState } from "./kept-state.js";
import type { Options } from "./options.js";

interface Kept {
  readonly note: string;
  readonly state: KeptState;
  readonly until: number;
}

/**
 * Dumps from before earlier restores of this database whose time is over. Only where name and note both say that they are
 * ours; those of earlier versions, whose notes do not say until when, stay.
 */
export async function expiredDumps(
  options: Options,
  database: string,
  context: Pick<DriverContext, "host" | "clock" | "log">,
): Promise<Kept[]> {
  const now = context.clock.now();
  return (await allNotes(options.snapshots, context)).flatMap(({ note, state }) => {
    const { key, until, data, dumps } = state;
    if (key === undefined || until === undefined || until >= now) return [];
    const named = (ending: string): string =>
      keptPath(context, options, { database: data.database.name, key, ending });
    const places = ["dump", "anew.dump"].map(named);
    const ours =
      data.database.name === database &&
      note === named("json") &&
      dumps.every(({ file }) => places.includes(dumpPath(note, file)));
    return ours ? [{ note, state, until }] : [];
  });
}

/** Never those of the run at work, nor `spare`, the key of the step whose dump comes back. The note goes last: without it nobody would find the rest. */
export async function removeExpired(
  options: Options,
  database: string,
  context: Pick<DriverContext, "host" | "clock" | "log"> & { readonly key: string },
  spare?: string,
): Promise<void> {
  const runOf = (key: string): string => key.split("/")[0] ?? key;
  for (const { note, state } of await expiredDumps(options, database, context)) {
    const { key = "", dumps } = state;
    if (key === spare || runOf(key) === runOf(context.key)) continue;
    const files = [...dumps.map(({ file }) => dumpPath(note, file)), note];
    try {
      for (const file of files) await context.host.files.remove(file);
      context.log(
        `${files.join(", ")}: kept from an earlier restore of ${database}, its time is over, deleted`,
      );
    } catch (error) {
      // No reason for a rollback to fail.
      if (!(error instanceof BackoutError)) throw error;
      context.log(`${note}: its time is over, but it cannot be deleted: ${error.message}`);
    }
  }
}
