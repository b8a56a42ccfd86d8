import { createHash, randomBytes } from "node:crypto";
import { constants } from "node:fs";
import {
  chmod,
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  readlink,
  realpath,
  rename,
  rm,
  stat,
  statfs,
  symlink,
} from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { BackoutError } from "../core/errors.js";
import { fileError, systemErrorCode } from "../core/file-error.js";
import type { FilePart, FileStat, Files } from "../core/ports.js";
import { processExists } from "./process-identity.js";
import { temporaryName, treeDigest } from "./tree-digest.js";

/** `undefined` where there is nothing at the path. */
async function ifThere<T>(look: Promise<T>): Promise<T | undefined> {
  try {
    return await look;
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}

interface Kinds {
  isFile(): boolean;
  isDirectory(): boolean;
  isSymbolicLink(): boolean;
}

function kindOf(entry: Kinds): FileStat["kind"] {
  if (entry.isFile()) return "file";
  if (entry.isDirectory()) return "directory";
  return entry.isSymbolicLink() ? "link" : "other";
}

async function flushFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/**
 * A free name on the same file system as the path. What a killed backout left there for the same path is removed first,
 * since it may hold half a file of secrets.
 */
async function nameBeside(path: string): Promise<string> {
  const folder = dirname(path);
  const own = `.backout-${createHash("sha256").update(basename(path)).digest("hex").slice(0, 8)}`;
  for (const name of await readdir(folder)) {
    if (!name.startsWith(`${own}-`) || !temporaryName.test(name)) continue;
    if (!processExists(Number(name.split("-")[2]))) await rm(join(folder, name), { force: true });
  }
  return join(folder, `${own}-${process.pid}-${randomBytes(6).toString("hex")}.tmp`);
}

/** Puts whatever `make` creates at a name beside the path into its place: whole, or not at all. */
async function putInPlace(path: string, make: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = await nameBeside(path);
  try {
    await make(temporary);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
  await flushFolder(dirname(path));
}

interface WriteOptions {
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

async function writeWhole(path: string, data: string | Uint8Array, given: WriteOptions): Promise<void> {
  const old = await ifThere(stat(path));
  const link = old === undefined && (await ifThere(lstat(path)));
  if (link) {
    throw new BackoutError(
      "NOT_FOUND",
      `${path}: is a link to "${await readlink(path)}", which does not exist`,
      {
        effect: "none",
        hint: "create what the link points to, or remove the link",
      },
    );
  }
  if (old?.isDirectory()) throw Object.assign(new Error("is a folder"), { code: "EISDIR" });
  // The link stays a link: the file that it leads to is replaced.
  await putInPlace(old === undefined ? path : await realpath(path), async (temporary) => {
    const file = await open(temporary, "wx", 0o600);
    try {
      await file.writeFile(data);
      const mine = await file.stat();
      const uid = given.uid ?? old?.uid ?? mine.uid;
      const gid = given.gid ?? old?.gid ?? mine.gid;
      if (uid !== mine.uid || gid !== mine.gid) await file.chown(uid, gid);
      await file.chmod(given.mode ?? (old === undefined ? 0o666 & ~process.umask() : old.mode & 0o7777));
      await file.sync();
    } finally {
      await file.close();
    }
  });
}

async function replaceLink(path: string, target: string): Promise<void> {
  const old = await ifThere(lstat(path));
  if (old !== undefined && !old.isSymbolicLink()) {
    throw new BackoutError("CONFLICT", `${path}: is a ${kindOf(old)}, not a link, and is not replaced`, {
      effect: "none",
      hint: `move it away by hand if the link to "${target}" is to take its place`,
    });
  }
  await putInPlace(path, (temporary) => symlink(target, temporary));
}

async function makeDirectory(path: string, mode?: number): Promise<void> {
  const first = await mkdir(path, { recursive: true });
  if (first === undefined) return;
  if (mode !== undefined) await chmod(path, mode);
  await flushFolder(dirname(first));
}

/** Opened so that a pipe without a writer does not wait for one. */
async function readPart(path: string, from: number, length: number): Promise<FilePart> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const found = await handle.stat({ bigint: true });
    if (!found.isFile()) {
      throw new BackoutError("CONFLICT", `${path}: is a ${kindOf(found)}, not a plain file`, {
        effect: "none",
      });
    }
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, from);
    const file = `${found.dev}:${found.ino}:${found.birthtimeNs}`;
    return { data: buffer.subarray(0, bytesRead), file, size: Number(found.size) };
  } finally {
    await handle.close();
  }
}

async function freeBytes(path: string): Promise<number> {
  const space = await ifThere(statfs(path));
  if (space !== undefined) return space.bavail * space.bsize;
  return freeBytes(dirname(path));
}

/** This machine's files. `write-file-atomic` is not used: it takes a short write for a whole one and leaves the folder unflushed. */
export function localFiles(baseDir: string): Files {
  const at = (path: string) => resolve(baseDir, path);
  const named = async <T>(doing: string, path: string, work: (path: string) => Promise<T>): Promise<T> => {
    try {
      return await work(at(path));
    } catch (error) {
      throw fileError(error, at(path), doing);
    }
  };
  return {
    resolve: at,
    stat: (path) =>
      named("looking at it", path, async (full) => {
        const found = await ifThere(lstat(full));
        return (
          found && {
            kind: kindOf(found),
            size: found.size,
            mode: found.mode & 0o7777,
            uid: found.uid,
            gid: found.gid,
            modified: found.mtimeMs,
          }
        );
      }),
    read: (path) => named("reading", path, (full) => readFile(full)),
    readPart: (path, from, length) => named("reading", path, (full) => readPart(full, from, length)),
    write: (path, data, more = {}) => named("writing", path, (full) => writeWhole(full, data, more)),
    list: (path) =>
      named("listing", path, async (full) =>
        (await readdir(full, { withFileTypes: true }))
          .map((entry) => ({ name: entry.name, kind: kindOf(entry) }))
          .sort((a, b) => (a.name < b.name ? -1 : 1)),
      ),
    readLink: (path) => named("reading the link", path, (full) => readlink(full)),
    replaceLink: (path, target) => named("replacing the link", path, (full) => replaceLink(full, target)),
    makeDirectory: (path, mode) => named("creating the folder", path, (full) => makeDirectory(full, mode)),
    rename: (from, to) =>
      named(`renaming to ${at(to)}`, from, async (full) => {
        await rename(full, at(to));
        await flushFolder(dirname(at(to)));
        if (dirname(full) !== dirname(at(to))) await flushFolder(dirname(full));
      }),
    remove: (path) =>
      named("removing", path, async (full) => {
        if ((await ifThere(lstat(full))) === undefined) return;
        await rm(full, { recursive: true, force: true });
        await flushFolder(dirname(full));
      }),
    digest: (path, more = {}) => named("reading", path, (full) => treeDigest(full, more.except ?? [])),
    freeBytes: (path) => named("measuring free space", path, freeBytes),
  };
}
