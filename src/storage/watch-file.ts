import { mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { WatchStore } from "../core/ports.js";
import { onState, replaceFlushed } from "./durable-files.js";

/** What the watch of one environment remembers: a file in the state folder, replaced whole. */
export function watchFile(folder: string, environment: string): WatchStore {
  const path = join(folder, `watch-${environment}.json`);
  return {
    path,
    read: () =>
      onState(path, "reading", () =>
        readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
          if (error.code === "ENOENT") return undefined;
          throw error;
        }),
      ),
    write: (text) =>
      onState(path, "writing", async () => {
        await mkdir(dirname(path), { recursive: true, mode: 0o700 });
        await replaceFlushed(path, text);
      }),
  };
}
