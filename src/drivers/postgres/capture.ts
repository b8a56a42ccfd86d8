import { type Connection, connect } from "../../clients/postgres/connection.js";
import { type Server, serverOf } from "../../clients/postgres/connection-options.js";
import { findProgram, type Program } from "../../clients/postgres/programs.js";
import type { CaptureContext, Captured, DriverContext } from "../../core/driver.js";
import type { CapturedDatabase, Content } from "./captured-database.js";
import { dumpSequences, dumpTo, listEntries, missingData } from "./dump.js";
import {
  readCounters,
  readDatabase,
  readJobs,
  readLedgers,
  readRoles,
  readServer,
  readSnapshot,
  readWal,
} from "./facts.js";
import type { Options } from "./options.js";
import { identityOf, readContent, summaryOf } from "./read-content.js";
import { beginReading } from "./read-snapshot.js";
import { readIndexes } from "./surroundings.js";

/** Of the artifact writer's scratch; its files become artifacts one by one. */
const folderName = "dump";

/**
 * pg_dump writes what one snapshot sees, and what is recorded beside it is read in the same snapshot: the counts and digests
 * are those of the dump, while others write.
 */
export async function capture(
  options: Options,
  context: CaptureContext,
): Promise<Captured<CapturedDatabase>> {
  const server = serverOf(options);
  const connection = await connect(server, context);
  try {
    const programs = await findPrograms(options, connection.major, context);
    const counters = await readCounters(connection);
    await beginReading(connection);
    // pg_dump has the processors, and whoever else is served.
    await connection.run("set local max_parallel_workers_per_gather = 0");
    const { snapshot } = await connection.row<{ snapshot: string }>(
      "select pg_export_snapshot() as snapshot",
    );
    const folder = context.artifacts.scratch(folderName);
    await context.host.files.remove(folder);
    const { checksums } = options;
    const read = async () => ({
      facts: await readFacts(connection),
      content: await readContent(connection, { checksums }),
    });
    const taken = await beside(context, (inside) => [
      dumpTo(folder, { program: programs.dump, server, snapshot, options }, inside),
      read(),
    ]);
    return await kept(folder, { ...taken, server, programs, counters, checksums }, context);
  } finally {
    await connection.close();
  }
}

export interface Programs {
  readonly dump: Program;
  readonly restore: Program;
}

export async function findPrograms(
  { programs: folder }: Pick<Options, "programs">,
  atLeast: number,
  context: Pick<CaptureContext, "host" | "signal">,
): Promise<Programs> {
  const [dump, restore] = await Promise.all([
    findProgram({ name: "pg_dump", atLeast, folder }, context),
    findProgram({ name: "pg_restore", atLeast, folder }, context),
  ]);
  return { dump, restore };
}

export async function readFacts(connection: Connection) {
  const jobs = await readJobs(connection);
  return {
    server: await readServer(connection),
    database: await readDatabase(connection),
    wal: await readWal(connection),
    snapshot: await readSnapshot(connection),
    roles: await readRoles(connection),
    ...(jobs === undefined ? {} : { jobs }),
    ledgers: await readLedgers(connection),
    indexes: await readIndexes(connection),
  };
}

/** Side by side; where one fails, the other is ended and waited for, so that nothing goes on unseen. */
export async function beside<Context extends DriverContext, Result>(
  context: Context,
  start: (context: Context) => [Promise<unknown>, Promise<Result>],
): Promise<Result> {
  const end = new AbortController();
  const both = start({ ...context, signal: AbortSignal.any([context.signal, end.signal]) });
  try {
    return (await Promise.all(both))[1];
  } catch (error) {
    end.abort(error);
    await Promise.allSettled(both);
    throw error;
  }
}

interface Taken {
  readonly server: Server;
  readonly programs: Programs;
  readonly content: Content;
  readonly facts: Awaited<ReturnType<typeof readFacts>>;
  readonly counters: CapturedDatabase["counters"];
  readonly checksums: CapturedDatabase["checksums"];
}

async function kept(
  folder: string,
  { programs, content: read, facts, counters, checksums }: Taken,
  context: CaptureContext,
): Promise<Captured<CapturedDatabase>> {
  const { files } = context.host;
  const entries = await listEntries(folder, programs.restore, context);
  missingData(
    entries,
    read,
    (await files.list(folder)).map(({ name }) => name),
    facts.database.name,
  );
  // Others may have taken numbers between our look and pg_dump's: what counts is what the dump says.
  const content = {
    ...read,
    sequences: await dumpSequences({ dump: folder, entries }, programs.restore, read.sequences, context),
  };
  const digests: Record<string, string> = {};
  let bytes = 0;
  for (const { name } of await files.list(folder)) {
    await files.rename(`${folder}/${name}`, context.artifacts.scratch(name));
    const artifact = await context.artifacts.add(name);
    digests[name] = artifact.digest;
    bytes += artifact.bytes;
    context.progress(`kept ${Object.keys(digests).length} files, ${megabytes(bytes)}`);
  }
  await files.remove(folder);
  const { dump } = programs;
  return {
    identity: identityOf(content),
    summary: summaryOf(content),
    data: {
      ...facts,
      ...{ content, counters, checksums },
      dump: {
        ...{ files: digests, bytes, entries: entries.length },
        program: `pg_dump ${dump.version}`,
        programMajor: dump.major,
      },
    },
  };
}

export const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
