import { setMaxListeners } from "node:events";
import type { CommonOptions } from "./common-options.js";
import { type RenderOptions, renderOptions } from "./render/render-options.js";

/** How a command speaks and is spoken to. */
export interface Session {
  readonly options: CommonOptions;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  /** A person can be asked. */
  readonly interactive: boolean;
  /** Aborted by the first Ctrl-C (or SIGTERM, SIGHUP): end in order. */
  readonly interrupt: AbortSignal;
  /** Aborted by the second: end at once. */
  readonly kill: AbortSignal;
  render(): RenderOptions;
  /** A line, or lines, on standard output. */
  print(text: string): void;
  /** One JSON value a line. */
  json(value: unknown): void;
  /** For people, on standard error. */
  note(text: string): void;
}

export function openSession(options: CommonOptions): Session {
  const { stdout, stderr, stdin } = process;
  const interrupt = new AbortController();
  const kill = new AbortController();
  // As many as the playbook has targets listen at a time.
  setMaxListeners(0, interrupt.signal, kill.signal);
  const stop = (): void => {
    if (interrupt.signal.aborted) kill.abort();
    interrupt.abort();
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, stop);
  stdout.on("error", ignoreClosedPipe);
  stderr.on("error", ignoreClosedPipe);
  return {
    options,
    stdout,
    stderr,
    interactive: stdin.isTTY && stdout.isTTY && !options.json,
    interrupt: interrupt.signal,
    kill: kill.signal,
    render: () => renderOptions(stdout, process.env, Date.now()),
    print: (text) => void stdout.write(`${text}\n`),
    json: (value) => void stdout.write(`${JSON.stringify(value)}\n`),
    note: (text) => void stderr.write(`${text}\n`),
  };
}

/** `backout plan | head`: whoever reads has seen enough; a rollback goes on all the same. */
function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
}
