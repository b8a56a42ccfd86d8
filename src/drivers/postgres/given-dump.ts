import { join } from "node:path/posix";
import { findProgram, type Program } from "../../clients/postgres/programs.js";
import type { DriverContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { GivenFile } from "../../core/given-file.js";
import { type Entry, entryOf } from "./dump.js";

export type DumpFormat = "custom" | "directory" | "tar";

/** What a dump says of itself. */
export interface DumpHeader {
  readonly format: DumpFormat;
  readonly database: string;
  /** As its maker's clock showed it, milliseconds since the epoch if that clock is in our time zone. */
  readonly made: number | undefined;
  /** By the same clock: `2026-11-27 03:00:00`. */
  readonly madeText: string;
  readonly compressed: boolean;
  /** Of the server that was dumped, and of pg_dump: `15.5`. */
  readonly serverVersion: string;
  readonly dumpVersion: string;
  readonly entries: readonly Entry[];
}

export interface KnownDump extends DumpHeader {
  /** Reads it, and is not older than the server. */
  readonly restore: Program;
}

const refused = (message: string, hint: string): BackoutError =>
  new BackoutError("REFUSED", message, { effect: "none", hint });

const byHand =
  "load it by hand into a new database (psql --single-transaction -v ON_ERROR_STOP=1 -f FILE), then give `pg_dump -Fc` of that";

const unpacked = `unpack it first; plain SQL is not taken: ${byHand}`;
const compressed = "is compressed as a whole, which pg_dump's own formats are not";

/** What begins so is something else; what to do about it. The first that fits counts. */
const strangers: readonly (readonly [begins: string | RegExp, what: string, hint: string])[] = [
  ["\x1f\x8b", `${compressed} (gzip)`, unpacked],
  ["\x28\xb5\x2f\xfd", `${compressed} (zstd)`, unpacked],
  ["\xfd7zXZ", `${compressed} (xz)`, unpacked],
  ["BZh", `${compressed} (bzip2)`, unpacked],
  ["REDIS0", "is a snapshot of Redis", "name the target of that Redis"],
  ["SQLite format 3\0", "is a SQLite database", "name the target of that database"],
  ["age-encryption.org/", "is encrypted with age", "decrypt it first: age --decrypt"],
  [/^-- (MySQL|MariaDB) dump/, "is a dump of MySQL", "give a dump that pg_dump made"],
  [/PostgreSQL database cluster dump/, "is plain SQL of a whole server, by pg_dumpall", byHand],
  [
    /PostgreSQL database dump|^\s*(--|\/\*|\\|SET |CREATE |COPY |INSERT |BEGIN)/i,
    "is plain SQL, which may connect elsewhere, run programs and go on after errors",
    byHand,
  ],
];

/** Tells by its first bytes what it is, then has pg_restore read its table of contents. Refuses all else, with what it is. */
export async function knownDump(
  given: GivenFile,
  place: { readonly serverMajor: number; readonly programs: string | undefined },
  context: DriverContext,
): Promise<KnownDump> {
  await refuseStrangers(given, context);
  let atLeast = place.serverMajor;
  for (;;) {
    const wanted = { name: "pg_restore", atLeast, folder: place.programs } as const;
    const restore = await findProgram(wanted, context).catch((error: unknown) => {
      if (atLeast > place.serverMajor && error instanceof BackoutError && error.code === "TOOL_MISSING")
        return undefined;
      throw error;
    });
    if (restore === undefined) throw tooNew(given.path, atLeast - 1);
    const read = await readHeader(given.path, restore, context);
    if (typeof read !== "string") return { ...read, restore };
    if (!/unsupported version/.test(read)) {
      throw refused(
        `${given.path}: pg_restore cannot read it: ${read}`,
        "it is cut short, damaged, or no dump: name another one",
      );
    }
    atLeast = restore.major + 1;
  }
}

const tooNew = (path: string, major: number): BackoutError =>
  refused(
    `${path}: was made by a newer pg_dump than the pg_restore ${major} that is here can read`,
    "install the newer client (apt.postgresql.org has every version), or name its folder under `programs`",
  );

async function refuseStrangers({ path, kind }: GivenFile, { host: { files } }: DriverContext): Promise<void> {
  if (kind === "directory") {
    const names = (await files.list(path)).map(({ name }) => name);
    if (names.includes("toc.dat")) {
      await files.readPart(join(path, "toc.dat"), 0, 1);
      return;
    }
    const inside = names.slice(0, 5).join(", ");
    throw refused(
      `${path}: is a folder without "toc.dat", so it is no dump in pg_dump's directory format`,
      `name the dump itself; in the folder are ${inside}`,
    );
  }
  const head = Buffer.from((await files.readPart(path, 0, 600)).data).toString("latin1");
  if (head.startsWith("PGDMP") || head.startsWith("toc.dat\0")) return;
  const known = strangers.find(([begins]) =>
    typeof begins === "string" ? head.startsWith(begins) : begins.test(head),
  );
  const [, what, hint] = known ?? [
    "",
    "is no dump that pg_restore reads",
    "give what `pg_dump -Fc` or `-Fd` made",
  ];
  throw refused(`${path}: ${what}`, hint);
}

/** A text is why it cannot be read. Line by line, since what a large dump lists is longer than what is kept of an output. */
async function readHeader(
  path: string,
  { path: program }: Program,
  { host, signal }: DriverContext,
): Promise<DumpHeader | string> {
  const said = new Map<string, string>();
  const entries: Entry[] = [];
  const { exitCode, stderr } = await host.exec({
    argv: [program, "--list", path],
    signal,
    env: { LC_ALL: "C.UTF-8" },
    onLine: (line, stream) => {
      if (stream !== "stdout") return;
      const [, name = "", value = ""] = /^; +([\w ]+?)(?::| at) (.*)$/.exec(line) ?? [];
      if (name !== "" && !said.has(name)) said.set(name, value.trim());
      const entry = entryOf(line);
      if (entry !== undefined) entries.push(entry);
    },
  });
  if (exitCode !== 0) return (stderr.trim().split("\n")[0] ?? "").replace(/^pg_restore: error: /, "");
  const format = (said.get("Format") ?? "").toLowerCase();
  if (format !== "custom" && format !== "directory" && format !== "tar") return `its format is "${format}"`;
  const version = (name: string): string => /^\d[\d.]*/.exec(said.get(name) ?? "")?.[0] ?? "0";
  const madeText = (said.get("Archive created") ?? "").slice(0, 19);
  return {
    ...{ format, entries, madeText, made: timeOf(madeText), database: said.get("dbname") ?? "" },
    compressed: !/^(0|none)?$/.test(said.get("Compression") ?? ""),
    serverVersion: version("Dumped from database version"),
    dumpVersion: version("Dumped by pg_dump version"),
  };
}

function timeOf(text: string): number | undefined {
  const [, ...parts] = /^(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)/.exec(text) ?? [];
  const [year, month, day, hour, minute, second] = parts.map(Number);
  if (year === undefined || month === undefined) return undefined;
  return new Date(year, month - 1, day, hour, minute, second).getTime();
}
