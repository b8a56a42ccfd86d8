import { join } from "node:path/posix";
import type { DriverContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { Host } from "../../core/ports.js";

export type ProgramName = "pg_dump" | "pg_restore" | "psql" | "pg_dumpall";

export interface Program {
  readonly name: ProgramName;
  readonly path: string;
  /** As it says itself: `15.20`. */
  readonly version: string;
  readonly major: number;
}

export interface WantedProgram {
  readonly name: ProgramName;
  /** That of the server, or of what made the dump: an older program cannot read it, the same or the next newer one is taken. */
  readonly atLeast: number;
  /** Version of the server that is restored into. Default: `atLeast`. */
  readonly server?: number;
  /** The only folder to look into, instead of the places where systems put them. */
  readonly folder?: string | undefined;
}

/** Where packages put several versions side by side, outside of the path: `<root>/<major>/bin`. */
const roots = ["/usr/lib/postgresql", "/usr/local/lib/postgresql", "/opt/postgresql"];
/** `<root>/pgsql-<major>/bin`, as in Red Hat's world. */
const redHat = "/usr";

/** What pg_dump and pg_restore write from this version on (`SET transaction_timeout`) is an error to an older server. */
const newWords = 17;

export const isTakenBy = (server: number, program: number): boolean =>
  server >= newWords || program < newWords;

/** Refuses with TOOL_MISSING where there is none, or only others; the hint installs a suitable one. */
export async function findProgram(
  { name, atLeast, server = atLeast, folder }: WantedProgram,
  { host, signal }: Pick<DriverContext, "host" | "signal">,
): Promise<Program> {
  const found: Program[] = [];
  // One after the other: several versions beside each other come first, and the path is asked only where none of them is it.
  for (const paths of await candidates(name, folder, host)) {
    for (const path of paths) {
      const program = await asked(name, path, host, signal);
      if (program !== undefined) found.push(program);
    }
    const [suitable] = found
      .filter(({ major }) => major >= atLeast && (name === "psql" || isTakenBy(server, major)))
      .sort((a, b) => a.major - b.major);
    if (suitable !== undefined) return suitable;
  }
  const newest = found.sort((a, b) => b.major - a.major)[0];
  const fact =
    newest === undefined
      ? `is not installed${folder === undefined ? "" : ` in "${folder}"`}`
      : newest.major < atLeast
        ? `"${newest.path}" is version ${newest.version}, too old for a server of version ${atLeast}`
        : `"${newest.path}" is version ${newest.version}, and what it writes is no longer understood by a server of version ${server}`;
  throw new BackoutError("TOOL_MISSING", `${name}: ${fact}`, {
    effect: "none",
    hint: `install it: apt-get install postgresql-client-${atLeast} (Debian; apt.postgresql.org has every version), or name its folder under \`programs\``,
  });
}

async function candidates(
  name: ProgramName,
  folder: string | undefined,
  { files }: Host,
): Promise<string[][]> {
  if (folder !== undefined) return [[files.resolve(join(folder, name))]];
  const listed = async (root: string): Promise<string[]> =>
    (await files.list(root).catch(() => [])).map((entry) => entry.name);
  const places: string[] = [];
  for (const root of roots) {
    for (const version of await listed(root))
      if (/^\d+$/.test(version)) places.push(join(root, version, "bin", name));
  }
  for (const entry of await listed(redHat))
    if (/^pgsql-\d+$/.test(entry)) places.push(join(redHat, entry, "bin", name));
  // Last, since Debian's is a wrapper that chooses by its own rules.
  return [places, [name]];
}

async function asked(
  name: ProgramName,
  path: string,
  host: Host,
  signal: AbortSignal,
): Promise<Program | undefined> {
  try {
    const { exitCode, stdout } = await host.exec({ argv: [path, "--version"], timeoutMs: 10_000, signal });
    const version = /\(PostgreSQL\) (\d+(?:[.\d]*)?)/.exec(stdout)?.[1];
    if (exitCode !== 0 || version === undefined) return undefined;
    return { name, path, version, major: Number.parseInt(version, 10) };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof BackoutError && ["TOOL_MISSING", "DENIED", "NOT_FOUND"].includes(error.code))
      return undefined;
    throw error;
  }
}
