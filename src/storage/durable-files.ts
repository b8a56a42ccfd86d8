import { open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { readDigest } from "../core/content-digest.js";
import { fileError } from "../core/file-error.js";

/** Failures on backout's own state, in the project's words. */
export async function onState<T>(path: string, doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw fileError(error, path, doing, { denied: "STATE_UNWRITABLE" });
  }
}

/** A file's data, or a folder's names, are on the disk when this returns. */
export async function flush(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export async function writeFlushed(path: string, data: string | Uint8Array): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    await file.writeFile(data);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** The file is the old or the new one, whole, whenever the machine stops. */
export async function replaceFlushed(path: string, data: string): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}`);
  await rm(temporary, { force: true });
  try {
    await writeFlushed(temporary, data);
    await rename(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
  await flush(dirname(path));
}

export async function fileDigest(path: string): Promise<string> {
  const file = await open(path);
  try {
    return await readDigest(async (part) => (await file.read(part, 0, part.length)).bytesRead);
  } finally {
    await file.close();
  }
}
