import { once } from "node:events";
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import type { Readable } from "node:stream";
import { setTimeout as after, setImmediate as turn } from "node:timers/promises";
import { BackoutError } from "../core/errors.js";
import { systemErrorCode } from "../core/file-error.js";
import type { Command, CommandResult } from "../core/ports.js";
import { lineSplitter, outputTail } from "./output-tail.js";
import { endGroup, forgetGroup, trackGroup } from "./process-groups.js";

export interface ExecuteOptions {
  readonly baseDir: string;
  readonly redact: (text: string) => string;
}

/** How long output may stay silent after the program's end before whoever still holds the pipe is left to itself. */
const quietMs = 250;

/**
 * The only place that starts processes. The program leads a process group of its own, which is ended as a whole.
 * A daemon that the program leaves behind on a normal end lives on: starting one may have been the purpose.
 */
export async function execute(command: Command, options: ExecuteOptions): Promise<CommandResult> {
  const [program, ...args] = command.argv;
  if (program === undefined)
    throw new BackoutError("INTERNAL", "command: has no program", { effect: "none" });
  command.signal?.throwIfAborted();
  const { execa } = await import("execa");
  command.signal?.throwIfAborted();

  const cwd = resolve(options.baseDir, command.cwd ?? ".");
  const begun = performance.now();
  const child = execa(program, args, {
    cwd,
    env: { ...command.env },
    detached: true,
    cleanup: false,
    reject: false,
    buffer: false,
    encoding: "buffer",
    ...(command.input === undefined ? { stdin: "ignore" } : { input: command.input }),
  });
  const leader = child.pid;
  if (leader === undefined) throw await startError(program, cwd, await child, options);

  trackGroup(leader);
  const stop = stopper(leader, command);
  try {
    const exited = once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
    const stdout = collect(child.stdout, "stdout", command, options);
    const stderr = collect(child.stderr, "stderr", command, options);
    command.onStart?.(leader);
    const [exitCode, signal] = await exited;
    await stop.finished();
    await Promise.all([stdout.drain(), stderr.drain()]);
    child.stdin?.destroy();
    if (stop.reason() === "abort") throw command.signal?.reason;
    return {
      argv: command.argv.map(options.redact),
      exitCode: exitCode ?? undefined,
      signal: signal ?? undefined,
      timedOut: stop.reason() === "timeout",
      stdout: stdout.text(),
      stderr: stderr.text(),
      ms: performance.now() - begun,
    };
  } finally {
    stop.disarm();
    forgetGroup(leader);
  }
}

/** Ends the group once: on time-out or abort, whichever comes first. */
function stopper(leader: number, { timeoutMs, signal }: Command) {
  let reason: "timeout" | "abort" | undefined;
  let ending: Promise<unknown> | undefined;
  const stop = (why: "timeout" | "abort") => {
    reason ??= why;
    ending ??= endGroup(leader);
  };
  const onAbort = () => stop("abort");
  const timer = timeoutMs === undefined ? undefined : setTimeout(() => stop("timeout"), timeoutMs);
  signal?.addEventListener("abort", onAbort, { once: true });
  const disarm = () => {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
  };
  return {
    reason: () => reason,
    disarm,
    async finished() {
      disarm();
      await ending;
    },
  };
}

function collect(
  stream: Readable,
  name: "stdout" | "stderr",
  { onLine }: Command,
  { redact }: ExecuteOptions,
) {
  const tail = outputTail(redact);
  const lines = onLine && lineSplitter(redact, (line) => onLine(line, name));
  let received = 0;
  let open = true;
  stream.on("data", (chunk: Buffer) => {
    received++;
    tail.push(chunk);
    lines?.push(chunk);
  });
  const closed = new Promise<void>((done) => {
    stream.once("close", () => {
      open = false;
      done();
    });
  });
  return {
    /** Everything written before the program's end has arrived; somebody else may keep the pipe open for ever. */
    async drain(): Promise<void> {
      for (let before = -1, rounds = 0; open && received !== before && rounds < 20; rounds++) {
        before = received;
        await Promise.race([closed, after(quietMs, undefined, { ref: false }).then(() => turn())]);
      }
      stream.destroy();
      lines?.end();
    },
    text: tail.text,
  };
}

async function startError(
  program: string,
  cwd: string,
  result: { code?: string | undefined; cause?: unknown; originalMessage?: string | undefined },
  { redact }: ExecuteOptions,
): Promise<BackoutError> {
  const code = systemErrorCode(result) ?? systemErrorCode(result.cause);
  const more = { effect: "none", cause: result.cause } as const;
  const folder = await stat(cwd).catch(() => undefined);
  if (!folder?.isDirectory()) {
    return new BackoutError("NOT_FOUND", `${cwd}: working folder of "${program}" does not exist`, {
      ...more,
      hint: "create the folder, or correct the path in the playbook",
    });
  }
  if (code === "ENOENT") {
    const there = program.includes("/") && (await stat(resolve(cwd, program)).catch(() => undefined));
    return there
      ? new BackoutError("TOOL_MISSING", `${program}: the interpreter in its first line does not exist`, {
          ...more,
          hint: `install what the first line of ${program} names`,
        })
      : new BackoutError("TOOL_MISSING", `${program}: program not found`, {
          ...more,
          hint: program.includes("/") ? "correct the path" : `install ${program}, or add its folder to PATH`,
        });
  }
  if (code === "EACCES" || code === "EPERM") {
    return new BackoutError("DENIED", `${program}: may not be run by this user (working folder ${cwd})`, {
      ...more,
      hint: `make it executable (chmod +x), or run as a user who may`,
    });
  }
  const fact = code ?? result.originalMessage ?? "for an unknown reason";
  return new BackoutError("COMMAND_FAILED", redact(`${program}: could not be started: ${fact}`), more);
}
