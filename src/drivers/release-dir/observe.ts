import { dirname, resolve } from "node:path/posix";
import type { CapturedPart, Observation, ObserveContext } from "../../core/driver.js";
import type { Files } from "../../core/ports.js";
import type { Data } from "./capture.js";
import type { Options } from "./options.js";
import { digestRelease, listReleases, readRelease, releasePath, shortDigest } from "./release-link.js";

export type Seen = {
  /** Null where there is no link. */
  readonly release: string | null;
  readonly target: string | null;
  readonly releases: readonly string[];
  /** Of the captured release as it is on disk now; null where it is gone. */
  readonly capturedDigest: string | null;
  /** Links inside the release in use, and inside the captured one: path → where it leads. What `keep` may name. */
  readonly links: { readonly current: Links; readonly captured: Links };
};

export type Links = Readonly<Record<string, string>>;

export async function observe(
  options: Options,
  context: ObserveContext,
  captured?: CapturedPart<Data>,
): Promise<Observation<Seen>> {
  const { files } = context.host;
  const releases = await listReleases(files, options);
  const link = await readRelease(files, options);
  const digest = link && (await digestRelease(files, options, link.release));
  const before = captured?.data.release;
  const capturedDigest =
    before === undefined || before === link?.release ? digest : await digestRelease(files, options, before);
  const present = link === undefined ? "no release" : link.release;
  return {
    identity: digest ?? `absent:${present}`,
    summary: digest === undefined ? `${present} (not on disk)` : `${present} (${shortDigest(digest)})`,
    data: {
      release: link?.release ?? null,
      target: link?.target ?? null,
      releases,
      capturedDigest: capturedDigest ?? null,
      links: {
        current:
          digest === undefined || link === undefined ? {} : await linksIn(files, options, link.release),
        captured:
          before === undefined || capturedDigest === undefined ? {} : await linksIn(files, options, before),
      },
    },
  };
}

/** Shared storage is linked near the top of a release; deeper ones are the packages' own. */
const linkDepth = 3;

async function linksIn(files: Files, options: Options, release: string): Promise<Links> {
  const root = releasePath(files, options, release);
  const found: [string, string][] = [];
  const walk = async (below: string, depth: number): Promise<void> => {
    for (const entry of await files.list(resolve(root, below))) {
      const name = below === "" ? entry.name : `${below}/${entry.name}`;
      const path = resolve(root, name);
      if (entry.kind === "link") found.push([name, resolve(dirname(path), await files.readLink(path))]);
      if (entry.kind === "directory" && entry.name !== "node_modules" && depth > 1)
        await walk(name, depth - 1);
    }
  };
  await walk("", linkDepth);
  return Object.fromEntries(found);
}
