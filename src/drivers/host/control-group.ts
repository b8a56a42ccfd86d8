import type { DriverContext } from "../../core/driver.js";
import { namedNumbers, readIfThere, readText, unmeasured } from "./proc-files.js";

const root = "/sys/fs/cgroup";

const within = (group: string): string => group.replace(/^\/+/, "").replace(/\/+$/, "");

/** Version 2 has one tree, version 1 one for each kind of resource. */
async function filesOf(group: string, controller: string, context: DriverContext) {
  const unified = `${root}/${within(group)}`;
  const separate = `${root}/${controller}/${within(group)}`;
  const isUnified = (await readIfThere(`${root}/cgroup.controllers`, context)) !== undefined;
  const folder = isUnified ? unified : separate;
  if ((await context.host.files.stat(folder)) === undefined) {
    throw unmeasured(context, `${folder}: there is no such control group`, "systemd-cgls shows the groups");
  }
  return { folder, isUnified };
}

const numberIn = (text: string, path: string, context: DriverContext): number => {
  const value = /^\d+\s*$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isFinite(value)) return value;
  throw unmeasured(context, `${path} has no number in it: ${JSON.stringify(text.slice(0, 40))}`);
};

/** What it cannot give back, as a share of its limit: file pages that nobody needs are not counted. */
export async function groupMemory(group: string, context: DriverContext): Promise<number> {
  const { folder, isUnified } = await filesOf(group, "memory", context);
  const names = isUnified
    ? { used: "memory.current", limit: "memory.max", inactive: "inactive_file" }
    : { used: "memory.usage_in_bytes", limit: "memory.limit_in_bytes", inactive: "total_inactive_file" };
  const number = async (name: string) => {
    const path = `${folder}/${name}`;
    return numberIn(await readText(path, context), path, context);
  };
  const limitText = (await readText(`${folder}/${names.limit}`, context)).trim();
  const limit = limitText === "max" ? Number.POSITIVE_INFINITY : Number(limitText);
  // Version 1 says "none" with the largest number of pages that there is.
  if (!(limit < 2 ** 60)) {
    const hint = "give it one (MemoryMax=, --memory), or measure the memory of the machine";
    throw unmeasured(
      context,
      `the control group "${group}" has no memory limit to be measured against`,
      hint,
    );
  }
  const inactive = namedNumbers(await readText(`${folder}/memory.stat`, context))[names.inactive] ?? 0;
  return Math.max(0, (await number(names.used)) - inactive) / limit;
}

export interface GroupCpu {
  /** Microseconds of CPU time. */
  readonly used: number;
  /** CPUs that it may use at most; `undefined`: as many as the machine has. */
  readonly cpus: number | undefined;
}

export async function groupCpu(group: string, context: DriverContext): Promise<GroupCpu> {
  const { folder, isUnified } = await filesOf(group, "cpuacct", context);
  if (isUnified) {
    const used = namedNumbers(await readText(`${folder}/cpu.stat`, context))["usage_usec"];
    if (used === undefined) throw unmeasured(context, `${folder}/cpu.stat does not say how much was used`);
    const [quota, period] = ((await readIfThere(`${folder}/cpu.max`, context)) ?? "max").trim().split(" ");
    return { used, cpus: share(Number(quota), Number(period)) };
  }
  const path = `${folder}/cpuacct.usage`;
  const used = numberIn(await readText(path, context), path, context) / 1_000;
  const quotas = `${root}/cpu/${within(group)}`;
  const number = async (name: string) => Number((await readIfThere(`${quotas}/${name}`, context)) ?? "-1");
  return { used, cpus: share(await number("cpu.cfs_quota_us"), await number("cpu.cfs_period_us")) };
}

const share = (quota: number, period: number): number | undefined =>
  quota > 0 && period > 0 ? quota / period : undefined;
