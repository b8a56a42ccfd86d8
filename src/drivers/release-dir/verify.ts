import type { CapturedPart, Check, ObserveContext } from "../../core/driver.js";
import type { Data } from "./capture.js";
import type { Options } from "./options.js";
import { digestRelease, readRelease } from "./release-link.js";

export async function verify(
  { data }: CapturedPart<Data>,
  options: Options,
  context: ObserveContext,
): Promise<Check[]> {
  const { files } = context.host;
  const link = await readRelease(files, options);
  const digest = link && (await digestRelease(files, options, link.release));
  return [
    {
      name: `${options.current} points to release ${data.release}`,
      result: link?.target === data.target ? "passed" : "failed",
      expected: data.target,
      actual: link?.target ?? "no link",
    },
    {
      name: "the release in use has the captured contents",
      result: digest === data.digest ? "passed" : "failed",
      expected: data.digest,
      actual: digest ?? "not on disk",
    },
  ];
}
