import { BackoutError, type ErrorCode } from "../core/errors.js";

/** Connection lost, refused or not yet accepted: the same call may succeed when the server is back. */
const passing = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EAI_AGAIN",
  "57P01",
  "57P02",
  "57P03",
  "53300",
  "08000",
  "08001",
  "08003",
  "08004",
  "08006",
]);

/** All that the client says where a connection ends in the middle of a query. */
const lost =
  /^(Connection terminated|Client has encountered a connection error|timeout exceeded when trying)/;

export function mayPass(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.every(mayPass);
  return error instanceof Error && (passing.has(codeOf(error) ?? "") || lost.test(error.message));
}

/** SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html) or system error → what to say. */
const meanings: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  "28P01": ["DENIED", "correct user and password in `engine:`"],
  "28000": ["DENIED", "let this user and host in (pg_hba.conf), or correct `engine:`"],
  "3D000": ["NOT_FOUND", "create the database, or correct `engine:`"],
  "42501": [
    "DENIED",
    "the user needs to create schemas in this database, or to own `backout` and `backout_dbos`",
  ],
  "42P01": ["STATE_CORRUPT", "the engine's tables were removed: restore its database from a backup"],
  "3F000": ["STATE_CORRUPT", "the engine's tables were removed: restore its database from a backup"],
  "53100": ["STATE_FULL", "make room where PostgreSQL keeps its data; the run goes on with: backout resume"],
  "25006": ["STATE_UNWRITABLE", "the server only reads (a standby?): name the primary in `engine:`"],
  ENOTFOUND: ["UNREACHABLE", "correct the host in `engine:`"],
};

/** Says what a failure of the engine's database means, and what to do about it. `name` has no password in it. */
export function postgresError(error: unknown, name: string): unknown {
  if (error instanceof BackoutError || !(error instanceof Error)) return error;
  if (mayPass(error)) {
    return new BackoutError(
      "UNREACHABLE",
      `${name}: the engine's database cannot be reached: ${textOf(error)}`,
      {
        effect: "none",
        hint: "start PostgreSQL, or correct `engine:` in the playbook",
        cause: error,
      },
    );
  }
  const meaning = meanings[codeOf(error) ?? ""];
  if (meaning === undefined) return error;
  const [code, hint] = meaning;
  return new BackoutError(code, `${name}: ${error.message}`, { effect: "none", hint, cause: error });
}

const codeOf = (error: Error): string | undefined => (error as { code?: string }).code;

const textOf = (error: Error): string =>
  error instanceof AggregateError ? String(error.errors[0]?.message ?? error.message) : error.message;
