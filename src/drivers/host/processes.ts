import type { DriverContext } from "../../core/driver.js";
import type { HostOptions } from "./options.js";
import { namedNumbers, processTimes, readIfThere, readText, unmeasured } from "./proc-files.js";

export interface Measured {
  readonly pid: number;
  readonly started: number;
  readonly ticks: number;
  /** Bytes in memory. */
  readonly resident: number;
}

/** The processes that are meant; throws where there is none. */
export async function measuredProcesses(options: HostOptions, context: DriverContext): Promise<Measured[]> {
  if (options.pidFile !== undefined) {
    const text = (await readText(options.pidFile, context)).trim();
    const pid = /^[1-9]\d*$/.test(text) ? Number(text) : undefined;
    if (pid === undefined) {
      throw unmeasured(
        context,
        `${options.pidFile} has no process number in it: ${JSON.stringify(text.slice(0, 40))}`,
      );
    }
    const found = await look(pid, context);
    if (found !== undefined) return [found];
    throw unmeasured(
      context,
      `process ${pid} of ${options.pidFile} does not run`,
      "start it, or remove the stale file",
    );
  }
  const entries = await context.host.files.list("/proc");
  const pids = entries.map(({ name }) => name).filter((name) => /^\d+$/.test(name));
  const found: Measured[] = [];
  for (const pid of pids) {
    const name = await readIfThere(`/proc/${pid}/comm`, context).catch(() => undefined);
    if (name?.trim() !== options.process) continue;
    const one = await look(Number(pid), context);
    if (one !== undefined) found.push(one);
  }
  if (found.length > 0) return found;
  throw unmeasured(context, `no process is called "${options.process}"`, "ps -eo comm shows the names");
}

/** `undefined` where it is gone. */
async function look(pid: number, context: DriverContext): Promise<Measured | undefined> {
  const [stat, status] = await Promise.all(
    ["stat", "status"].map((file) => readIfThere(`/proc/${pid}/${file}`, context)),
  );
  const times = stat === undefined ? undefined : processTimes(stat);
  if (times === undefined || status === undefined) return undefined;
  // A kernel thread has none.
  return { pid, ...times, resident: (namedNumbers(status)["VmRSS"] ?? 0) * 1_024 };
}
