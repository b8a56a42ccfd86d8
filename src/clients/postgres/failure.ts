/** What kind of failure PostgreSQL, its client library or the socket below reported. */
export type FailureKind =
  | "unreachable"
  | "unknown-host"
  | "untrusted"
  | "no-tls"
  | "wrong-password"
  | "no-password"
  | "not-let-in"
  | "no-such-role"
  | "no-such-database"
  | "not-permitted"
  | "missing-object"
  | "unknown-name"
  | "exists"
  | "in-use"
  | "disk-full"
  | "out-of-memory"
  | "read-only"
  | "lock-timeout"
  | "statement-timeout"
  | "deadlock"
  | "damaged"
  | "unsupported";

export interface Failure {
  readonly kind: FailureKind;
  /** SQLSTATE or system error; empty where the library gives neither. */
  readonly code: string;
  readonly text: string;
  /** The same call may succeed when the server is back or has room: nothing needs to be changed. */
  readonly passes: boolean;
}

/** SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html) or system error. */
const kinds: Readonly<Record<string, FailureKind>> = {
  ECONNREFUSED: "unreachable",
  ECONNRESET: "unreachable",
  EPIPE: "unreachable",
  ETIMEDOUT: "unreachable",
  EHOSTUNREACH: "unreachable",
  ENETUNREACH: "unreachable",
  EAI_AGAIN: "unreachable",
  "08000": "unreachable",
  "08001": "unreachable",
  "08003": "unreachable",
  "08004": "unreachable",
  "08006": "unreachable",
  "53300": "unreachable",
  "57P01": "unreachable",
  "57P02": "unreachable",
  "57P03": "unreachable",
  "57P05": "unreachable",
  // No socket in its folder: the server does not run.
  ENOENT: "unreachable",
  EACCES: "not-let-in",
  ENOTFOUND: "unknown-host",
  DEPTH_ZERO_SELF_SIGNED_CERT: "untrusted",
  SELF_SIGNED_CERT_IN_CHAIN: "untrusted",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "untrusted",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "untrusted",
  CERT_HAS_EXPIRED: "untrusted",
  ERR_TLS_CERT_ALTNAME_INVALID: "untrusted",
  "28P01": "wrong-password",
  "28000": "not-let-in",
  "3D000": "no-such-database",
  "42501": "not-permitted",
  "42P01": "missing-object",
  "3F000": "missing-object",
  "42704": "unknown-name",
  "42883": "unknown-name",
  "42P04": "exists",
  "42P06": "exists",
  "42P07": "exists",
  "42710": "exists",
  "55006": "in-use",
  "53100": "disk-full",
  "53200": "out-of-memory",
  "25006": "read-only",
  "55P03": "lock-timeout",
  "57014": "statement-timeout",
  "40P01": "deadlock",
  XX001: "damaged",
  XX002: "damaged",
  "0A000": "unsupported",
};

/** Where the client library gives no code, its own words are all there is. */
const phrases: readonly (readonly [RegExp, FailureKind])[] = [
  [/^(Connection terminated|Client has encountered a connection error)/, "unreachable"],
  [/^(timeout expired|timeout exceeded when trying|Query read timeout)/, "unreachable"],
  [/^The server does not support SSL/, "no-tls"],
  [/^SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be/, "no-password"],
  [/^SASL: SCRAM-SERVER-FINAL-MESSAGE/, "wrong-password"],
];

/** `undefined` for what is no failure of the server or of the way to it: an error in the SQL, in our own code. */
export function failureOf(error: unknown): Failure | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error instanceof AggregateError) {
    const each = error.errors.map(failureOf);
    const first = each.find((one) => one?.passes === false) ?? each[0];
    return first;
  }
  const code = codeOf(error);
  const kind = kinds[code] ?? phrases.find(([phrase]) => phrase.test(error.message))?.[1];
  if (kind === undefined) return undefined;
  const { message: text } = error;
  if (kind === "not-let-in" && /^role ".*" does not exist$/.test(text)) {
    return { kind: "no-such-role", code, text, passes: false };
  }
  return { kind, code, text, passes: kind === "unreachable" };
}

const codeOf = (error: Error): string => {
  const { code } = error as { code?: unknown };
  return typeof code === "string" ? code : "";
};
