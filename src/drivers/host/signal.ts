import { type DriverContext, defineSignal, type Reading } from "../../core/driver.js";
import { BackoutError, type Problem, problem } from "../../core/errors.js";
import { groupMemory } from "./control-group.js";
import { cpuShare } from "./cpu.js";
import { diskShare } from "./disk.js";
import { type HostOptions, hostOptions } from "./options.js";
import { cpuTimes, namedNumbers, readText, unmeasured } from "./proc-files.js";
import { measuredProcesses } from "./processes.js";

async function memoryShare(options: HostOptions, context: DriverContext): Promise<number> {
  if (options.cgroup !== undefined) return groupMemory(options.cgroup, context);
  const { MemTotal: total, MemAvailable: available } = namedNumbers(await readText("/proc/meminfo", context));
  if (total === undefined || available === undefined) {
    throw unmeasured(context, "/proc/meminfo does not say how much is available");
  }
  if (options.pidFile === undefined && options.process === undefined) return 1 - available / total;
  const processes = await measuredProcesses(options, context);
  return processes.reduce((sum, { resident }) => sum + resident, 0) / (total * 1_024);
}

async function loadPerCpu(context: DriverContext): Promise<number> {
  const [load] = (await readText("/proc/loadavg", context)).split(" ");
  const cpus = cpuTimes(await readText("/proc/stat", context))?.cpus ?? 0;
  const value = Number(load) / cpus;
  if (Number.isFinite(value)) return value;
  throw unmeasured(context, "/proc/loadavg is not as expected");
}

async function measure(options: HostOptions, context: DriverContext): Promise<Reading> {
  switch (options.measure) {
    case "cpu":
      return { value: await cpuShare(options, context), unit: "ratio" };
    case "memory":
      return { value: await memoryShare(options, context), unit: "ratio" };
    case "load":
      return { value: await loadPerCpu(context), unit: "per CPU" };
    case "disk":
    case "inodes":
      return { value: await diskShare(options.measure, options.path, context), unit: "ratio" };
  }
}

export const signal = defineSignal<HostOptions>({
  id: "host",
  title: "CPU, memory, load and disk of the machine, a control group or a process",
  options: hostOptions,
  read: measure,
  check: async (options, context): Promise<Problem[]> => {
    try {
      await measure(options, context);
      return [];
    } catch (error) {
      context.signal.throwIfAborted();
      if (!(error instanceof BackoutError)) throw error;
      return [problem(context.name, error.message, error.hint)];
    }
  },
});
