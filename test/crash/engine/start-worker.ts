import { type ChildProcess, spawn } from "node:child_process";
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import type { Work } from "./worker.js";

type Line = Readonly<Record<string, unknown>>;

export interface Worker {
  readonly process: ChildProcess;
  readonly lines: readonly Line[];
  /** The first line that has this key; rejects when the process ends without it. */
  said(key: string, value?: unknown): Promise<Line>;
  readonly ended: Promise<NodeJS.Signals | number | null>;
}

const root = join(import.meta.dirname, "../../..");

/** Bundles the worker into a folder; another `build` makes other code of it, as an update would. */
export async function bundleWorker(folder: string, builds: readonly string[]): Promise<void> {
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  for (const name of builds) {
    await build({
      entryPoints: [join(import.meta.dirname, "worker.ts")],
      outfile: join(folder, `${name}.mjs`),
      bundle: true,
      platform: "node",
      format: "esm",
      external: ["@photostructure/sqlite", "@dbos-inc/dbos-sdk", "pg"],
      banner: {
        js: `import { createRequire } from "node:module"; const require = createRequire(import.meta.url);`,
      },
      footer: { js: `globalThis.backoutBuild = ${JSON.stringify(name)};` },
    });
  }
}

export function startWorker(program: string, work: Work): Worker {
  const child = spawn(process.execPath, [program, JSON.stringify(work)], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const lines: Line[] = [];
  const waiting = new Set<() => void>();
  let complaint = "";
  let rest = "";
  let over = false;
  const tell = (): void => {
    for (const wake of waiting) wake();
  };
  child.stderr.on("data", (data) => (complaint += data));
  child.stdout.on("data", (data) => {
    const texts = `${rest}${data}`.split("\n");
    rest = texts.pop() ?? "";
    lines.push(...texts.map((text) => JSON.parse(text) as Line));
    tell();
  });
  const ended = new Promise<NodeJS.Signals | number | null>((resolve) => {
    child.on("close", (status, signal) => {
      over = true;
      tell();
      resolve(signal ?? status);
    });
  });
  return {
    process: child,
    lines,
    ended,
    said: (key, value) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const line = lines.find((one) => key in one && (value === undefined || one[key] === value));
          if (line === undefined && !over) return;
          waiting.delete(look);
          if (line !== undefined) resolve(line);
          else reject(new Error(`it ended without "${key}": ${JSON.stringify(lines.at(-1))} ${complaint}`));
        };
        waiting.add(look);
        look();
      }),
  };
}
