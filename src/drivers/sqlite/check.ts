import { dirname } from "node:path/posix";
import type { DriverContext } from "../../core/driver.js";
import { BackoutError, type Problem, problem, warning } from "../../core/errors.js";
import { journalModeOf, openLive } from "./database.js";
import { livePath, presentFile } from "./live-file.js";
import type { Options } from "./options.js";
import { sqliteError } from "./sqlite-error.js";

export async function check(options: Options, context: DriverContext): Promise<Problem[]> {
  const { files } = context.host;
  const at = `${context.name}.file`;
  try {
    const path = await livePath(files, options.file);
    const { size } = await presentFile(files, path);
    const found = await unreadable(path, at);
    for (const place of [path, dirname(path)]) {
      const { exitCode } = await context.host.exec({ argv: ["test", "-w", place], signal: context.signal });
      if (exitCode !== 0) {
        found.push(
          problem(at, `${place}: not writable, so a restored file cannot be put there`, "run as its owner"),
        );
      }
    }
    const free = await files.freeBytes(dirname(path));
    if (free < 2 * size) {
      found.push(
        warning(
          at,
          `${dirname(path)}: ${free} bytes are free, restoring needs about ${2 * size}`,
          "free some space",
        ),
      );
    }
    return found;
  } catch (error) {
    if (error instanceof BackoutError) return [problem(at, error.message, error.hint)];
    throw error;
  }
}

async function unreadable(path: string, at: string): Promise<Problem[]> {
  try {
    const database = await openLive(path);
    try {
      const mode = journalModeOf(database);
      if (mode === "wal" || mode === "delete") return [];
      return [warning(at, `${path}: journal mode is "${mode}"; it comes back as "delete"`)];
    } finally {
      database.close();
    }
  } catch (error) {
    const known = sqliteError(error, path);
    if (known instanceof BackoutError) return [problem(at, known.message, known.hint)];
    throw known;
  }
}
