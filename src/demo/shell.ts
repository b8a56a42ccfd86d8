import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import type { Narrator } from "./narrate.js";
import type { Scope } from "./scope.js";

/** Runs the built command line and the shop's own programs in the shop's folder, showing what they print. */
export interface Shell {
  /** Shows the command, runs it, shows its output; rejects where it fails. */
  run(...words: string[]): Promise<void>;
  /** The same without waiting for the end. */
  begin(...words: string[]): Promise<Running>;
  /** Unseen; resolves with what it printed. */
  read(...words: string[]): Promise<string>;
}

export interface Running {
  readonly ended: Promise<number>;
  stop(): void;
}

interface Environment {
  readonly scope: Scope;
  readonly narrator: Narrator;
  /** The built command line. */
  readonly program: string;
  /** Added to the environment of backout alone. */
  readonly secrets: Readonly<Record<string, string>>;
}

const indent = 4;

export function shell({ scope, narrator, program, secrets }: Environment): Shell {
  const { NO_COLOR: _, FORCE_COLOR: __, ...inherited } = process.env;
  const colours = narrator.colours ? { FORCE_COLOR: "1" } : { NO_COLOR: "1" };
  const columns = String(Math.max(60, (process.stdout.columns ?? 120) - indent));
  const shared = { ...inherited, ...colours, COLUMNS: columns };

  function start(words: readonly string[]): ChildProcess {
    const own = words[0] === "backout";
    const argv = own ? [process.execPath, program, ...words.slice(1)] : [process.execPath, ...words.slice(1)];
    const env = own ? { ...shared, ...secrets } : shared;
    return scope.start(argv, { cwd: scope.root, env, stdio: ["ignore", "pipe", "pipe"] });
  }

  function show(child: ChildProcess): void {
    for (const stream of [child.stdout, child.stderr]) {
      if (stream !== null) createInterface({ input: stream }).on("line", narrator.output);
    }
  }

  const ended = async (child: ChildProcess): Promise<number> => {
    const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
    return code ?? (signal === null ? 1 : 128);
  };

  async function begin(...words: string[]): Promise<Running> {
    await narrator.command(words.join(" "));
    const child = start(words);
    show(child);
    return { ended: ended(child), stop: () => void child.kill("SIGINT") };
  }

  return {
    begin,
    run: async (...words) => {
      const status = await (await begin(...words)).ended;
      if (status !== 0) throw new Error(`${words.join(" ")}: ended with exit status ${status}`);
    },
    read: async (...words) => {
      const child = start(words);
      const [text, complaint, status] = await Promise.all([
        textOf(child.stdout),
        textOf(child.stderr),
        ended(child),
      ]);
      if (status === 0) return text;
      throw new Error(`${words.join(" ")}: ended with exit status ${status}\n${complaint}`);
    },
  };
}

async function textOf(stream: Readable | null): Promise<string> {
  let text = "";
  for await (const part of stream?.setEncoding("utf8") ?? []) text += part as string;
  return text;
}
