import { basename, dirname } from "node:path/posix";
import { type Connection, withConnection } from "../../clients/postgres/connection.js";
import { serverOf } from "../../clients/postgres/connection-options.js";
import type { CaptureContext, Captured } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { FromFile, GivenFile } from "../../core/given-file.js";
import { megabytes } from "./capture.js";
import type { CapturedDatabase, Content } from "./captured-database.js";
import { type CopiedDump, copyGiven } from "./copy-given.js";
import { readDatabase, readLedgers, readRoles } from "./facts.js";
import { type KnownDump, knownDump } from "./given-dump.js";
import { givenNotes, withoutRows } from "./given-notes.js";
import { provisional, readPlace } from "./given-place.js";
import type { Options } from "./options.js";
import { maintenanceOf } from "./prove.js";
import { identityOf, readContent, summaryOf } from "./read-content.js";
import { beginReading } from "./read-snapshot.js";
import { restoreDump } from "./restore-dump.js";
import { withScratchDatabase } from "./scratch-database.js";
import { readIndexes } from "./surroundings.js";
import { unmetNeeds } from "./unmet-needs.js";

/**
 * A dump of somebody else's making says little of what it holds; so it is restored into a scratch database, and what is there
 * then is what was captured. What belongs to the database as such is taken from the live one.
 */
export async function adopt(
  given: GivenFile,
  options: Options,
  context: CaptureContext,
): Promise<Captured<CapturedDatabase> & FromFile> {
  const place = await readPlace(options, context);
  const { programs } = options;
  const dump = await knownDump(given, { serverMajor: place.major, programs }, context);
  const copied = await copyGiven(given, context);
  const server = serverOf(options.scratch ?? options);
  const wanted = provisional(dump, place);
  await withConnection(server, context, (connection) => refuseUnmet(given.path, wanted, connection), {
    database: maintenanceOf(options),
  });
  const read = await withScratchDatabase(
    server,
    { data: wanted, maintenance: maintenanceOf(options) },
    context,
    async (scratch, entry) => {
      const { jobs } = options;
      const restoring = {
        program: dump.restore,
        server: scratch,
        dump: copied.path,
        data: wanted,
        jobs,
        entry,
      };
      await restoreDump(restoring, { ...context, scratch: dirname(copied.path) }).catch((error: unknown) => {
        throw unrestored(given.path, error);
      });
      return withConnection(scratch, context, (connection) => readRestored(connection, options, context));
    },
  );
  const { content } = read;
  refuseHollow(given.path, dump, content);
  const kept = await keepFiles(copied, context);
  const { owner } = place.database;
  return {
    identity: identityOf(content),
    summary: `${summaryOf(content)}, out of ${basename(given.path)}`,
    data: {
      ...wanted,
      ...{ content, indexes: read.indexes, roles: read.roles, ledgers: read.ledgers },
      database: { ...place.database, bytes: read.bytes },
      checksums: options.checksums,
      dump: { ...wanted.dump, ...kept },
    },
    ...(dump.made === undefined ? {} : { at: dump.made }),
    notes: givenNotes({
      ...{ dump, content, owner, database: place.database.name, live: place.live },
      keepLostRows: options.keepLostRows,
    }),
  };
}

const refused = (message: string, hint: string): BackoutError =>
  new BackoutError("REFUSED", message, { effect: "none", hint });

async function refuseUnmet(path: string, wanted: CapturedDatabase, connection: Connection): Promise<void> {
  const [first, ...more] = await unmetNeeds(wanted, connection);
  if (first === undefined) return;
  const others = more.length === 0 ? "" : `; and ${more.length} more`;
  throw refused(`${path}: ${first.message ?? first.name}${others}`, "mend it, then repeat the command");
}

/** Whether the server is still there, and has room, was asked: what is left is the dump, or what it needs. */
function unrestored(path: string, error: unknown): unknown {
  if (!(error instanceof BackoutError) || error.code !== "COMMAND_FAILED") return error;
  const role = /role "([^"]+)" does not exist/.exec(error.message)?.[1];
  const extension = /extension "([^"]+)" is not available/.exec(error.message)?.[1];
  const hint =
    role !== undefined
      ? `create role "${role}", which owns or may use something in it; then repeat the command`
      : extension !== undefined
        ? `install the package of the extension "${extension}" there; then repeat the command`
        : "it is cut short, damaged, or holds only a part: name another one";
  return new BackoutError("REFUSED", `${path}: does not restore: ${error.message}`, {
    ...{ effect: "none", hint, cause: error },
  });
}

async function readRestored(connection: Connection, { checksums }: Options, context: CaptureContext) {
  await beginReading(connection);
  const { progress } = context;
  return {
    content: await readContent(connection, { checksums, progress }),
    indexes: await readIndexes(connection),
    roles: await readRoles(connection),
    ledgers: await readLedgers(connection),
    bytes: (await readDatabase(connection)).bytes,
  };
}

/** Without rows it would bring back a database that has lost everything. */
function refuseHollow(path: string, dump: KnownDump, content: Content): void {
  const tables = Object.keys(content.tables).filter(
    (name) => !Object.hasOwn(content.materializedViews, name) && name !== "large objects",
  );
  if (tables.length === 0) {
    throw refused(`${path}: holds no table`, "name a dump of the whole database");
  }
  if (withoutRows(dump, content).length < tables.length) return;
  throw refused(
    `${path}: holds ${tables.length} tables and the rows of none: it was made with --schema-only`,
    "name a dump with rows",
  );
}

async function keepFiles({ path, files }: CopiedDump, context: CaptureContext) {
  const digests: Record<string, string> = {};
  let bytes = 0;
  for (const file of files) {
    const place = context.artifacts.scratch(file.name);
    if (place !== file.path) await context.host.files.rename(file.path, place);
    const artifact = await context.artifacts.add(file.name);
    digests[file.name] = artifact.digest;
    bytes += artifact.bytes;
    context.progress(`kept ${Object.keys(digests).length} files, ${megabytes(bytes)}`);
  }
  if (files[0]?.path !== path) await context.host.files.remove(path);
  return { files: digests, bytes };
}
