import { statfsSync } from "node:fs";
import { dirname } from "node:path";
import { BackoutError } from "../core/errors.js";
import { lockHolder } from "./lock-holder.js";

/** SQLite result codes (https://www.sqlite.org/rescode.html), low byte. */
const sqlite = {
  busy: 5,
  locked: 6,
  readOnly: 8,
  ioError: 10,
  corrupt: 11,
  full: 13,
  cantOpen: 14,
  notADatabase: 26,
};

/** Says what a failure of the journal's file means, and what to do about it. */
export function journalError(error: unknown, path: string): unknown {
  if (error instanceof BackoutError || !(error instanceof Error)) return error;
  const system = (error as NodeJS.ErrnoException).code;
  const code = resultCode(error);
  const say = (
    name: "STATE_UNWRITABLE" | "STATE_FULL" | "STATE_CORRUPT" | "LOCKED",
    fact: string,
    hint: string,
  ) => new BackoutError(name, `${path}: ${fact}`, { effect: "none", hint, cause: error });
  if (system === "ENOSPC" || code === sqlite.full) {
    return say("STATE_FULL", "the disk is full", "make room, then: backout resume");
  }
  if (
    system === "EACCES" ||
    system === "EROFS" ||
    system === "EPERM" ||
    code === sqlite.readOnly ||
    code === sqlite.cantOpen
  ) {
    return say(
      "STATE_UNWRITABLE",
      "it cannot be written",
      "check owner, mode and mount of the state folder (`state:` in the playbook)",
    );
  }
  if (system === "ENOTDIR" || system === "EEXIST") {
    return say(
      "STATE_UNWRITABLE",
      "a file stands where the state folder should be",
      "move it, or set `state:` in the playbook to another folder",
    );
  }
  if (code === sqlite.corrupt || code === sqlite.notADatabase) {
    return say(
      "STATE_CORRUPT",
      "it is not a readable journal any more",
      "keep the file, restore it from a copy or move it aside: checkpoints do not depend on it",
    );
  }
  if (code === sqlite.busy || code === sqlite.locked) {
    const holder = lockHolder(path);
    if (holder?.stopped) {
      return say(
        "LOCKED",
        `process ${holder.pid} is stopped and has held the journal for more than 10 s`,
        `let it go on (kill -CONT ${holder.pid}) or end it (kill -KILL ${holder.pid}), then: backout resume`,
      );
    }
    return say(
      "LOCKED",
      `${holder === undefined ? "another process" : `process ${holder.pid}`} has held the journal for more than 10 s`,
      "backout status, then try again",
    );
  }
  if (code === sqlite.ioError && isFull(path)) {
    return say("STATE_FULL", "the disk is full", "make room, then: backout resume");
  }
  if (code === sqlite.ioError)
    return say(
      "STATE_UNWRITABLE",
      `the disk fails: ${error.message}`,
      "look at the disk (dmesg), then: backout resume",
    );
  return error;
}

/** A shared-memory file that cannot grow is an I/O error to SQLite. */
function isFull(path: string): boolean {
  try {
    return statfsSync(dirname(path)).bavail === 0;
  } catch {
    return false;
  }
}

/** SQLite's own, fixed texts (sqlite3_errstr): all that the binding gives where reading many rows fails. */
const texts: Readonly<Record<string, number>> = {
  "database is locked": sqlite.busy,
  "attempt to write a readonly database": sqlite.readOnly,
  "disk I/O error": sqlite.ioError,
  "database disk image is malformed": sqlite.corrupt,
  "database or disk is full": sqlite.full,
  "unable to open database file": sqlite.cantOpen,
  "file is not a database": sqlite.notADatabase,
};

function resultCode(error: Error): number | undefined {
  for (const key of ["sqliteCode", "sqliteExtendedCode", "errcode"]) {
    const value = (error as unknown as Record<string, unknown>)[key];
    if (typeof value === "number") return value & 0xff;
  }
  return Object.hasOwn(texts, error.message) ? texts[error.message] : undefined;
}
