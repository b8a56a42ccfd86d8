import type { CaptureContext, Captured } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { Options } from "./options.js";
import { digestRelease, listReleases, readRelease, shortDigest } from "./release-link.js";

/** The release itself stays where it is: it is the way back. */
export type Data = {
  readonly release: string;
  /** The link's text, put back as it was. */
  readonly target: string;
  readonly digest: string;
  readonly releases: readonly string[];
};

export async function capture(options: Options, context: CaptureContext): Promise<Captured<Data>> {
  const { files } = context.host;
  const releases = await listReleases(files, options);
  const link = await readRelease(files, options);
  if (link === undefined) {
    throw new BackoutError("NOT_FOUND", `${files.resolve(options.current)}: there is no link to a release`, {
      effect: "none",
      hint: `create it: \`ln -s <release> ${files.resolve(options.current)}\``,
    });
  }
  context.progress(`reading ${link.release}`);
  const digest = await digestRelease(files, options, link.release);
  if (digest === undefined) {
    throw new BackoutError(
      "NOT_FOUND",
      `${files.resolve(options.current)}: points to "${link.target}", which is not on disk`,
      { effect: "none" },
    );
  }
  return {
    identity: digest,
    summary: `${link.release} (${shortDigest(digest)})`,
    data: { release: link.release, target: link.target, digest, releases },
  };
}
