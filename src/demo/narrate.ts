import { once } from "node:events";
import { createInterface, type Interface } from "node:readline";
import { palette, useColour } from "../cli/render/colour.js";

/** What the demo says: its own words, the commands it runs, and what they print, set in. */
export interface Narrator {
  /** Whether what is printed may be coloured. */
  readonly colours: boolean;
  /** Width of the terminal, where there is one. */
  readonly columns: number | undefined;
  title(text: string): void;
  chapter(text: string): void;
  say(text: string): void;
  /** A command about to run; where the demo is interactive, resolves on Enter. */
  command(text: string): Promise<void>;
  /** A line that a command printed; `behind` where others run in front of it. */
  output(line: string, behind?: boolean): void;
  /** Names, figures and remarks, in columns. */
  figures(rows: readonly Figure[]): void;
  end(held: boolean, text: string): void;
  /** Nothing is said after it. */
  close(): void;
}

export interface Figure {
  readonly name: string;
  readonly value: string;
  readonly remark?: string;
  readonly holds: boolean;
}

/** Reads Enter without taking Ctrl-C for itself. */
async function enter(lines: Interface): Promise<void> {
  const done = new AbortController();
  const { signal } = done;
  await Promise.race([once(lines, "line", { signal }), once(lines, "close", { signal })]).finally(() =>
    done.abort(),
  );
}

export function narrator(out: NodeJS.WriteStream, interactive: boolean): Narrator {
  const colours = useColour(out, process.env);
  const { strong, dim, accent, good, bad } = palette(colours);
  const lines = interactive ? createInterface({ input: process.stdin, terminal: false }) : undefined;
  let input = true;
  lines?.once("close", () => {
    input = false;
  });
  let open = true;
  const print = (text: string): void => {
    if (open) out.write(`${text}\n`);
  };
  return {
    colours,
    columns: out.isTTY ? out.columns : undefined,
    title: (text) => print(`\n${strong(text)}`),
    chapter: (text) => print(`\n${accent("●")} ${strong(text)}`),
    say: (text) => print(`  ${text}`.trimEnd()),
    command: async (text) => {
      if (open) out.write(`\n  ${dim("$")} ${strong(text)}`);
      if (lines !== undefined && input) {
        out.write(dim("   Enter ⏎ "));
        await enter(lines);
        if (process.stdin.isTTY) return;
      }
      print("");
    },
    output: (line, behind = false) => print(`  ${behind ? dim("│") : " "} ${line}`.trimEnd()),
    figures: (rows) => {
      const widest = (pick: (row: Figure) => string): number =>
        Math.max(...rows.map((row) => pick(row).length));
      const names = widest((row) => row.name);
      const values = widest((row) => row.value);
      for (const { name, value, remark, holds } of rows) {
        const mark = holds ? good("✓") : bad("✗");
        const rest = remark === undefined ? "" : `  ${" ".repeat(values - value.length)}${dim(remark)}`;
        print(`  ${mark} ${name.padEnd(names)}  ${strong(value)}${rest}`);
      }
    },
    end: (held, text) => print(`\n  ${held ? good(text) : bad(text)}\n`),
    close: () => {
      open = false;
      lines?.close();
    },
  };
}

export const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;

/** `12,000` */
export const count = (number: number): string => number.toLocaleString("en-GB");
