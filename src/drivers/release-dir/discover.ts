import { join } from "node:path/posix";
import type { Discovered, DriverContext } from "../../core/driver.js";

const depth = 2;

/** A link `current` beside a folder `releases`, as release tools lay it out. */
export async function discover(context: DriverContext): Promise<Discovered[]> {
  const { files } = context.host;
  const found: Discovered[] = [];
  const walk = async (folder: string, left: number): Promise<void> => {
    const entries = await files.list(folder).catch(() => []);
    const has = (name: string, kind: string) => entries.some((one) => one.name === name && one.kind === kind);
    if (has("current", "link") && has("releases", "directory")) {
      const current = join(folder, "current");
      found.push({
        name: folder === "." ? "app" : (folder.split("/").at(-1) ?? "app"),
        with: { releases: join(folder, "releases"), current },
        because: `${current} → ${await files.readLink(current)}`,
      });
      return;
    }
    if (left === 0) return;
    for (const { name, kind } of entries) {
      if (kind !== "directory" || name.startsWith(".") || name === "node_modules") continue;
      await walk(join(folder, name), left - 1);
    }
  };
  await walk(".", depth);
  return found;
}
