import { readFileSync, statSync } from "node:fs";

export interface LockHolder {
  readonly pid: number;
  /** Stopped (SIGSTOP, Ctrl-Z, a debugger): it gives its locks back to nobody until it goes on or ends. */
  readonly stopped: boolean;
}

/**
 * The other process that has an SQLite database in WAL mode locked for writing, where the system tells (Linux). SQLite
 * locks bytes of `-shm` beside the file (https://www.sqlite.org/walformat.html, "WAL-index locking").
 */
export function lockHolder(database: string): LockHolder | undefined {
  try {
    const inode = String(statSync(`${database}-shm`).ino);
    for (const line of readFileSync("/proc/locks", "utf8").split("\n")) {
      const [, , , kind, pid, place] = line.split(/\s+/);
      if (kind !== "WRITE" || place?.split(":")[2] !== inode || Number(pid) === process.pid) continue;
      const state = /^State:\s+(\w)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
      return { pid: Number(pid), stopped: state === "T" || state === "t" };
    }
  } catch {
    // Another system, or a process that has just ended.
  }
  return undefined;
}
