import type { DriverContext } from "../../core/driver.js";
import { BackoutError, type Effect } from "../../core/errors.js";
import type { Command, CommandResult } from "../../core/ports.js";
import { withConnection } from "./connection.js";
import { type Server, shownServer } from "./connection-options.js";
import { conninfo } from "./identifier.js";
import type { Program } from "./programs.js";

export interface ProgramCall {
  readonly program: Program;
  readonly server: Server;
  /** Without anything about the connection: that is added, and the password is in the environment alone. */
  readonly args: readonly string[];
  /** What it did, where it fails. Default `unknown`; `none` for what only reads. */
  readonly effect?: Effect;
  readonly input?: Command["input"];
  readonly timeoutMs?: number;
  readonly onLine?: Command["onLine"];
  /** More for the environment: `PGOPTIONS`. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Runs one of PostgreSQL's programs against the server; rejects unless it exits with 0. Never asks for a password, reads no
 * password file and no service file, and says its messages in English.
 */
export async function runProgram(call: ProgramCall, context: DriverContext): Promise<CommandResult> {
  const { program, server, args, input, timeoutMs, onLine } = call;
  const result = await context.host.exec({
    argv: [program.path, "--no-password", "--dbname", conninfo({ dbname: server.database }), ...args],
    env: { ...environmentOf(server), ...call.env },
    signal: context.signal,
    ...(input === undefined ? {} : { input }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(onLine === undefined ? {} : { onLine }),
  });
  if (result.exitCode === 0) return result;
  throw await programError(call, result, context);
}

const libpqModes = {
  disable: "disable",
  prefer: "prefer",
  require: "require",
  verify: "verify-full",
} as const;

/** For libpq. Whatever could lead it elsewhere is removed. */
export const environmentOf = (server: Server): Record<string, string | undefined> => ({
  PGHOST: server.host,
  PGPORT: String(server.port),
  PGUSER: server.user,
  PGPASSWORD: server.password,
  PGSSLMODE: libpqModes[server.tls],
  PGSSLROOTCERT: server.ca,
  PGAPPNAME: "backout",
  PGCONNECT_TIMEOUT: "10",
  PGPASSFILE: "/dev/null",
  PGCLIENTENCODING: "UTF8",
  LC_ALL: "C.UTF-8",
  ...Object.fromEntries(
    ["PGDATABASE", "PGHOSTADDR", "PGSERVICE", "PGSERVICEFILE", "PGOPTIONS", "PGTARGETSESSIONATTRS"].map(
      (name) => [name, undefined],
    ),
  ),
});

/** What a program says is for people; whether the server is still there is asked of the server. */
async function programError(
  { program, server, effect = "unknown" }: ProgramCall,
  { exitCode, signal, timedOut, stderr }: CommandResult,
  context: DriverContext,
): Promise<unknown> {
  const said = saidBy(stderr);
  const how = timedOut ? "took too long" : `ended with ${signal ?? `exit status ${exitCode}`}`;
  const message = `${shownServer(server)}: ${program.name} ${how}: ${said.slice(0, 5).join("; ") || "without a word"}`;
  if (timedOut) return new BackoutError("TIMEOUT", message, { effect });
  if (/No space left on device/.test(stderr)) {
    return new BackoutError("STATE_FULL", message, {
      effect,
      hint: "make room (`df -h` here and on the server shows where), then repeat the command",
    });
  }
  try {
    await withConnection(server, context, async () => {});
  } catch (error) {
    if (!(error instanceof BackoutError)) return error;
    return new BackoutError(error.code, `${error.message}; ${program.name} ${how}`, {
      effect,
      cause: error,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    });
  }
  return new BackoutError("COMMAND_FAILED", message, { effect, details: said.slice(0, 50) });
}

/** Errors first, with the key that a foreign key is about, each without the program's name; else whatever it said last. */
function saidBy(stderr: string): string[] {
  const lines = stderr.split("\n").filter((line) => line.trim() !== "");
  const errors = lines.filter((line) => /\b(error|FATAL|ERROR|PANIC):|^DETAIL: +Key /.test(line));
  return (errors.length > 0 ? errors : lines.slice(-3)).map((line) => line.replace(/^\S+: /, ""));
}
