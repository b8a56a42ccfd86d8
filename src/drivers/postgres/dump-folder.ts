import { join } from "node:path/posix";
import type { ArtifactReader, Host } from "../../core/ports.js";
import type { CapturedDatabase } from "./captured-database.js";

interface Place {
  readonly artifacts: ArtifactReader;
  readonly host: Host;
  /** Empty, or with what an earlier call left. */
  readonly scratch: string;
}

/**
 * For pg_restore: the one file, or pg_dump's folder as it was, of links to the artifacts. Each is compared with its digest, and
 * decrypted, on the way.
 */
export async function dumpFolder(
  { dump }: CapturedDatabase,
  { artifacts, host, scratch }: Place,
): Promise<string> {
  const [only] = Object.keys(dump.files);
  if (dump.format !== undefined && only !== undefined) return host.files.resolve(await artifacts.file(only));
  const folder = join(scratch, "dump");
  await host.files.makeDirectory(folder, 0o700);
  for (const name of Object.keys(dump.files)) {
    await host.files.replaceLink(join(folder, name), host.files.resolve(await artifacts.file(name)));
  }
  return folder;
}
