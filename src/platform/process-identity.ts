import { readdirSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import { systemErrorCode } from "../core/file-error.js";
import type { Processes, ProcessIdentity } from "../core/ports.js";

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** True also for one that belongs to somebody else, which may not be signalled. `-pid` asks for the group. */
export function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemErrorCode(error) === "EPERM";
  }
}

interface ProcessStat {
  /** Ended, but not yet collected by its parent: in a container without an init that is for ever. */
  readonly ended: boolean;
  readonly group: number;
  readonly session: number;
  /** Clock ticks since the boot. */
  readonly started: string;
}

/** From /proc, where there is one. The program's name in the second field may hold blanks and brackets. */
export function statOf(pid: number | string): ProcessStat | undefined {
  const text = readIfThere(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  const [state, , group, session, ...fields] = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return {
    ended: state === "Z" || state === "X",
    group: Number(group),
    session: Number(session),
    started: fields[15] ?? "",
  };
}

/** Whether the group has a member that has not ended. */
export function groupRuns(leader: number): boolean {
  if (!processExists(-leader)) return false;
  if (statOf(process.pid) === undefined) return true;
  return readdirSync("/proc").some((pid) => {
    const stat = /^\d+$/.test(pid) ? statOf(pid) : undefined;
    return stat !== undefined && stat.group === leader && !stat.ended;
  });
}

export const localProcesses: Processes = {
  identify(pid) {
    if (!processExists(pid)) return undefined;
    const stat = statOf(pid);
    if (stat?.ended) return undefined;
    const boot = readIfThere("/proc/sys/kernel/random/boot_id")?.trim() ?? "";
    return { pid, started: stat === undefined ? "" : `${boot}:${stat.started}`, host: hostname() };
  },
  alive(identity: ProcessIdentity) {
    if (identity.host !== hostname()) return undefined;
    const now = localProcesses.identify(identity.pid);
    return now !== undefined && now.started === identity.started;
  },
};
