import { BackoutError, type Effect, type ErrorCode } from "./errors.js";

interface Meaning {
  readonly code: ErrorCode;
  readonly fact: string;
  readonly hint?: string;
}

const missing: Meaning = { code: "NOT_FOUND", fact: "does not exist" };
const denied: Meaning = {
  code: "DENIED",
  fact: "permission denied",
  hint: "run as a user who may do this, or change the owner or mode",
};
const full: Meaning = {
  code: "STATE_FULL",
  fact: "no space left on the file system",
  hint: "free some space (`df -h` shows where), then repeat the command",
};
const busy: Meaning = { code: "CONFLICT", fact: "is in use" };

const meanings: Readonly<Record<string, Meaning>> = {
  ENOENT: missing,
  ENOTDIR: { ...missing, fact: "does not exist: a part of the path is not a folder" },
  EACCES: denied,
  EPERM: { ...denied, fact: "not permitted" },
  EROFS: { ...denied, fact: "the file system is read-only", hint: "remount it writable" },
  ENOSPC: full,
  EDQUOT: { ...full, fact: "the disk quota is used up" },
  EFBIG: { ...full, fact: "the file would be larger than is allowed", hint: "raise the limit (`ulimit -f`)" },
  EISDIR: { code: "CONFLICT", fact: "is a folder, not a file" },
  EEXIST: { code: "CONFLICT", fact: "exists already" },
  ENOTEMPTY: { code: "CONFLICT", fact: "is a folder that is not empty" },
  EXDEV: { code: "CONFLICT", fact: "lies on another file system, so it cannot be moved in one step" },
  EINVAL: { code: "CONFLICT", fact: "is not of the kind that this needs" },
  ELOOP: { code: "CONFLICT", fact: "is a link that leads back to itself" },
  EBUSY: busy,
  ETXTBSY: { ...busy, fact: "is a program that is running" },
};

export function systemErrorCode(cause: unknown): string | undefined {
  if (typeof cause !== "object" || cause === null || !("code" in cause)) return undefined;
  return typeof cause.code === "string" ? cause.code : undefined;
}

/**
 * A failed file operation in the project's words: the path, then the fact. `doing` is a noun phrase (`writing`).
 * For backout's own state `denied` is STATE_UNWRITABLE: nothing can be recorded, which is more than one file's trouble.
 */
export function fileError(
  cause: unknown,
  path: string,
  doing: string,
  more: { denied?: "DENIED" | "STATE_UNWRITABLE"; effect?: Effect } = {},
): BackoutError {
  if (cause instanceof BackoutError) return cause;
  const name = systemErrorCode(cause);
  const meaning = name === undefined ? undefined : meanings[name];
  const effect = more.effect ?? "none";
  if (meaning === undefined) {
    const fact = cause instanceof Error ? cause.message : String(cause);
    return new BackoutError("INTERNAL", `${path}: ${doing} failed: ${fact}`, { effect, cause });
  }
  const code = meaning.code === "DENIED" ? (more.denied ?? "DENIED") : meaning.code;
  return new BackoutError(code, `${path}: ${meaning.fact} (${doing}, ${name})`, {
    effect,
    cause,
    ...(meaning.hint === undefined ? {} : { hint: meaning.hint }),
  });
}
