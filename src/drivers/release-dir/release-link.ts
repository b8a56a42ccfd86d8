import { dirname, relative, resolve } from "node:path/posix";
import { BackoutError } from "../../core/errors.js";
import type { Files } from "../../core/ports.js";
import type { Options } from "./options.js";
import { byVersion } from "./version-order.js";

/** Where the link points, as it was written and as a folder. */
export interface ReleaseLink {
  readonly target: string;
  readonly path: string;
  /** First part of the path below the folder of releases. */
  readonly release: string;
}

export const releasePath = (files: Files, options: Options, release: string): string =>
  resolve(files.resolve(options.releases), release);

/** `undefined` where there is no link. Refuses what is not a link, or points elsewhere. */
export async function readRelease(files: Files, options: Options): Promise<ReleaseLink | undefined> {
  const at = files.resolve(options.current);
  const found = await files.stat(at);
  if (found === undefined) return undefined;
  if (found.kind !== "link") {
    throw new BackoutError("REFUSED", `${at}: is a ${found.kind}, not a link to a release`, {
      effect: "none",
      hint: `move it into "${files.resolve(options.releases)}" under a release's name, then \`ln -s\` to it`,
    });
  }
  const target = await files.readLink(at);
  const path = resolve(dirname(at), target);
  const below = relative(files.resolve(options.releases), path);
  const release = below.split("/")[0] ?? "";
  if (release === "" || release === "..") {
    throw new BackoutError("REFUSED", `${at}: points to "${target}", which is no release`, {
      effect: "none",
      hint: `a release is a folder in "${files.resolve(options.releases)}"`,
    });
  }
  return { target, path, release };
}

/** Names of the folders in `releases`, in version order. */
export async function listReleases(files: Files, options: Options): Promise<string[]> {
  const entries = await files.list(options.releases);
  return entries
    .filter((entry) => entry.kind === "directory")
    .map((entry) => entry.name)
    .sort(byVersion);
}

/** `undefined` where the release is not on disk. */
export async function digestRelease(
  files: Files,
  options: Options,
  release: string,
): Promise<string | undefined> {
  const path = releasePath(files, options, release);
  const found = await files.stat(path);
  if (found?.kind !== "directory") return undefined;
  return files.digest(path, { except: options.except });
}

export const shortDigest = (digest: string): string => digest.slice(0, "sha256:".length + 12);
