import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";

/** An empty folder below `<state>/scratch`, only for this user, removed by `done`. */
export async function scratchFolder(
  state: string,
  name: string,
): Promise<{ readonly folder: string; done(): Promise<void> }> {
  const root = join(state, "scratch");
  await mkdir(root, { recursive: true, mode: 0o700 });
  const folder = await mkdtemp(join(root, `${name.replace(/[^a-zA-Z0-9.-]+/g, "-")}-`));
  return { folder, done: () => rm(folder, { recursive: true, force: true }) };
}
