import { basename, dirname, join } from "node:path/posix";
import { copyFile } from "../../clients/files/copy-file.js";
import type { CaptureContext, Captured } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { FromFile, GivenFile } from "../../core/given-file.js";
import { captureFrom, type Data } from "./capture.js";
import { livePath, liveStat, sideFiles } from "./live-file.js";
import type { Options } from "./options.js";

/** Of the copy that SQLite opens: it may have to write, and never to what was given. */
const copyName = "given.sqlite";

/** A database file from a backup, with the log or journal that may lie beside it. */
export async function adopt(
  given: GivenFile,
  options: Options,
  context: CaptureContext,
): Promise<Captured<Data> & FromFile> {
  const { files } = context.host;
  if (given.kind === "directory") {
    throw new BackoutError("REFUSED", `${given.path}: is a folder, not a database file`, {
      ...{ effect: "none", hint: "name the file itself" },
    });
  }
  const copy = context.artifacts.scratch(copyName);
  const beside = (await files.list(dirname(given.path))).map(({ name }) => name);
  for (const side of ["", "-wal", "-journal"]) {
    if (beside.includes(`${basename(given.path)}${side}`))
      await copyFile(`${given.path}${side}`, `${copy}${side}`, context);
  }
  const live = await liveStat(files, await livePath(files, options.file));
  const { mode, uid, gid } = live ?? (await files.stat(copy)) ?? { mode: 0o600, uid: 0, gid: 0 };
  const captured = await captureFrom({ path: copy, shown: given.path }, { mode, uid, gid }, context);
  for (const side of ["", ...sideFiles]) await files.remove(join(dirname(copy), `${copyName}${side}`));
  return {
    ...captured,
    summary: `${captured.summary}, out of ${basename(given.path)}`,
    notes: [
      "when it was so, the file does not say: not later than it was last written",
      live === undefined
        ? `there was no "${options.file}" when it was taken over: mode and owner are those of the given file's copy`
        : `mode and owner are those that "${options.file}" had when it was taken over`,
    ],
  };
}
