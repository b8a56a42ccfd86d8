import { BackoutError, type Effect, type ErrorCode } from "../../core/errors.js";
import { type FailureKind, failureOf } from "./failure.js";

interface Meaning {
  readonly code: ErrorCode;
  readonly fact: string;
  readonly hint?: string;
}

const credentials =
  "correct `user` and `password` (or `url`) of the target, or let this user in (pg_hba.conf)";

const meanings: Readonly<Record<FailureKind, Meaning>> = {
  unreachable: {
    code: "UNREACHABLE",
    fact: "cannot be reached",
    hint: "start PostgreSQL there, or correct `host` and `port`; `pg_lsclusters` and `pg_isready` tell what runs",
  },
  "unknown-host": { code: "UNREACHABLE", fact: "cannot be found", hint: "correct `host`" },
  untrusted: {
    code: "DENIED",
    fact: "its certificate is not trusted",
    hint: "name the certificate authority's file under `ca`, or encrypt without it: `tls: require`",
  },
  "no-tls": {
    code: "DENIED",
    fact: "speaks no TLS",
    hint: "switch `ssl = on` in postgresql.conf, or write `tls: disable`",
  },
  "wrong-password": { code: "DENIED", fact: "does not take this user and password", hint: credentials },
  "no-password": { code: "DENIED", fact: "asks for a password, and none is given", hint: credentials },
  "not-let-in": { code: "DENIED", fact: "does not let this user in", hint: credentials },
  "no-such-role": { code: "DENIED", fact: "does not know this user", hint: credentials },
  "no-such-database": {
    code: "NOT_FOUND",
    fact: "there is no such database",
    hint: "correct `database`; `psql -l` lists those that are there",
  },
  "not-permitted": {
    code: "DENIED",
    fact: "permission denied",
    hint: "`backout check` names each missing right with the statement that grants it",
  },
  "missing-object": { code: "NOT_FOUND", fact: "something that this needs is not there" },
  "unknown-name": { code: "NOT_FOUND", fact: "something that this names is not there" },
  exists: { code: "CONFLICT", fact: "exists already" },
  "in-use": {
    code: "CONFLICT",
    fact: "is in use",
    hint: "`select pid, usename, application_name from pg_stat_activity where datname = '…'` shows by whom",
  },
  "disk-full": {
    code: "STATE_FULL",
    fact: "the server has no space left",
    hint: "make room where PostgreSQL keeps its data, then repeat the command",
  },
  "out-of-memory": {
    code: "STATE_FULL",
    fact: "the server has no memory left",
    hint: "fewer `jobs`, or more memory; then repeat the command",
  },
  "read-only": {
    code: "REFUSED",
    fact: "the server only reads (a standby?)",
    hint: "name the primary under `host`",
  },
  "lock-timeout": {
    code: "TIMEOUT",
    fact: "a lock was not to be had in time",
    hint: "`select pid, state, xact_start, query from pg_stat_activity order by xact_start` shows who holds it",
  },
  "statement-timeout": { code: "TIMEOUT", fact: "was ended before it had finished" },
  deadlock: { code: "TIMEOUT", fact: "ran into a deadlock and was ended", hint: "repeat the command" },
  damaged: { code: "REFUSED", fact: "is damaged", hint: "look at PostgreSQL's log" },
  unsupported: { code: "REFUSED", fact: "the server cannot do this" },
};

/**
 * In the project's words: what it was about, the fact, what PostgreSQL said. `subject` has no password in it. What
 * cannot be told apart (an error in SQL, in our own code) is INTERNAL or comes back as it is.
 */
export function postgresError(error: unknown, subject: string, effect: Effect = "none"): unknown {
  if (error instanceof BackoutError || !(error instanceof Error)) return error;
  const failure = failureOf(error);
  if (failure === undefined) {
    const { code } = error as { code?: unknown };
    if (typeof code !== "string" || !/^[0-9A-Z]{5}$/.test(code)) return error;
    return new BackoutError("COMMAND_FAILED", `${subject}: ${error.message} (${code})`, {
      effect,
      cause: error,
    });
  }
  const { code, fact, hint } = meanings[failure.kind];
  return new BackoutError(code, `${subject}: ${fact} (${failure.text})`, {
    effect,
    cause: error,
    ...(hint === undefined ? {} : { hint }),
  });
}
