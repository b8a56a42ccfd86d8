import { BackoutError, type Effect, type ErrorCode } from "../../core/errors.js";

interface Meaning {
  readonly code: ErrorCode;
  readonly fact: string;
  readonly hint?: string;
}

const login: Meaning = {
  code: "DENIED",
  fact: "refused the user or password",
  hint: "check user and password in `url`",
};

/** By the word with which Redis begins an error. */
const answers: Readonly<Record<string, Meaning>> = {
  WRONGPASS: login,
  NOAUTH: { ...login, fact: "wants a password" },
  NOPERM: {
    code: "DENIED",
    fact: "does not permit this to the user",
    hint: "`ACL GETUSER <user>` shows what is permitted",
  },
  READONLY: {
    code: "REFUSED",
    fact: "is a replica, which takes no writes",
    hint: "name the primary in `url`: `redis-cli INFO replication` shows it",
  },
  LOADING: { code: "UNREACHABLE", fact: "is still loading its data", hint: "wait until it has started" },
  BUSY: { code: "UNREACHABLE", fact: "is busy with a script", hint: "`SCRIPT KILL` ends it" },
  OOM: { code: "STATE_FULL", fact: "has no memory left", hint: "raise maxmemory, or free some" },
  MISCONF: {
    code: "STATE_FULL",
    fact: "refuses writes, since its last snapshot failed",
    hint: "look into its log and at the disk that it saves to",
  },
  CLUSTERDOWN: { code: "UNREACHABLE", fact: "the cluster is down", hint: "`redis-cli CLUSTER INFO`" },
  MOVED: { code: "REFUSED", fact: "is a node of a cluster", hint: "set `cluster: true`" },
  CROSSSLOT: { code: "REFUSED", fact: "is a node of a cluster", hint: "set `cluster: true`" },
};

const networkCodes = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ENOTFOUND",
  "EAI_AGAIN",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EPIPE",
  "ENOENT",
]);

const unreachable = /connection is closed|connect ETIMEDOUT|stream isn't writeable|command timed out/i;

const codeOf = (error: Error): string | undefined => {
  const { code } = error as { code?: unknown };
  return typeof code === "string" ? code : undefined;
};

/** In the project's words: the server, then the fact. What is none of Redis' errors is handed back as it is. */
export function redisError(error: unknown, where: string, effect: Effect = "none"): unknown {
  if (error instanceof BackoutError || !(error instanceof Error) || error.name === "AbortError") return error;
  const more = { effect, cause: error } as const;
  const code = codeOf(error);
  if ((code !== undefined && networkCodes.has(code)) || unreachable.test(error.message)) {
    return new BackoutError("UNREACHABLE", `${where}: cannot be reached (${error.message})`, {
      ...more,
      hint: "is it running? `redis-cli -u <url> PING` from this machine",
    });
  }
  if (error.name !== "ReplyError") return error;
  const meaning = /^ERR.*AUTH/.test(error.message) ? login : answers[error.message.split(" ")[0] ?? ""];
  if (meaning === undefined) return new BackoutError("COMMAND_FAILED", `${where}: ${error.message}`, more);
  const hint = meaning.hint === undefined ? {} : { hint: meaning.hint };
  return new BackoutError(meaning.code, `${where}: ${meaning.fact} (${error.message})`, { ...more, ...hint });
}
