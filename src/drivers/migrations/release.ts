import { dirname, join } from "node:path/posix";
import { BackoutError } from "../../core/errors.js";
import type { Files } from "../../core/ports.js";

const mostLinks = 20;

/** Where the folder really is: `current` may lead to the older release by the time the step runs. */
export async function followLinks(path: string, files: Files): Promise<string> {
  let at = files.resolve(path);
  for (let links = 0; links < mostLinks; links++) {
    const found = await files.stat(at);
    if (found?.kind === "directory") return at;
    if (found?.kind !== "link") break;
    const to = await files.readLink(at);
    at = to.startsWith("/") ? to : join(dirname(at), to);
  }
  throw new BackoutError("NOT_FOUND", `${path}: is no folder of a release`, {
    effect: "none",
    hint: "`release` names the folder of the newer release, which has the down steps",
  });
}

/** Which of the migrations a folder does not have, as directory or as file of any kind. */
export async function missingIn(
  folder: string,
  migrations: readonly string[],
  files: Files,
): Promise<string[]> {
  const found = await files.stat(folder);
  if (found === undefined) return [...migrations];
  const names = (await files.list(folder)).map(({ name }) => name);
  return migrations.filter((one) => !names.some((name) => name === one || name.startsWith(`${one}.`)));
}
