import { accessSync, constants, lstatSync } from "node:fs";
import { join } from "node:path";
import { systemErrorCode } from "../core/file-error.js";
import type { RunJournal } from "../core/run/run-journal.js";
import { noRun } from "./fact-chain.js";
import { type Journal, openJournal } from "./journal.js";

/**
 * The journal of a state folder. Where there is none yet, and one could be made, the first call that writes makes it, and
 * reading finds nothing: whoever only looks leaves no file, and does not wait for SQLite.
 */
export async function journalWhenNeeded(folder: string): Promise<RunJournal> {
  const path = join(folder, "journal.db");
  if (!isMissing(path) || !mayWrite(folder)) return openJournal(folder);
  let opened: Promise<Journal> | undefined;
  const open = (): Promise<Journal> => {
    // What could not be opened is tried again: a full disk may have room by then.
    opened ??= openJournal(folder).catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  };
  /** Another process may have made it since. */
  const existing = async (): Promise<Journal | undefined> =>
    opened === undefined && isMissing(path) ? undefined : open();
  return {
    createRun: async (...run) => (await open()).createRun(...run),
    append: async (...facts) => (await open()).append(...facts),
    request: async (...request) => (await open()).request(...request),
    acquire: async (...lease) => (await open()).acquire(...lease),
    renew: async (...lease) => (await open()).renew(...lease),
    release: async (lease) => (await open()).release(lease),
    run: async (id) => (await existing())?.run(id) ?? noRun(id),
    brokenAt: async (id) => ((await existing()) ?? noRun(id)).brokenAt(id),
    runIds: async (...scope) => (await existing())?.runIds(...scope) ?? [],
    facts: async (...which) => (await existing())?.facts(...which) ?? [],
    requests: async (run) => (await existing())?.requests(run) ?? [],
    lease: async (scope) => (await existing())?.lease(scope),
    close: async () => (await opened)?.close(),
  };
}

function isMissing(path: string): boolean {
  try {
    lstatSync(path);
    return false;
  } catch (error) {
    return systemErrorCode(error) === "ENOENT";
  }
}

/** Also where there is no folder yet. */
function mayWrite(folder: string): boolean {
  try {
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    return true;
  } catch (error) {
    return systemErrorCode(error) === "ENOENT";
  }
}
