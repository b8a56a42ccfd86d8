import type { Files } from "../../core/ports.js";

/** Of the file's bytes, where they alone are the database. */
export type RestingFile = { readonly bytes: number; readonly digest: string };

/**
 * `undefined` where a log or journal beside the file has a say in what it holds. Never called while this process has the
 * file open: closing the file that was read for the digest would drop SQLite's locks on it.
 */
export async function restingFile(
  files: Files,
  path: string,
  wanted?: RestingFile,
): Promise<RestingFile | undefined> {
  for (const side of ["-wal", "-journal"]) {
    if (((await files.stat(`${path}${side}`))?.size ?? 0) > 0) return undefined;
  }
  const bytes = (await files.stat(path))?.size;
  if (bytes === undefined || (wanted !== undefined && wanted.bytes !== bytes)) return undefined;
  return { bytes, digest: await files.digest(path) };
}
