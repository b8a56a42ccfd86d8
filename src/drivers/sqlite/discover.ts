import { join } from "node:path/posix";
import type { Discovered, DriverContext } from "../../core/driver.js";
import { count, openFrozen } from "./database.js";

const depth = 3;
const ends = /\.(db|sqlite|sqlite3)$/;
const skipped = new Set(["node_modules", ".git", ".backout"]);

/** Files named as databases that SQLite can open; others may only be named so. */
export async function discover(context: DriverContext): Promise<Discovered[]> {
  const { files } = context.host;
  const found: Discovered[] = [];
  const walk = async (folder: string, left: number): Promise<void> => {
    for (const { name, kind } of await files.list(folder).catch(() => [])) {
      const file = join(folder, name);
      if (kind === "directory" && left > 0 && !skipped.has(name)) await walk(file, left - 1);
      if (kind !== "file" || !ends.test(name) || !(await isDatabase(files.resolve(file)))) continue;
      found.push({
        name: name.replace(ends, "").replace(/[^A-Za-z0-9-]+/g, "-"),
        with: { file },
        because: `${file} is a SQLite database`,
      });
    }
  };
  await walk(".", depth);
  return found;
}

/** The header alone is read: an empty file is opened too, but has no pages. */
async function isDatabase(path: string): Promise<boolean> {
  try {
    const database = await openFrozen(path);
    try {
      return count(database, "SELECT count(*) FROM sqlite_schema") > 0;
    } finally {
      database.close();
    }
  } catch {
    return false;
  }
}
