import { readdirSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import {
  markVariable,
  type Orphans,
  type ProcessIdentity,
  type StepProcess,
  stepVariable,
} from "../core/ports.js";
import { endGroup, endOrphanedGroup } from "./process-groups.js";
import { groupRuns, localProcesses, statOf } from "./process-identity.js";

/** Ends what a dead backout's steps left running on this machine. */
export const localOrphans: Orphans = {
  async end(steps) {
    const marked = markedProcesses(new Set(steps.map(({ key }) => key)));
    return Promise.all(
      steps.map(async ({ key, known }) => {
        const own = marked.filter((one) => one.key === key);
        const results = await Promise.all([
          ...known.map((one) => endKnown(one, own)),
          ...unknownLeaders(known, own).map(endMarked),
        ]);
        return {
          key,
          ended: results.flatMap(({ ended }) => ended),
          left: results.flatMap(({ left }) => left),
        };
      }),
    );
  },
};

interface Result {
  readonly ended: ProcessIdentity[];
  readonly left: ProcessIdentity[];
}

const nothing: Result = { ended: [], left: [] };

async function endKnown({ process: leader, mark }: StepProcess, own: readonly Marked[]): Promise<Result> {
  if (leader.host !== hostname()) return { ended: [], left: [leader] };
  const groups = own.filter(
    (one) => one.mark === mark && one.session === leader.pid && one.group !== leader.pid,
  );
  const others = await endMarked(groups);
  if (!(await endOrphanedGroup(leader))) return others;
  const result = groupRuns(leader.pid) ? { ended: [], left: [leader] } : { ended: [leader], left: [] };
  return { ended: [...result.ended, ...others.ended], left: [...result.left, ...others.left] };
}

/**
 * Programs that were started right before backout died, so that nobody wrote down their leaders. Of all sessions with
 * the same mark the program's own is the first; later ones are daemons.
 */
function unknownLeaders(known: readonly StepProcess[], own: readonly Marked[]): Marked[][] {
  const marks = new Set(own.map(({ mark }) => mark));
  for (const { mark } of known) marks.delete(mark);
  return [...marks].map((mark) => {
    const all = own.filter((one) => one.mark === mark);
    const first = Math.min(...all.map(({ session }) => session));
    return all.filter(({ session }) => session === first);
  });
}

async function endMarked(all: readonly Marked[]): Promise<Result> {
  const groups = [...new Set(all.map(({ group }) => group))];
  const results = await Promise.all(
    groups.map(async (group): Promise<Result> => {
      const identity = localProcesses.identify(group) ?? { pid: group, started: "", host: hostname() };
      return (await endGroup(group)) ? { ended: [identity], left: [] } : { ended: [], left: [identity] };
    }),
  );
  return results.reduce(
    (sum, one) => ({ ended: [...sum.ended, ...one.ended], left: [...sum.left, ...one.left] }),
    nothing,
  );
}

interface Marked {
  readonly key: string;
  readonly mark: string;
  readonly group: number;
  readonly session: number;
}

/** Where there is no /proc, nothing is found: the recorded leaders are all that is known then. */
function markedProcesses(keys: ReadonlySet<string>): Marked[] {
  const own = statOf(process.pid);
  if (own === undefined) return [];
  return readdirSync("/proc").flatMap((pid): Marked[] => {
    if (!/^\d+$/.test(pid)) return [];
    const variables = environmentOf(pid);
    const key = variables.get(stepVariable);
    const stat = key === undefined || !keys.has(key) ? undefined : statOf(pid);
    if (key === undefined || stat === undefined || stat.ended || stat.group === own.group) return [];
    return [{ key, mark: variables.get(markVariable) ?? "", group: stat.group, session: stat.session }];
  });
}

/** Empty for processes of other users and for those that have just ended. */
function environmentOf(pid: string): Map<string, string> {
  try {
    const entries = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
    return new Map(
      entries.map((entry) => [entry.split("=", 1)[0] ?? "", entry.slice(entry.indexOf("=") + 1)]),
    );
  } catch {
    return new Map();
  }
}
