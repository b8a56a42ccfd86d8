import type { DriverContext, StepContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { Repository } from "./repository.js";
import { ownFolder } from "./workspace.js";

/** Says whose checkout began and did not end: what it left half-done may then be finished, and its locks removed. */
export interface Marker {
  readonly mine: boolean;
  /** When it was written, milliseconds since the epoch. */
  readonly at: number;
}

const pathOf = (repository: Repository): string => `${ownFolder(repository)}/restoring`;

export async function readMarker(
  repository: Repository,
  { host, key }: StepContext,
): Promise<Marker | undefined> {
  const stat = await host.files.stat(pathOf(repository));
  if (stat === undefined) return undefined;
  const text = new TextDecoder().decode(await host.files.read(pathOf(repository)));
  return { mine: text === key, at: stat.modified };
}

export const writeMarker = (repository: Repository, { host, key }: StepContext): Promise<void> =>
  host.files.write(pathOf(repository), key, { mode: 0o600 });

export const removeMarker = (repository: Repository, { host }: StepContext): Promise<void> =>
  host.files.remove(pathOf(repository));

const waitMs = { mine: 30_000, others: 5_000 } as const;
const pollMs = 100;

/** Numbers of the git processes that work in this work tree; undefined where the system does not tell. */
async function gitProcesses(
  { top, gitDir }: Repository,
  { host: { files } }: DriverContext,
): Promise<number[] | undefined> {
  if ((await files.stat("/proc/self")) === undefined) return undefined;
  const inside = (path: string): boolean =>
    [top, gitDir].some((one) => path === one || path.startsWith(`${one}/`));
  const look = async (pid: string): Promise<boolean> => {
    try {
      const args = new TextDecoder().decode(await files.read(`/proc/${pid}/cmdline`)).split("\0");
      if (!/(^|\/)git(-[\w-]+)?$/.test(args[0] ?? "")) return false;
      return args.some(inside) || inside(await files.readLink(`/proc/${pid}/cwd`));
    } catch (error) {
      // It has ended meanwhile, or belongs to somebody else, whose files these then are not.
      if (error instanceof BackoutError) return false;
      throw error;
    }
  };
  const pids = (await files.list("/proc")).map(({ name }) => name).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(pids.map(async (pid) => ((await look(pid)) ? [Number(pid)] : [])));
  return found.flat();
}

/**
 * Waits for a git that is still at work, then for its locks. One that stays is removed only if it is ours: made after our
 * marker, with no git process left in this work tree. Anything else is explained.
 */
export async function passLocks(
  repository: Repository,
  context: StepContext,
  marker: Marker | undefined,
  names: readonly string[],
): Promise<void> {
  const { files } = context.host;
  const mine = marker?.mine === true;
  const limit = context.clock.monotonic() + (mine ? waitMs.mine : waitMs.others);
  for (;;) {
    const working = mine ? await gitProcesses(repository, context) : undefined;
    const locks = await Promise.all(names.map(async (name) => ({ name, stat: await files.stat(name) })));
    const present = locks.filter(({ stat }) => stat !== undefined);
    if (present.length === 0 && (working ?? []).length === 0) return;
    const ours = present.every(({ stat }) => stat !== undefined && stat.modified >= (marker?.at ?? Infinity));
    if (mine && working?.length === 0 && ours) {
      for (const { name } of present) {
        await files.remove(name);
        context.log(`removed ${name}, left by a git of this step that was killed`);
      }
      return;
    }
    if (context.clock.monotonic() >= limit) throw lockError(present[0]?.name, working);
    await context.clock.sleep(pollMs, context.signal);
  }
}

function lockError(lock: string | undefined, working: readonly number[] | undefined): BackoutError {
  if (lock === undefined) {
    return new BackoutError("CONFLICT", `git process ${working?.join(", ")}: still works in the work tree`, {
      effect: "none",
      hint: "wait for it, or end it; then repeat",
    });
  }
  return new BackoutError("CONFLICT", `${lock}: exists, so another git works here or was killed`, {
    effect: "none",
    hint: `see that no git runs there, then: rm ${lock}`,
  });
}
