import { join } from "node:path/posix";
import { type Connection, withConnection } from "../../clients/postgres/connection.js";
import type { Server } from "../../clients/postgres/connection-options.js";
import { identifier } from "../../clients/postgres/identifier.js";
import { findProgram } from "../../clients/postgres/programs.js";
import { runProgram } from "../../clients/postgres/run-program.js";
import type { StepContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { named, readDatabases, stagedMarker } from "./databases.js";
import { dumpScript } from "./dump-script.js";
import { makeSnapshots } from "./kept-file.js";
import { checkDumps, dumpPath } from "./kept-state.js";
import { beginReading } from "./read-snapshot.js";
import { findRestore } from "./restore-program.js";
import type { Source } from "./source.js";
import { type Job, tablesInput } from "./step-input.js";
import { type ForeignKey, readForeignKeys } from "./surroundings.js";
import { clearTables, finishTables, type TablesScript } from "./tables-script.js";

export interface TablesFiles {
  readonly connection: Connection;
  readonly server: Server;
  readonly script: Omit<TablesScript, "coming">;
  readonly source: Source;
}

interface Coming {
  /** Statements, in the order in which they run. */
  readonly files: readonly string[];
  readonly foreignKeys: readonly ForeignKey[];
}

/** All that the transaction needs lies ready before anybody has to wait for it. */
export async function tablesFiles(given: TablesFiles, job: Job, context: StepContext): Promise<string[]> {
  const { files } = context.host;
  const { kept } = given.source;
  const coming = await (kept === undefined
    ? fromStaged(given, job, context)
    : fromDumps(given, kept, job, context));
  await makeSnapshots(job.options, context);
  const whole: TablesScript = { ...given.script, coming: coming.foreignKeys };
  const path = (name: string): string => join(context.scratch, name);
  await files.write(path("clear.sql"), clearTables(whole), { mode: 0o600 });
  await files.write(path("finish.sql"), finishTables(whole), { mode: 0o600 });
  return [path("clear.sql"), ...coming.files, path("finish.sql")];
}

const namesOf = ({ script }: TablesFiles, way: "rows" | "anew"): string[] =>
  script.tables.filter((one) => one.way === way).map(({ name }) => name);

async function fromStaged(given: TablesFiles, job: Job, context: StepContext): Promise<Coming> {
  const { connection, server } = given;
  const { staged = "" } = tablesInput(job);
  if (stagedMarker(named(await readDatabases(connection), staged))?.complete !== true) {
    throw new BackoutError("CONFLICT", `${staged}: is gone, so there is nothing to take tables from`, {
      ...{ effect: "none", hint: "plan again: that makes a new copy" },
    });
  }
  await connection.run(`alter database ${identifier(staged)} allow_connections true`);
  const beside: Server = { ...server, database: staged };
  const anew = namesOf(given, "anew");
  const foreignKeys = await withConnection(beside, context, async (other) => {
    await beginReading(other);
    return (await readForeignKeys(other, anew)).filter(({ table }) => anew.includes(table));
  });
  const wanted = { name: "pg_dump", atLeast: connection.major, folder: job.options.programs } as const;
  const program = await findProgram(wanted, context);
  const dump = async (
    tables: readonly string[],
    file: string,
    more: readonly string[],
  ): Promise<string[]> => {
    if (tables.length === 0) return [];
    const to = join(context.scratch, file);
    const args = [...tables.map((name) => `--table=${name}`), `--file=${to}`, ...more];
    await runProgram({ ...{ program, server: beside, effect: "none" }, args }, context);
    return [to];
  };
  const files = [
    ...(await dump(namesOf(given, "rows"), "rows.sql", ["--data-only"])),
    ...(await dump(anew, "anew.sql", [])),
  ];
  return { files, foreignKeys };
}

/** A dump comes back as one: the plan has chosen the same way for all of its tables. */
async function fromDumps(
  given: TablesFiles,
  { note, state }: NonNullable<Source["kept"]>,
  job: Job,
  context: StepContext,
): Promise<Coming> {
  await checkDumps(note, state, context);
  const program = await findRestore(state.data, given.connection.major, job.options, context);
  const anew = new Set(namesOf(given, "anew"));
  const isAnew = ({ tables }: { readonly tables: readonly string[] }): boolean =>
    tables.some((name) => anew.has(name));
  const files: string[] = [];
  // Rows first: what is made anew may refer to them.
  for (const dump of [...state.dumps.filter((one) => !isAnew(one)), ...state.dumps.filter(isAnew)]) {
    const to = join(context.scratch, `${files.length}.sql`);
    const only = isAnew(dump) ? [] : ["--data-only"];
    await dumpScript(program, dumpPath(note, dump.file), { to, only }, context);
    files.push(to);
  }
  return { files, foreignKeys: state.foreignKeys.filter(({ table }) => anew.has(table)) };
}
