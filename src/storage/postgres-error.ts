import { type FailureKind, failureOf } from "../clients/postgres/failure.js";
import { BackoutError, type ErrorCode } from "../core/errors.js";

export const mayPass = (error: unknown): boolean => failureOf(error)?.passes === true;

const credentials = ["DENIED", "correct user and password in `engine:`"] as const;
const tables = [
  "STATE_CORRUPT",
  "the engine's tables were removed: restore its database from a backup",
] as const;

/** What a failure means where it is the engine's own database. */
const meanings: Readonly<Partial<Record<FailureKind, readonly [ErrorCode, string]>>> = {
  "wrong-password": credentials,
  "no-password": credentials,
  "no-such-role": credentials,
  "not-let-in": ["DENIED", "let this user and host in (pg_hba.conf), or correct `engine:`"],
  "no-such-database": ["NOT_FOUND", "create the database, or correct `engine:`"],
  "not-permitted": [
    "DENIED",
    "the user needs to create schemas in this database, or to own `backout` and `backout_dbos`",
  ],
  "missing-object": tables,
  "disk-full": [
    "STATE_FULL",
    "make room where PostgreSQL keeps its data; the run goes on with: backout resume",
  ],
  "read-only": ["STATE_UNWRITABLE", "the server only reads (a standby?): name the primary in `engine:`"],
  "unknown-host": ["UNREACHABLE", "correct the host in `engine:`"],
};

/** Says what a failure of the engine's database means, and what to do about it. `name` has no password in it. */
export function postgresError(error: unknown, name: string): unknown {
  if (error instanceof BackoutError || !(error instanceof Error)) return error;
  const failure = failureOf(error);
  if (failure === undefined) return error;
  if (failure.passes) {
    return new BackoutError(
      "UNREACHABLE",
      `${name}: the engine's database cannot be reached: ${failure.text}`,
      {
        effect: "none",
        hint: "start PostgreSQL, or correct `engine:` in the playbook",
        cause: error,
      },
    );
  }
  const meaning = meanings[failure.kind];
  if (meaning === undefined) return error;
  const [code, hint] = meaning;
  return new BackoutError(code, `${name}: ${error.message}`, { effect: "none", hint, cause: error });
}
