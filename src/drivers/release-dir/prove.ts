import { join } from "node:path/posix";
import type { CapturedPart, Check, Proof, ProveContext } from "../../core/driver.js";
import type { Data } from "./capture.js";
import type { Options } from "./options.js";
import { digestRelease, releasePath } from "./release-link.js";

/** Does the whole way back on a link in the scratch folder: the release is read through it and compared. */
export async function prove(
  { data }: CapturedPart<Data>,
  options: Options,
  context: ProveContext,
): Promise<Proof> {
  const { files } = context.host;
  const begun = context.clock.monotonic();
  const link = join(context.scratch, "current");
  await files.replaceLink(link, context.scratch);
  await files.replaceLink(link, releasePath(files, options, data.release));
  const reached = await files.readLink(link);
  const digest = await digestRelease(files, options, reached);
  const check: Check = {
    name: `release ${data.release} has the captured contents`,
    result: digest === data.digest ? "passed" : "failed",
    expected: data.digest,
    actual: digest ?? "not on disk",
  };
  const restoreMs = Math.round(context.clock.monotonic() - begun);
  return { level: digest === data.digest ? "restored" : "declared", checks: [check], restoreMs };
}
