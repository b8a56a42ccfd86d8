import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const patienceMs = 4_000;

/** What must not outlive the demo: process groups and a folder. */
export interface Scope {
  readonly root: string;
  /** Every process group that was started, by the number of its first process. */
  readonly started: ReadonlySet<number>;
  readonly ending: boolean;
  /** Starts a program in a process group of its own, so that Ctrl-C reaches only the demo, which ends things in order. */
  start(argv: readonly string[], options: SpawnOptions): ChildProcess;
  /** Ends all groups, the last started first, and removes the folder. */
  end(): Promise<void>;
  /** The same by force and at once: for when the demo itself is going. */
  kill(): void;
}

function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-pid, signal);
    return true;
  } catch {
    return false;
  }
}

async function endGroup(pid: number): Promise<void> {
  const limit = Date.now() + patienceMs;
  signalGroup(pid, "SIGTERM");
  while (signalGroup(pid, 0)) {
    if (Date.now() > limit) signalGroup(pid, "SIGKILL");
    await sleep(20);
  }
}

export function openScope(): Scope {
  const root = mkdtempSync(join(tmpdir(), "backout-demo-"));
  const started = new Set<number>();
  const groups = new Set<number>();
  let ended: Promise<void> | undefined;
  const remove = (): void => rmSync(root, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  const end = async (): Promise<void> => {
    for (const pid of [...groups].reverse()) await endGroup(pid);
    remove();
  };
  return {
    root,
    started,
    get ending() {
      return ended !== undefined;
    },
    start: ([program = "", ...args], options) => {
      if (ended !== undefined) throw new Error("the demo is ending");
      const child = spawn(program, args, { ...options, detached: true });
      const { pid } = child;
      if (pid === undefined) return child;
      started.add(pid);
      groups.add(pid);
      child.once("exit", () => {
        if (!signalGroup(pid, 0)) groups.delete(pid);
      });
      return child;
    },
    end: () => {
      ended ??= end();
      return ended;
    },
    kill: () => {
      for (const pid of groups) signalGroup(pid, "SIGKILL");
      remove();
    },
  };
}
