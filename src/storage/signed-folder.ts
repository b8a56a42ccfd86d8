import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import type { Clock, Processes } from "../core/ports.js";
import { writeFlushed } from "./durable-files.js";

export const writerFile = "writer.json";
/** Time that a writer has between creating its folder and signing it. */
const signingMs = 60_000;
/** After it a writer on another machine, which cannot be asked, counts as dead. */
const foreignMs = 86_400_000;

/** So that what a dead writer leaves behind can be told from work in progress. */
export async function signFolder(folder: string, clock: Clock, processes: Processes): Promise<void> {
  const writer = { ...processes.identify(process.pid), at: clock.now() };
  await writeFlushed(join(folder, writerFile), JSON.stringify(writer));
}

const writerText = z
  .string()
  .transform((text, context): unknown => {
    try {
      return JSON.parse(text);
    } catch {
      context.addIssue("not JSON");
      return z.NEVER;
    }
  })
  .pipe(z.object({ pid: z.int(), started: z.string(), host: z.string(), at: z.number() }));

/** Whether who signed it is dead. Without a signature: whether nobody can be about to sign it any more. */
export async function isAbandoned(
  folder: string,
  clock: Clock,
  processes: Processes,
  unsignedMs = signingMs,
): Promise<boolean> {
  const text = await readFile(join(folder, writerFile), "utf8").catch(() => "");
  const writer = writerText.safeParse(text);
  if (!writer.success) {
    const created = await stat(folder).catch(() => undefined);
    return created !== undefined && clock.now() - created.mtimeMs > unsignedMs;
  }
  const alive = processes.alive(writer.data);
  return alive === undefined ? clock.now() - writer.data.at > foreignMs : !alive;
}
