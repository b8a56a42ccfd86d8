import type { DriverContext, Version } from "../../core/driver.js";
import type { Options } from "./options.js";
import { listReleases, readRelease } from "./release-link.js";

/** The releases on disk, newest version first; the one that `current` points to says so. */
export async function versions(options: Options, { host }: DriverContext): Promise<Version[]> {
  const current = await readRelease(host.files, options);
  const names = await listReleases(host.files, options);
  return names
    .toReversed()
    .map((name) => ({ name, summary: name === current?.release ? "current" : "on disk" }));
}
