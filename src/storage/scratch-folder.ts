import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Clock, Processes } from "../core/ports.js";
import { onState } from "./durable-files.js";
import { isAbandoned, signFolder } from "./signed-folder.js";

interface Place {
  readonly state: string;
  readonly clock: Clock;
  readonly processes: Processes;
}

export interface ScratchFolder {
  /** Makes it at the first call. */
  folder(): Promise<string>;
  /** Removes it, if it was made. */
  done(): Promise<void>;
}

/** Earlier versions did not sign theirs, and may still run. */
const unsignedMs = 86_400_000;

/**
 * Empty folders below `<state>/scratch`, only for this user, removed by `done`. The first one that is asked for removes what dead
 * processes have left: decrypted artifacts may be among it.
 */
export function scratchFolders(place: Place): (name: string) => ScratchFolder {
  const root = join(place.state, "scratch");
  let swept: Promise<void> | undefined;
  const make = async (name: string): Promise<{ readonly folder: string; done(): Promise<void> }> => {
    await mkdir(root, { recursive: true, mode: 0o700 });
    swept ??= sweep(root, place);
    await swept;
    const own = await mkdtemp(join(root, `${name.replace(/[^a-zA-Z0-9.-]+/g, "-")}-`));
    const done = () => rm(own, { recursive: true, force: true });
    try {
      await signFolder(own, place.clock, place.processes);
      const folder = join(own, "files");
      await mkdir(folder, { mode: 0o700 });
      return { folder, done };
    } catch (error) {
      await done();
      throw error;
    }
  };
  return (name) => {
    let made: ReturnType<typeof make> | undefined;
    return {
      async folder() {
        made ??= onState(root, "making a scratch folder", () => make(name));
        return (await made).folder;
      },
      // Where it could not be made, that was told to who asked for it.
      done: async () => (await made?.catch(() => undefined))?.done(),
    };
  };
}

/** What cannot be removed harms nobody who works now. */
async function sweep(root: string, { clock, processes }: Place): Promise<void> {
  for (const name of await readdir(root).catch(() => [])) {
    const folder = join(root, name);
    if (await isAbandoned(folder, clock, processes, unsignedMs))
      await rm(folder, { recursive: true, force: true }).catch(() => {});
  }
}
