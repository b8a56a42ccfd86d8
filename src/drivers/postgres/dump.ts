import { join } from "node:path/posix";
import type { Server } from "../../clients/postgres/connection-options.js";
import type { Program } from "../../clients/postgres/programs.js";
import { runProgram } from "../../clients/postgres/run-program.js";
import type { DriverContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { Command } from "../../core/ports.js";
import type { Content } from "./captured-database.js";
import type { Options } from "./options.js";

interface Dumping {
  readonly program: Program;
  readonly server: Server;
  /** Exported by a transaction that stays open until the dump is there. */
  readonly snapshot: string;
  readonly options: Pick<Options, "jobs" | "compression">;
}

const lockWaitMs = 30_000;
const lookMs = 1_000;

/** Directory format, which alone is written by several connections at once. Rejects unless pg_dump says that it succeeded. */
export async function dumpTo(
  folder: string,
  { program, server, snapshot, options }: Dumping,
  context: DriverContext,
): Promise<void> {
  let tables = 0;
  const watching = new AbortController();
  const watched = watch(folder, watching.signal, context, () => `${tables} tables of ${server.database}`);
  try {
    await runProgram(
      {
        ...{ program, server, effect: "none" },
        args: [
          ...["--format=directory", `--file=${folder}`, `--jobs=${options.jobs}`, `--snapshot=${snapshot}`],
          ...[
            `--compress=${options.compression}`,
            `--lock-wait-timeout=${lockWaitMs}`,
            "--no-sync",
            "--verbose",
          ],
          // Restored, they would begin to pull data from elsewhere.
          "--no-subscriptions",
        ],
        onLine: (line) => {
          if (/dumping contents of table/.test(line)) tables++;
        },
      },
      context,
    );
  } finally {
    watching.abort();
    await watched;
  }
}

async function watch(
  folder: string,
  until: AbortSignal,
  { host, clock, progress }: DriverContext,
  what: () => string,
): Promise<void> {
  for (;;) {
    await clock.sleep(lookMs, until).catch(() => {});
    if (until.aborted) return;
    let bytes = 0;
    for (const { name } of await host.files.list(folder).catch(() => [])) {
      bytes += (await host.files.stat(join(folder, name)))?.size ?? 0;
    }
    progress(`dumping: ${what()}, ${(bytes / 1e6).toFixed(1)} MB written`);
  }
}

/** A line of the dump's table of contents. */
export interface Entry {
  readonly id: number;
  /** `TABLE DATA public orders app`, as pg_restore lists it. */
  readonly text: string;
}

export async function listEntries(
  folder: string,
  restore: Program,
  context: DriverContext,
): Promise<Entry[]> {
  const entries: Entry[] = [];
  // Line by line: of a large dump it is longer than what is kept of an output.
  await readDump(["--list", folder], restore, context, (line, stream) => {
    const entry = stream === "stdout" ? entryOf(line) : undefined;
    if (entry !== undefined) entries.push(entry);
  });
  return entries;
}

/** Of a line that pg_restore lists; `undefined` for its remarks. */
export function entryOf(line: string): Entry | undefined {
  const [, id, text] = /^(\d+); \d+ \d+ (.+)$/.exec(line) ?? [];
  return id === undefined || text === undefined ? undefined : { id: Number(id), text };
}

/** Reads the dump only. A dump that cannot be read is damaged: REFUSED. */
async function readDump(
  args: readonly string[],
  restore: Program,
  context: DriverContext,
  onLine?: Command["onLine"],
) {
  const { signal } = context;
  const result = await context.host.exec({
    argv: [restore.path, ...args],
    signal,
    env: { LC_ALL: "C.UTF-8" },
    ...(onLine === undefined ? {} : { onLine }),
  });
  if (result.exitCode === 0) return result;
  const said = result.stderr.trim().split("\n")[0] ?? "";
  throw new BackoutError("REFUSED", `${context.name}: the dump cannot be read: ${said}`, {
    effect: "none",
    hint: "capture again; go back to another checkpoint with --checkpoint ID",
  });
}

/** Where the sequences stand in the dump itself, a folder or a file: as `Content.sequences` has it. Those of extensions are not `own`. */
export async function dumpSequences(
  { dump, entries: all }: { readonly dump: string; readonly entries: readonly Entry[] },
  restore: Program,
  own: Readonly<Record<string, string>>,
  context: DriverContext,
): Promise<Record<string, string>> {
  const list = `${dump}.sequences`;
  const entries = all.filter(({ text }) => text.startsWith("SEQUENCE SET "));
  if (entries.length === 0) return {};
  await context.host.files.write(list, entries.map(({ id }) => `${id};\n`).join(""));
  const { stdout } = await readDump([`--use-list=${list}`, "--file=-", dump], restore, context);
  await context.host.files.remove(list);
  const found = [
    ...stdout.matchAll(/^SELECT pg_catalog\.setval\((E?)'((?:[^']|'')+)', (-?\d+), (true|false)\);$/gm),
  ];
  if (found.length !== entries.length) {
    throw new BackoutError(
      "INTERNAL",
      `${context.name}: ${found.length} of ${entries.length} sequences were found in the dump`,
      { effect: "none" },
    );
  }
  const positions = found.map(([, escaped, name = "", at = "", called]): [string, string] => {
    const plain = name.replaceAll("''", "'");
    return [escaped === "E" ? plain.replaceAll("\\\\", "\\") : plain, called === "true" ? at : `${at} next`];
  });
  const ofOwn = positions.filter(([name]) => Object.hasOwn(own, name));
  return Object.fromEntries(ofOwn.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Refuses a dump in which a table's rows are not: pg_dump's exit status said that they are. */
export function missingData(
  entries: readonly Entry[],
  content: Content,
  files: readonly string[],
  database: string,
): void {
  const data = new Set(
    entries
      .filter(
        ({ id, text }) =>
          text.startsWith("TABLE DATA ") && files.some((file) => file.startsWith(`${id}.dat`)),
      )
      .map(({ text }) => text),
  );
  const views = entries.filter(({ text }) => text.startsWith("MATERIALIZED VIEW DATA ")).length;
  const tables = Object.keys(content.tables).filter(
    (name) => !Object.hasOwn(content.materializedViews, name) && name !== "large objects",
  );
  const populated = Object.values(content.materializedViews).filter((state) => state === "populated").length;
  if (files.includes("toc.dat") && data.size >= tables.length && views >= populated) return;
  throw new BackoutError(
    "COMMAND_FAILED",
    `${database}: pg_dump succeeded, but wrote the rows of ${data.size} of ${tables.length} tables and ${views} of ${populated} materialized views`,
    { effect: "none", hint: "repeat the command" },
  );
}
