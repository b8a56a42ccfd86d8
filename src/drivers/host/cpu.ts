import type { DriverContext } from "../../core/driver.js";
import { groupCpu } from "./control-group.js";
import type { HostOptions } from "./options.js";
import { cpuTimes, readText, unmeasured } from "./proc-files.js";
import { measuredProcesses } from "./processes.js";

/** CPU time used so far, in ticks, by what is measured; two of them make a share. */
interface Look {
  readonly at: number;
  /** By process, or one entry: what began in between has no earlier figure and counts from its start. */
  readonly used: ReadonlyMap<string, number>;
  /** CPU ticks that there were for it since boot, where the kernel says so. */
  readonly total?: number;
  readonly cpus: number;
}

/** Whoever reads a signal keeps its options for as long as it does. */
const earlier = new WeakMap<HostOptions, Look>();
/** The first reading has nothing to compare with: it looks twice. */
const firstSpan = 1_000;
const ticksPerSecond = 100;

/** The used share of the CPUs since the reading before. */
export async function cpuShare(options: HostOptions, context: DriverContext): Promise<number> {
  let before = earlier.get(options);
  if (before === undefined) {
    before = await look(options, context);
    await context.clock.sleep(firstSpan, context.signal);
  }
  const now = await look(options, context);
  earlier.set(options, now);
  let used = 0;
  for (const [key, ticks] of now.used) used += Math.max(0, ticks - (before.used.get(key) ?? 0));
  const seconds = (now.at - before.at) / 1_000;
  const available =
    now.total !== undefined && before.total !== undefined
      ? now.total - before.total
      : seconds * ticksPerSecond * now.cpus;
  if (available <= 0)
    throw unmeasured(context, "no CPU time has passed since the reading before", "read less often");
  return Math.min(1, used / available);
}

async function look(options: HostOptions, context: DriverContext): Promise<Look> {
  const machine = cpuTimes(await readText("/proc/stat", context));
  if (machine === undefined) throw unmeasured(context, "/proc/stat is not as expected");
  const at = context.clock.monotonic();
  const { cgroup } = options;
  if (cgroup !== undefined) {
    const { used, cpus } = await groupCpu(cgroup, context);
    return { at, used: new Map([[cgroup, (used / 1_000_000) * ticksPerSecond]]), cpus: cpus ?? machine.cpus };
  }
  if (options.pidFile === undefined && options.process === undefined) {
    return { at, used: new Map([["machine", machine.busy]]), total: machine.total, cpus: machine.cpus };
  }
  const processes = await measuredProcesses(options, context);
  const used = new Map(processes.map(({ pid, started, ticks }) => [`${pid}/${started}`, ticks]));
  return { at, used, cpus: machine.cpus };
}
