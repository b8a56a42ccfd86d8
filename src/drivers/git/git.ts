import type { DriverContext } from "../../core/driver.js";
import { BackoutError, type Effect, type ErrorCode } from "../../core/errors.js";
import type { CommandResult } from "../../core/ports.js";

export interface GitCall {
  readonly env?: Readonly<Record<string, string>>;
  /** Further settings: `key=value`. */
  readonly settings?: readonly string[];
  readonly input?: string;
  readonly timeoutMs?: number;
  readonly onLine?: (line: string) => void;
  /** What a failure of this call leaves behind. Default `none`: most calls only look. */
  readonly effect?: Effect;
  readonly hint?: string;
}

/** Nothing of the repository's or the user's set-up may run a program, ask, page or start house-keeping. */
const settings = [
  "core.hooksPath=/dev/null",
  "core.fsmonitor=false",
  "core.quotePath=false",
  "core.safecrlf=false",
  "gc.auto=0",
  "maintenance.auto=false",
  "commit.gpgSign=false",
  "tag.gpgSign=false",
  "submodule.recurse=false",
  "protocol.ext.allow=never",
  "advice.detachedHead=false",
  "versionsort.suffix=-",
];

const environment = {
  LC_ALL: "C",
  GIT_TERMINAL_PROMPT: "0",
  SSH_ASKPASS_REQUIRE: "never",
  GIT_PAGER: "cat",
  GIT_LITERAL_PATHSPECS: "1",
  GIT_OPTIONAL_LOCKS: "0",
  GIT_AUTHOR_NAME: "backout",
  GIT_AUTHOR_EMAIL: "backout@localhost",
  GIT_COMMITTER_NAME: "backout",
  GIT_COMMITTER_EMAIL: "backout@localhost",
  // A backout started by a hook would otherwise work in the hook's repository.
  GIT_DIR: undefined,
  GIT_WORK_TREE: undefined,
  GIT_INDEX_FILE: undefined,
  GIT_OBJECT_DIRECTORY: undefined,
  GIT_ALTERNATE_OBJECT_DIRECTORIES: undefined,
  GIT_COMMON_DIR: undefined,
  GIT_NAMESPACE: undefined,
  GIT_PREFIX: undefined,
};

const install = "apt-get install git";

/** Resolves whatever the exit status is; the folder is the work tree or a git directory. */
export async function runGit(
  context: DriverContext,
  folder: string,
  args: readonly string[],
  call: GitCall = {},
): Promise<CommandResult> {
  const { env, input, timeoutMs, onLine } = call;
  const date = `@${Math.floor(context.clock.now() / 1000)} +0000`;
  const configured = [...settings, ...(call.settings ?? [])].flatMap((one) => ["-c", one]);
  try {
    return await context.host.exec({
      argv: ["git", "--no-pager", ...configured, "-C", folder, ...args],
      env: { ...environment, GIT_AUTHOR_DATE: date, GIT_COMMITTER_DATE: date, ...env },
      signal: context.signal,
      ...(input === undefined ? {} : { input }),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(onLine === undefined ? {} : { onLine: (line, stream) => stream === "stdout" && onLine(line) }),
    });
  } catch (error) {
    if (error instanceof BackoutError && error.code === "TOOL_MISSING")
      throw new BackoutError("TOOL_MISSING", error.message, { effect: "none", hint: install, cause: error });
    throw error;
  }
}

/** Remotes are often written with a token in them. */
export const withoutCredentials = (text: string): string => text.replaceAll(/\/\/[^/@\s]+@/g, "//***@");

export const complaint = ({ stderr }: CommandResult): string => {
  const lines = stderr.trim().split("\n");
  const first = lines.find((line) => /^(fatal|error): /.test(line)) ?? lines.at(-1) ?? "";
  return withoutCredentials(first.replace(/^(fatal|error): /, ""));
};

export function gitError(
  folder: string,
  args: readonly string[],
  result: CommandResult,
  { effect = "none", hint }: GitCall = {},
  code: ErrorCode = result.timedOut ? "TIMEOUT" : "COMMAND_FAILED",
): BackoutError {
  const how = result.timedOut ? "took too long" : complaint(result) || `exit status ${result.exitCode}`;
  return new BackoutError(code, `${folder}: git ${args[0]}: ${how}`, {
    effect,
    ...(hint === undefined ? {} : { hint }),
  });
}

/** What git printed, without the final newline; anything but success is an error. */
export async function git(
  context: DriverContext,
  folder: string,
  args: readonly string[],
  call: GitCall = {},
): Promise<string> {
  const result = await runGit(context, folder, args, call);
  if (result.exitCode !== 0) throw gitError(folder, args, result, call);
  return result.stdout.replace(/\n$/, "");
}

/** Whether a question of yes (0) or no (1) was answered with yes. */
export async function gitSays(
  context: DriverContext,
  folder: string,
  args: readonly string[],
  call: GitCall = {},
): Promise<boolean> {
  return (await runGit(context, folder, args, call)).exitCode === 0;
}
