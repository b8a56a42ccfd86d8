import type { DriverContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { Variables } from "./env-text.js";
import type { ProcessOptions } from "./options.js";

export interface RunningProcess {
  readonly pid: number;
  /** Number and start time: another one after a restart, even where the number is the same. */
  readonly instance: string;
  /** As it was given at the start. The value of a variable is never shown. */
  readonly variables: Variables;
}

interface Stat {
  readonly parent: number;
  readonly started: string;
}

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

async function ifThere<T>(look: Promise<T>): Promise<T | undefined> {
  try {
    return await look;
  } catch (error) {
    if (error instanceof BackoutError && error.code === "NOT_FOUND") return undefined;
    // A process that ends while it is read answers ESRCH, which has no code of its own.
    if (error instanceof BackoutError && error.code !== "DENIED" && String(error.cause).includes("ESRCH"))
      return undefined;
    throw error;
  }
}

/** `undefined` where no such process runs. */
async function statOf(pid: number, { host }: DriverContext): Promise<Stat | undefined> {
  const bytes = await ifThere(host.files.read(`/proc/${pid}/stat`));
  if (bytes === undefined) return undefined;
  // The second field is the name in brackets and may itself hold blanks and brackets.
  const line = text(bytes);
  const fields = line.slice(line.lastIndexOf(")") + 2).split(" ");
  const [state = "Z", parent = "0"] = fields;
  if (state === "Z" || state === "X") return undefined;
  return { parent: Number(parent), started: fields[19] ?? "" };
}

async function read(pid: number, context: DriverContext): Promise<RunningProcess | undefined> {
  const stat = await statOf(pid, context);
  const bytes = await ifThere(context.host.files.read(`/proc/${pid}/environ`));
  if (stat === undefined || bytes === undefined) return undefined;
  const variables: Record<string, string> = {};
  for (const entry of text(bytes).split("\0")) {
    const at = entry.indexOf("=");
    if (at > 0) variables[entry.slice(0, at)] ??= entry.slice(at + 1);
  }
  return { pid, instance: `${pid}@${stat.started}`, variables };
}

async function descendants(root: number, context: DriverContext): Promise<number[]> {
  const entries = await context.host.files.list("/proc");
  const pids = entries.map(({ name }) => Number(name)).filter(Number.isInteger);
  const stats = await Promise.all(pids.map(async (pid) => ({ pid, stat: await statOf(pid, context) })));
  const found = [root];
  for (const parent of found) {
    for (const { pid, stat } of stats) if (stat?.parent === parent && !found.includes(pid)) found.push(pid);
  }
  return found.slice(1);
}

/** The process of the pid file first, then its children where they count. Empty where it does not run. */
export async function runningProcesses(
  options: ProcessOptions,
  context: DriverContext,
): Promise<RunningProcess[]> {
  const written = await ifThere(context.host.files.read(options.pidFile));
  const pid = Number(written === undefined ? Number.NaN : text(written).trim());
  if (!Number.isInteger(pid) || pid <= 0) return [];
  const first = await read(pid, context);
  if (first === undefined) return [];
  if (!options.children) return [first];
  const children = await Promise.all((await descendants(pid, context)).map((one) => read(one, context)));
  return [first, ...children.flatMap((one) => one ?? [])];
}

/** Names of the variables that a process has otherwise than expected; `undefined` in `expected` means not at all. */
export function staleKeys(
  processes: readonly RunningProcess[],
  expected: Readonly<Record<string, string | undefined>>,
): string[] {
  const keys = Object.keys(expected).filter((key) =>
    processes.some(({ variables }) => variables[key] !== expected[key]),
  );
  return keys.sort();
}

/** What a process must have once it was started with the file; names in `absent` must not be there any more. */
export function expectedOf(
  file: Variables,
  { keys }: ProcessOptions,
  absent: readonly string[] = [],
): Record<string, string | undefined> {
  const names = keys ?? [...Object.keys(file), ...absent];
  return Object.fromEntries(names.map((key) => [key, file[key]]));
}
