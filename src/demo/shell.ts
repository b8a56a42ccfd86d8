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
  /** The same behind the others: what it prints is marked. */
  begin(...words: string[]): Promise<Running>;
  /** Unseen; resolves with what it printed. */
  read(...words: string[]): Promise<string>;
}

export interface Running {
  readonly ended: Promise<number>;
  /** Resolves once it has printed the text, or has ended. */
  prints(text: string): Promise<void>;
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
  const width = narrator.columns === undefined ? {} : { COLUMNS: String(narrator.columns - indent) };
  const shared = { ...inherited, ...colours, ...width };

  function start(words: readonly string[]): ChildProcess {
    const own = words[0] === "backout";
    const argv = own ? [process.execPath, program, ...words.slice(1)] : [process.execPath, ...words.slice(1)];
    const env = own ? { ...shared, ...secrets } : shared;
    return scope.start(argv, { cwd: scope.root, env, stdio: ["ignore", "pipe", "pipe"] });
  }

  async function present(words: readonly string[], behind: boolean): Promise<Running> {
    await narrator.command(words.join(" "));
    const child = start(words);
    const end = ended(child);
    const lines: string[] = [];
    for (const stream of [child.stdout, child.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on("line", (line) => {
        lines.push(line);
        narrator.output(line, behind);
        child.emit("line");
      });
    }
    const prints = async (text: string): Promise<void> => {
      while (child.exitCode === null && !lines.some((line) => line.includes(text))) {
        await Promise.race([once(child, "line"), end]);
      }
    };
    return { ended: end, prints };
  }

  return {
    begin: (...words) => present(words, true),
    run: async (...words) => {
      const status = await (await present(words, false)).ended;
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

async function ended(child: ChildProcess): Promise<number> {
  const [code] = (await once(child, "close")) as [number | null];
  return code ?? 1;
}

async function textOf(stream: Readable | null): Promise<string> {
  let text = "";
  for await (const part of stream?.setEncoding("utf8") ?? []) text += part as string;
  return text;
}
