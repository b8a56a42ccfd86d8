import { basename, join } from "node:path/posix";
import { copyFile } from "../../clients/files/copy-file.js";
import type { CaptureContext } from "../../core/driver.js";
import type { GivenFile } from "../../core/given-file.js";

/** What pg_dump names its files in a folder: whatever else lies there is none of it. */
const ofDump = /^(toc\.dat|blobs(_\d+)?\.toc|(blob_)?\d+\.dat(\.\w+)?)$/;

export interface CopiedDump {
  /** For pg_restore: the file, or the folder. */
  readonly path: string;
  /** Its files by their names as artifacts, still in the writer's scratch. */
  readonly files: readonly { readonly name: string; readonly path: string }[];
}

/** From here on the copy counts: the given one may be rotated away at any moment. */
export async function copyGiven(given: GivenFile, context: CaptureContext): Promise<CopiedDump> {
  const { host, artifacts, progress } = context;
  if (given.kind === "file") {
    progress(`copying ${basename(given.path)}, ${(given.size / 1e6).toFixed(1)} MB`);
    const path = artifacts.scratch("given.dump");
    await copyFile(given.path, path, context);
    return { path, files: [{ name: "given.dump", path }] };
  }
  const folder = artifacts.scratch("given");
  await host.files.remove(folder);
  await host.files.makeDirectory(folder, 0o700);
  const names = (await host.files.list(given.path))
    .map(({ name }) => name)
    .filter((name) => ofDump.test(name));
  for (const [at, name] of names.entries()) {
    progress(`copying file ${at + 1} of ${names.length}`);
    await copyFile(join(given.path, name), join(folder, name), context);
  }
  return { path: folder, files: names.map((name) => ({ name, path: join(folder, name) })) };
}
