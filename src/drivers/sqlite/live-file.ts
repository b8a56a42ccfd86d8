import { dirname, resolve } from "node:path/posix";
import { BackoutError } from "../../core/errors.js";
import type { FileStat, Files } from "../../core/ports.js";

/** Beside the database: what SQLite keeps there while it is open or after a crash. */
export const sideFiles = ["-wal", "-shm", "-journal"] as const;

/** The file that the path leads to: SQLite follows links, and a rename has to as well. */
export async function livePath(files: Files, path: string): Promise<string> {
  let resolved = "/";
  let left = files.resolve(path).split("/").filter(Boolean);
  for (let steps = 0; left.length > 0; steps++) {
    const next = resolve(resolved, left[0] ?? "");
    const found = await files.stat(next);
    if (found?.kind === "link") {
      if (steps > 200)
        throw new BackoutError("CONFLICT", `${path}: is a link that leads back to itself`, {
          effect: "none",
        });
      const target = resolve(dirname(next), await files.readLink(next));
      left = [...target.split("/").filter(Boolean), ...left.slice(1)];
      resolved = "/";
    } else {
      resolved = next;
      left = left.slice(1);
    }
  }
  return resolved;
}

/** `undefined` where there is nothing. Refuses what is no plain file. */
export async function liveStat(files: Files, path: string): Promise<FileStat | undefined> {
  const found = await files.stat(path);
  if (found !== undefined && found.kind !== "file") {
    throw new BackoutError("REFUSED", `${path}: is a ${found.kind}, not a database file`, {
      effect: "none",
      hint: 'name the file itself under "file"',
    });
  }
  return found;
}

/** Rejects with what is wrong with the file, before SQLite is asked: it takes an empty file for an empty database. */
export async function presentFile(files: Files, path: string): Promise<FileStat> {
  const found = await liveStat(files, path);
  if (found === undefined) {
    throw new BackoutError("NOT_FOUND", `${path}: does not exist`, {
      effect: "none",
      hint: "check the path",
    });
  }
  if (found.size === 0) {
    throw new BackoutError("REFUSED", `${path}: is empty, so there is nothing to bring back to`, {
      effect: "none",
    });
  }
  return found;
}
