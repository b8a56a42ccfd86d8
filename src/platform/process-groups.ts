import { setTimeout as after } from "node:timers/promises";
import type { ProcessIdentity } from "../core/ports.js";
import { groupRuns, localProcesses } from "./process-identity.js";

const graceMs = 5_000;

/** Leaders of the groups that `execute` started and has not yet seen the end of. */
const live = new Set<number>();
let atExit = false;

function signalGroup(leader: number, signal: "SIGTERM" | "SIGKILL"): void {
  try {
    process.kill(-leader, signal);
  } catch {
    // Gone already, which is what was wanted; or not ours to end, which the wait afterwards shows.
  }
}

async function gone(leader: number, withinMs: number): Promise<boolean> {
  const end = performance.now() + withinMs;
  for (let pause = 10; groupRuns(leader); pause = Math.min(pause * 2, 200)) {
    if (performance.now() >= end) return false;
    await after(pause);
  }
  return true;
}

/** Whole group: SIGTERM, 5 s later SIGKILL. Resolves with whether nothing of it is left. */
export async function endGroup(leader: number): Promise<boolean> {
  signalGroup(leader, "SIGTERM");
  if (await gone(leader, graceMs)) return true;
  signalGroup(leader, "SIGKILL");
  return gone(leader, graceMs);
}

export function trackGroup(leader: number): void {
  live.add(leader);
  if (atExit) return;
  atExit = true;
  process.on("exit", () => {
    for (const group of live) signalGroup(group, "SIGTERM");
  });
}

export function forgetGroup(leader: number): void {
  live.delete(leader);
}

/** Before backout ends: nothing that it started goes on. */
export async function endAllGroups(): Promise<void> {
  await Promise.all([...live].map(endGroup));
}

/**
 * Ends what a dead backout left running, and says whether there was anything. While a group has a member, the system
 * gives its number to nobody else: so a group whose leader has gone is still the recorded one, and a leader that
 * started at another time is a stranger.
 */
export async function endOrphanedGroup(leader: ProcessIdentity): Promise<boolean> {
  const here = localProcesses.identify(process.pid);
  if (leader.host !== here?.host || bootOf(leader) !== bootOf(here) || !groupRuns(leader.pid)) return false;
  const now = localProcesses.identify(leader.pid);
  if (now !== undefined && now.started !== leader.started) return false;
  await endGroup(leader.pid);
  return true;
}

const bootOf = (identity: ProcessIdentity) => identity.started.split(":")[0];
