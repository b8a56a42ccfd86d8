import { BackoutError, type Effect, type ErrorCode } from "../../core/errors.js";

interface Meaning {
  readonly code: ErrorCode;
  readonly fact: string;
  readonly hint?: string;
}

/** SQLite's primary result codes. */
export const resultCode = { busy: 5, locked: 6, readOnly: 8, corrupt: 11, notDatabase: 26 } as const;

const denied: Meaning = {
  code: "DENIED",
  fact: "permission denied",
  hint: "run as a user who may read and write the file and its folder",
};
const inUse: Meaning = {
  code: "CONFLICT",
  fact: "is locked by another program",
  hint: "stop what uses it, or name the target that uses it and give that `uses:`, so that it is quiesced",
};

const meanings: Readonly<Record<number, Meaning>> = {
  3: denied,
  [resultCode.busy]: inUse,
  [resultCode.locked]: inUse,
  [resultCode.readOnly]: { ...denied, fact: "cannot be written" },
  10: { code: "COMMAND_FAILED", fact: "reading or writing failed", hint: "look at the disk: `dmesg | tail`" },
  [resultCode.corrupt]: {
    code: "REFUSED",
    fact: "is damaged",
    hint: "`sqlite3 <file> 'PRAGMA integrity_check'` tells more",
  },
  13: {
    code: "STATE_FULL",
    fact: "no space left on the file system",
    hint: "free some space, then repeat the command",
  },
  14: { ...denied, fact: "cannot be opened" },
  [resultCode.notDatabase]: {
    code: "REFUSED",
    fact: "is not a SQLite database, or is encrypted",
    hint: "check the path; encrypted databases are not supported",
  },
};

/** SQLite's primary result code of what the library threw. */
export function resultOf(error: unknown): number | undefined {
  if (typeof error !== "object" || error === null || !("errcode" in error)) return undefined;
  return typeof error.errcode === "number" ? error.errcode & 0xff : undefined;
}

/** Nothing can be read out of the file; other failures may be of another kind. */
export const isDamage = (error: unknown): boolean => {
  const code = resultOf(error);
  return code === resultCode.corrupt || code === resultCode.notDatabase;
};

export const isInUse = (error: unknown): boolean => {
  const code = resultOf(error);
  return code === resultCode.busy || code === resultCode.locked;
};

/** In the project's words: the path, then the fact. */
export function sqliteError(error: unknown, path: string, effect: Effect = "none"): unknown {
  const code = resultOf(error);
  if (error instanceof BackoutError || code === undefined) return error;
  const meaning = meanings[code];
  const said = error instanceof Error ? error.message : String(error);
  return new BackoutError(
    meaning?.code ?? "INTERNAL",
    `${path}: ${meaning?.fact ?? "SQLite failed"} (${said})`,
    {
      effect,
      cause: error,
      ...(meaning?.hint === undefined ? {} : { hint: meaning.hint }),
    },
  );
}
