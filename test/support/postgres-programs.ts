import { execFile } from "node:child_process";
import { cp, readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
/** Debian puts them beside each other by version, outside of the path. */
const installed = "/usr/lib/postgresql";
/** The one that scripts/unpack-test-postgres.sh knows. */
const newerMajor = 17;

export interface PostgresPrograms {
  readonly major: number;
  /** Folder of the programs. */
  readonly programs: string;
}

/** Of this version, else of the newest that is installed. What has to be unpacked is put into `folder`. */
export async function postgresPrograms(
  wanted: number | undefined,
  folder: string,
): Promise<PostgresPrograms> {
  const versions = (await readdir(installed).catch(() => [])).filter((name) => /^\d+$/.test(name));
  const majors = versions.map(Number).sort((a, b) => b - a);
  const major = majors.find((one) => wanted === undefined || one === wanted);
  if (major !== undefined) return { major, programs: join(installed, String(major), "bin") };
  if (wanted === newerMajor) return { major: newerMajor, programs: await unpacked(folder) };
  throw new Error(
    `these tests need PostgreSQL${wanted === undefined ? "" : ` ${wanted}`}, which is not installed; on Debian: apt-get install postgresql`,
  );
}

/** A server is not run by root, and nobody else may look into root's folders: so it gets the files where its own are. */
async function unpacked(folder: string): Promise<string> {
  const script = fileURLToPath(new URL("../../scripts/unpack-test-postgres.sh", import.meta.url));
  const { stdout } = await run("bash", [script]);
  const tree = stdout.trim().split("\n").at(-1) ?? "";
  const usr = join(folder, "usr");
  // As links where that can be: it takes no room.
  await run("cp", ["--archive", "--link", join(tree, "usr"), usr]).catch(() =>
    cp(join(tree, "usr"), usr, { recursive: true, verbatimSymlinks: true }),
  );
  return join(usr, "lib/postgresql", String(newerMajor), "bin");
}
