import type { CaptureContext, Captured } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { brokenReferences, type Content, faultsOf, readContent, summaryOf } from "./content.js";
import { copyDatabase, journalModeOf, openFrozen, openLive } from "./database.js";
import { livePath, presentFile } from "./live-file.js";
import type { Options } from "./options.js";
import { type RestingFile, restingFile } from "./resting-file.js";
import { sqliteError } from "./sqlite-error.js";

export const artifactName = "database.sqlite";

export type Data = {
  readonly content: Content;
  /** By table, as captured: SQLite does not enforce references by itself. */
  readonly brokenReferences: readonly string[];
  /** Of the copy. */
  readonly bytes: number;
  readonly journalMode: string;
  /** The live file while it was copied; null where it was written to, or had a log. Tells by its bytes that nothing changed. */
  readonly resting: RestingFile | null;
  /** Of the live file, for the case that it is gone when it is to be brought back. */
  readonly owner: { readonly mode: number; readonly uid: number; readonly gid: number };
};

/** A consistent copy while others write, by SQLite's online backup; everything else is read from the copy. */
export async function capture(options: Options, context: CaptureContext): Promise<Captured<Data>> {
  const { files } = context.host;
  const path = await livePath(files, options.file);
  const { mode, uid, gid } = await presentFile(files, path);
  const before = await restingFile(files, path);
  const captured = await captureFrom({ path, shown: path }, { mode, uid, gid }, context);
  const after = before && (await restingFile(files, path, before));
  const resting = after?.digest === before?.digest ? (after ?? null) : null;
  return { ...captured, data: { ...captured.data, resting } };
}

/** `shown`: what messages call it. */
export async function captureFrom(
  { path, shown }: { readonly path: string; readonly shown: string },
  owner: Data["owner"],
  context: CaptureContext,
): Promise<Captured<Data>> {
  const copy = context.artifacts.scratch(artifactName);
  await context.host.files.write(copy, "", { mode: 0o600 });
  const journalMode = await copyLive(path, shown, copy, context);
  const read = await readCopy(copy, shown, context);
  const { content } = read;
  const { bytes } = await context.artifacts.add(artifactName);
  return {
    identity: content.identity,
    summary: summaryOf(content),
    data: { ...read, bytes, journalMode, resting: null, owner },
  };
}

async function copyLive(path: string, shown: string, copy: string, context: CaptureContext): Promise<string> {
  try {
    const live = await openLive(path);
    try {
      const journalMode = journalModeOf(live);
      // In one snapshot: without it, SQLite begins anew whenever somebody writes, and may never end.
      const begun = context.clock.monotonic();
      await copyDatabase(live, copy, (done, total) => {
        context.signal.throwIfAborted();
        context.progress(`${done} of ${total} pages`);
      });
      if (journalMode !== "wal") {
        const ms = Math.round(context.clock.monotonic() - begun);
        context.log(`${shown}: writers waited ${ms} ms, since its journal mode is "${journalMode}"`);
      }
      return journalMode;
    } finally {
      live.close();
    }
  } catch (error) {
    throw sqliteError(error, shown);
  }
}

async function readCopy(
  copy: string,
  path: string,
  context: CaptureContext,
): Promise<Pick<Data, "content" | "brokenReferences">> {
  try {
    const database = await openFrozen(copy);
    try {
      const faults = faultsOf(database);
      if (faults.length > 0) {
        throw new BackoutError(
          "REFUSED",
          `${path}: is damaged, so it is no state to come back to: ${faults[0]}`,
          {
            effect: "none",
            hint: `\`sqlite3 ${path} 'PRAGMA integrity_check'\` lists the damage`,
          },
        );
      }
      return { brokenReferences: brokenReferences(database), content: await readContent(database, context) };
    } finally {
      database.close();
    }
  } catch (error) {
    throw sqliteError(error, path);
  }
}
