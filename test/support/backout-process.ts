import { type ChildProcessByStdio, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("../../dist/backout.js", import.meta.url));

export interface Place {
  readonly cwd: string;
  /** Beside PATH and HOME, all that the process has. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** For `runuser`: who runs it. */
  readonly user?: string;
}

export interface Ended {
  /** The signal's name where one ended it. */
  readonly status: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Started {
  readonly process: ChildProcessByStdio<null, Readable, Readable>;
  readonly ended: Promise<Ended>;
  /** Until the output has the text, for at most four minutes. */
  said(text: string): Promise<void>;
}

/** The built program as a child process, its input closed and its output piped. */
export function startBackout({ cwd, environment, user }: Place, ...args: string[]): Started {
  const { PATH, HOME } = process.env;
  const [file, ...words] =
    user === undefined
      ? [process.execPath, program, ...args]
      : ["runuser", "-u", user, "--", process.execPath, program, ...args];
  const child = spawn(file, words, {
    cwd,
    env: { PATH, HOME, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const out = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      out[name] += text;
    });
  }
  const ended = once(child, "close").then(
    ([code, signal]): Ended => ({ status: (code as number | null) ?? String(signal), ...out }),
  );
  return {
    process: child,
    ended,
    async said(text) {
      const limit = Date.now() + 240_000;
      while (!`${out.stdout}${out.stderr}`.includes(text)) {
        const late = Date.now() > limit;
        if (late) child.kill("SIGKILL");
        if (late || child.exitCode !== null || child.signalCode !== null)
          throw new Error(`no "${text}": ${out.stdout}${out.stderr}`);
        await sleep(5);
      }
    },
  };
}

export const backout = (place: Place, ...args: string[]): Promise<Ended> =>
  startBackout(place, ...args).ended;

/** Path → kind, mode and contents of everything below a folder, but for SQLite's own index of its log. */
export function pictureOf(folder: string, except: readonly string[] = []): Record<string, string> {
  const picture: Record<string, string> = {};
  const walk = (path: string): void => {
    for (const name of readdirSync(join(folder, path))) {
      const inner = path === "" ? name : `${path}/${name}`;
      if (name.endsWith("-shm") || name.endsWith("-wal") || except.includes(inner)) continue;
      const stats = lstatSync(join(folder, inner));
      if (stats.isSymbolicLink()) picture[inner] = `→ ${readlinkSync(join(folder, inner))}`;
      else if (stats.isDirectory()) {
        picture[inner] = `folder ${stats.mode.toString(8)}`;
        walk(inner);
      } else {
        const digest = createHash("sha256")
          .update(readFileSync(join(folder, inner)))
          .digest("hex");
        picture[inner] = `${stats.mode.toString(8)} ${digest}`;
      }
    }
  };
  walk("");
  return picture;
}

/** Every line is a JSON value. */
export const jsonLines = (text: string): Record<string, unknown>[] =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
