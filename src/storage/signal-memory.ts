import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { BackoutError } from "../core/errors.js";
import type { Json } from "../core/json.js";
import type { SignalMemory } from "../core/ports.js";
import { plainName } from "./artifact-files.js";
import { isThere } from "./checkpoint-lookup.js";
import { flush, onState, replaceFlushed } from "./durable-files.js";

/** What a signal remembers over restarts, in a file of the state folder. */
export function signalMemory(state: string, environment: string, signal: string): SignalMemory {
  const folder = join(state, "signals", plainName(environment, "environment"));
  const path = join(folder, `${plainName(signal, "signal")}.json`);
  return {
    async read() {
      if (!(await isThere(path))) return undefined;
      const text = await onState(path, "reading", () => readFile(path, "utf8"));
      try {
        return JSON.parse(text) as Json;
      } catch (cause) {
        throw new BackoutError("STATE_CORRUPT", `${path}: is not JSON`, {
          effect: "none",
          hint: "move it away: what the signal had heard is told again in time",
          cause,
        });
      }
    },
    write: (value) =>
      onState(path, "writing", async () => {
        if ((await mkdir(folder, { recursive: true, mode: 0o700 })) !== undefined) await flush(state);
        await replaceFlushed(path, `${JSON.stringify(value)}\n`);
      }),
  };
}
