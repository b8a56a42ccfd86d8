import { spawn } from "node:child_process";

export interface Life {
  /** Why it ended before its time; absent where it came to its end. */
  readonly killed: boolean;
  /** The moments that it passed, in order. */
  readonly moments: readonly string[];
  /** What became of the run, by its own account. */
  readonly said: RunSaid | undefined;
  readonly ms: number;
}

export interface RunSaid {
  readonly run: string;
  readonly status: string;
  readonly outcome?: string;
  readonly changed: boolean;
  /** The step at which it stands. */
  readonly asks?: string;
  readonly statuses: Readonly<Record<string, string>>;
}

export interface Death {
  /** Kills itself there. */
  readonly at?: string;
  /** Is killed so long after its process was started. */
  readonly afterMs?: number;
}

/** One process from its start to its end, or to its death. */
export function live(program: string, args: readonly string[], { at, afterMs }: Death = {}): Promise<Life> {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const child = spawn(process.execPath, [program, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...(at === undefined ? {} : { CRASH_AT: at }) },
    });
    let said = "";
    let complaint = "";
    child.stderr.on("data", (data) => (complaint += data));
    child.stdout.on("data", (data) => (said += data));
    const timer = afterMs === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), afterMs);
    child.on("error", reject);
    child.on("close", (status, signal) => {
      clearTimeout(timer);
      const lines = said.trim().split("\n");
      if (signal === null && status !== 0) {
        reject(new Error(`the process ended with ${status} after "${lines.at(-1)}": ${complaint}`));
        return;
      }
      const last = lines.findLast((line) => line.startsWith("{"));
      resolve({
        killed: signal !== null,
        moments: lines.filter((line) => !line.startsWith("{")),
        said: last === undefined ? undefined : (JSON.parse(last) as RunSaid),
        ms: performance.now() - started,
      });
    });
  });
}
