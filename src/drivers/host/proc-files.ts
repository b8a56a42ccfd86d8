import { type DriverContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";

export const unmeasured = (context: Pick<DriverContext, "name">, fact: string, hint?: string): BackoutError =>
  new BackoutError("UNREACHABLE", `${context.name}: could not measure, ${fact}`, {
    effect: "none",
    ...(hint === undefined ? {} : { hint }),
  });

export async function readText(path: string, { host }: DriverContext): Promise<string> {
  return new TextDecoder().decode(await host.files.read(path));
}

export async function readIfThere(path: string, context: DriverContext): Promise<string | undefined> {
  try {
    return await readText(path, context);
  } catch (error) {
    if (error instanceof BackoutError && error.code === "NOT_FOUND") return undefined;
    throw error;
  }
}

/** `MemTotal:  1234 kB` and the like: numbers by name. */
export function namedNumbers(text: string): Readonly<Record<string, number>> {
  const rows = text.split("\n").flatMap((line): [string, number][] => {
    const [, name, value] = /^(\w[\w()]*):?\s+(\d+)/.exec(line) ?? [];
    return name === undefined ? [] : [[name, Number(value)]];
  });
  return Object.fromEntries(rows);
}

export interface CpuTimes {
  /** Of all CPUs together, in ticks. */
  readonly busy: number;
  readonly total: number;
  readonly cpus: number;
}

/** `/proc/stat`: the first line is all CPUs; guest times are within user's. */
export function cpuTimes(text: string): CpuTimes | undefined {
  const [first = "", ...rest] = text.split("\n");
  const numbers = first.split(/\s+/).slice(1, 9).map(Number);
  if (!first.startsWith("cpu ") || numbers.length < 5 || numbers.some(Number.isNaN)) return undefined;
  const total = numbers.reduce((sum, value) => sum + value, 0);
  const idle = (numbers[3] ?? 0) + (numbers[4] ?? 0);
  return { busy: total - idle, total, cpus: rest.filter((line) => /^cpu\d/.test(line)).length };
}

export interface ProcessTimes {
  /** Ticks in user and system mode. */
  readonly ticks: number;
  /** Since boot, ticks: told apart from a later one with the same number. */
  readonly started: number;
  readonly name: string;
}

/** `/proc/<pid>/stat`: the name may have blanks and brackets in it, what follows the last bracket is plain. */
export function processTimes(text: string): ProcessTimes | undefined {
  const end = text.lastIndexOf(")");
  const fields = text.slice(end + 2).split(" ");
  const [user, system, started] = [fields[11], fields[12], fields[19]].map(Number);
  if (end < 0 || user === undefined || system === undefined || started === undefined) return undefined;
  if (![user, system, started].every(Number.isFinite)) return undefined;
  return { ticks: user + system, started, name: text.slice(text.indexOf("(") + 1, end) };
}
