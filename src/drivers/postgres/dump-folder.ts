import { dirname, join } from "node:path/posix";
import { BackoutError } from "../../core/errors.js";
import type { ArtifactReader, Host } from "../../core/ports.js";
import type { CapturedDatabase } from "./captured-database.js";

interface Place {
  readonly artifacts: ArtifactReader;
  readonly host: Host;
}

/**
 * For pg_restore: the one file, or pg_dump's folder as it was. Each file is compared with its digest, and decrypted, on the way; the
 * folder is where they are kept, since pg_restore no longer takes one of links to them.
 */
export async function dumpFolder({ dump }: CapturedDatabase, { artifacts, host }: Place): Promise<string> {
  let folder: string | undefined;
  for (const name of Object.keys(dump.files)) {
    const path = host.files.resolve(await artifacts.file(name));
    if (dump.format !== undefined) return path;
    folder ??= dirname(path);
    if (path === join(folder, name)) continue;
    throw new BackoutError("INTERNAL", `${path}: is not "${name}" in ${folder}`, { effect: "none" });
  }
  if (folder !== undefined) return folder;
  throw new BackoutError("ARTIFACT_MISSING", "the checkpoint has no files of a dump", { effect: "none" });
}
