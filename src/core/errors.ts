import type { Json } from "./json.js";

/** What a failed effect left behind. `unknown` sends the step to its driver's `settle`. */
export type Effect = "none" | "applied" | "unknown";

interface CodeRow {
  /** Exit status of the command line (see docs/design.md, "Errors, exits, secrets"). */
  readonly exit: 1 | 2 | 3 | 4 | 5 | 130;
  /** Status of the HTTP API for the same failure. */
  readonly http: number;
  /** Whether the same call may succeed later without anybody changing anything. */
  readonly retryable: boolean;
}

/** The one table from error code to exit status, HTTP status and whether a retry can help. */
export const errorCodes = {
  USAGE: { exit: 2, http: 400, retryable: false },
  PLAYBOOK_INVALID: { exit: 1, http: 422, retryable: false },
  REFUSED: { exit: 1, http: 409, retryable: false },
  NOT_FOUND: { exit: 1, http: 404, retryable: false },
  STATE_UNWRITABLE: { exit: 1, http: 500, retryable: false },
  STATE_FULL: { exit: 1, http: 507, retryable: false },
  STATE_NEWER: { exit: 1, http: 409, retryable: false },
  STATE_CORRUPT: { exit: 1, http: 500, retryable: false },
  ARTIFACT_MISSING: { exit: 1, http: 409, retryable: false },
  ARTIFACT_ALTERED: { exit: 1, http: 409, retryable: false },
  SECRET_MISSING: { exit: 1, http: 409, retryable: false },
  TOOL_MISSING: { exit: 1, http: 500, retryable: false },
  UNREACHABLE: { exit: 1, http: 502, retryable: true },
  DENIED: { exit: 1, http: 403, retryable: false },
  COMMAND_FAILED: { exit: 1, http: 502, retryable: true },
  TIMEOUT: { exit: 1, http: 504, retryable: true },
  CONFLICT: { exit: 1, http: 409, retryable: false },
  CHECK_FAILED: { exit: 3, http: 500, retryable: true },
  RUN_UNVERIFIED: { exit: 3, http: 500, retryable: false },
  RUN_STOPPED: { exit: 4, http: 500, retryable: false },
  LOCKED: { exit: 5, http: 423, retryable: true },
  FENCED: { exit: 5, http: 423, retryable: false },
  INTERRUPTED: { exit: 130, http: 499, retryable: true },
  INTERNAL: { exit: 1, http: 500, retryable: false },
} as const satisfies Record<string, CodeRow>;

export type ErrorCode = keyof typeof errorCodes;

export interface ErrorDetails {
  /** The next command, or what to change: one sentence. */
  readonly hint?: string;
  /** Only on errors out of a driver's `apply`: what the failed step left behind. Default `unknown`. */
  readonly effect?: Effect;
  readonly details?: Json;
  readonly cause?: unknown;
}

/** Every failure that a person is meant to read. The message puts its subject or path first, quotes the value. */
export class BackoutError extends Error {
  override readonly name = "BackoutError";
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly effect: Effect;
  readonly details: Json | undefined;

  constructor(code: ErrorCode, message: string, more: ErrorDetails = {}) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.code = code;
    this.hint = more.hint;
    this.effect = more.effect ?? "unknown";
    this.details = more.details;
  }

  get exit(): number {
    return errorCodes[this.code].exit;
  }

  /** The same failure, once it is known what it left behind. */
  leaving(effect: Effect): BackoutError {
    if (effect === this.effect) return this;
    return new BackoutError(this.code, this.message, {
      ...{ effect, cause: this },
      ...(this.hint === undefined ? {} : { hint: this.hint }),
      ...(this.details === undefined ? {} : { details: this.details }),
    });
  }
}

/** Many problems found at once, for example by `check`: thrown where the caller cannot go on. */
export class ProblemsError extends BackoutError {
  readonly problems: readonly Problem[];

  constructor(code: ErrorCode, message: string, problems: readonly Problem[], hint?: string) {
    super(code, message, { effect: "none", ...(hint === undefined ? {} : { hint }) });
    this.problems = problems;
  }
}

/** One thing that is wrong, said so that a tired person can mend it. */
export interface Problem {
  readonly severity: "error" | "warning";
  /** Where in the playbook (`targets.db.with.file`) or which target (`db`). */
  readonly path: string;
  /** The plain fact, with the offending value quoted. */
  readonly message: string;
  /** The next command, or the mend. */
  readonly hint?: string;
  /** Position in the playbook, 1-based, where the problem has one. */
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
}

export const problem = (path: string, message: string, hint?: string): Problem => ({
  severity: "error",
  path,
  message,
  ...(hint === undefined ? {} : { hint }),
});

export const warning = (path: string, message: string, hint?: string): Problem => ({
  ...problem(path, message, hint),
  severity: "warning",
});
