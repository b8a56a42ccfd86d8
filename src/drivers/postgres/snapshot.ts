import { basename } from "node:path/posix";
import { type Connection, connect } from "../../clients/postgres/connection.js";
import { serverOf } from "../../clients/postgres/connection-options.js";
import { runProgram } from "../../clients/postgres/run-program.js";
import { contentDigest } from "../../core/content-digest.js";
import type { Outcome, Settlement, StepContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { utcText } from "../../core/report/measures.js";
import { beside, findPrograms, megabytes, type Programs, readFacts } from "./capture.js";
import type { Content } from "./captured-database.js";
import { contentOf } from "./chosen-tables.js";
import { dumpSequences, type Entry, listEntries } from "./dump.js";
import { readCounters } from "./facts.js";
import { keptFile, makeSnapshots, settleKept, writeKept } from "./kept-file.js";
import { type KeptDump, type KeptState, readNote, writeNote } from "./kept-state.js";
import { identityOf, readContent, summaryOf } from "./read-content.js";
import { beginReading } from "./read-snapshot.js";
import { removeExpired } from "./remove-expired.js";
import { capturedOf, type Job, snapshotInput } from "./step-input.js";
import { readForeignKeys } from "./surroundings.js";

const lockWaitMs = 30_000;

/**
 * A dump right before what is overwritten or dropped: of everything, or of the chosen tables. What an undo compares with is read
 * in the dump's own snapshot, and noted last: whoever finds the note finds all of it.
 */
export async function applySnapshot(job: Job, context: StepContext): Promise<Outcome> {
  const note = keptFile(job, context, "json");
  const there = await readNote(note, context);
  if (there !== undefined) return { summary: `${note} is there already`, changed: false };
  const { keepMs, spare } = snapshotInput(job);
  await removeExpired(job.options, capturedOf(job).database.name, context, spare);
  const at = context.clock.now();
  const connection = await connect(serverOf(job.options), context);
  try {
    const programs = await findPrograms(job.options, connection.major, context);
    const counters = await readCounters(connection);
    await beginReading(connection);
    const { snapshot } = await connection.row<{ snapshot: string }>(
      "select pg_export_snapshot() as snapshot",
    );
    const facts = await readFacts(connection);
    const dumps = dumpsOf(job, context);
    const read = await beside(context, (inside) => [
      dumpAll(dumps, snapshot, programs, job, inside),
      readState(connection, facts.indexes, job, inside),
    ]);
    const whole = await completed(dumps, read.content, programs, context);
    const { options } = job;
    const { absent = [] } = snapshotInput(job);
    const kept: KeptState = {
      ...{ format: 1, identity: identityAs(whole.content, absent), summary: summaryOf(whole.content), at },
      data: {
        ...{ ...facts, counters, checksums: options.checksums, content: whole.content },
        dump: {
          ...{ files: whole.digests, bytes: whole.bytes, entries: whole.entries },
          ...{ program: `pg_dump ${programs.dump.version}`, programMajor: programs.dump.major },
        },
      },
      dumps: dumps.map(({ path, tables }) => ({ file: basename(path), tables })),
      ...{ absent, foreignKeys: read.foreignKeys },
      ...(keepMs === undefined ? {} : { key: context.key, until: at + keepMs }),
    };
    await makeSnapshots(options, context);
    await writeNote(note, kept, context);
    const file = dumps[0]?.path ?? note;
    const { until } = kept;
    return {
      summary: `${summaryOfKept(job, file, whole.bytes)}${until === undefined ? "" : `, until ${utcText(until)}`}`,
      changed: true,
      data: { file, ...(until === undefined ? {} : { until }) },
    };
  } finally {
    await connection.close();
  }
}

/** Two that have nothing but what they lack are told apart by that. */
const identityAs = (content: Content, absent: readonly string[]): string =>
  absent.length === 0 ? identityOf(content) : contentDigest({ content: identityOf(content), absent });

function summaryOfKept(job: Job, file: string, bytes: number): string {
  const { database, tables = [], absent = [] } = snapshotInput(job);
  const what = tables.length + absent.length === 0 ? database : [...tables, ...absent].join(", ");
  return `${what} as it is, is in ${file} (${megabytes(bytes)})`;
}

type Dump = KeptDump & { readonly path: string };

/** Tables that are refilled and those that are made anew come back in different ways, so each kind has a dump of its own. */
function dumpsOf(job: Job, context: StepContext): Dump[] {
  const { tables, anew = [] } = snapshotInput(job);
  const dump = (ending: string, of: readonly string[]): Dump => {
    const path = keptFile(job, context, ending);
    return { path, file: basename(path), tables: of };
  };
  if (tables === undefined) return [dump("dump", [])];
  const refilled = tables.filter((name) => !anew.includes(name));
  return [
    ...(refilled.length === 0 ? [] : [dump("dump", refilled)]),
    ...(anew.length === 0 ? [] : [dump("anew.dump", anew)]),
  ];
}

async function dumpAll(
  dumps: readonly Dump[],
  snapshot: string,
  { dump: program }: Programs,
  job: Job,
  context: StepContext,
): Promise<void> {
  const server = serverOf(job.options);
  const how = ["--format=custom", "--compress=1", "--no-subscriptions", `--snapshot=${snapshot}`];
  for (const { path, tables } of dumps) {
    const only = tables.map((name) => `--table=${name}`);
    const args = [...how, `--lock-wait-timeout=${lockWaitMs}`, ...only];
    await writeKept(path, job, context, (part) =>
      runProgram({ ...{ program, server, effect: "none" }, args: [...args, `--file=${part}`] }, context),
    );
  }
}

async function readState(
  connection: Connection,
  indexes: Readonly<Record<string, string>>,
  job: Job,
  { progress }: StepContext,
) {
  const { tables } = snapshotInput(job);
  const how = { checksums: job.options.checksums, progress };
  const all = await readContent(connection, tables === undefined ? how : { ...how, only: tables });
  return tables === undefined
    ? { content: all, foreignKeys: [] }
    : {
        content: contentOf(all, indexes, tables),
        foreignKeys: await readForeignKeys(connection, tables),
      };
}

/** pg_dump's exit status said that all is there; whether pg_restore finds every table's rows says the dump itself. */
async function completed(
  dumps: readonly Dump[],
  content: Content,
  { restore }: Programs,
  context: StepContext,
) {
  const { files } = context.host;
  const digests: Record<string, string> = {};
  const entries: Entry[] = [];
  let bytes = 0;
  for (const { path, file } of dumps) {
    entries.push(...(await listEntries(path, restore, context)));
    digests[file] = await files.digest(path);
    bytes += (await files.stat(path))?.size ?? 0;
  }
  const rows = entries.filter(({ text }) => text.startsWith("TABLE DATA ")).length;
  const tables = Object.keys(content.tables).filter(
    (name) => !Object.hasOwn(content.materializedViews, name) && name !== "large objects",
  ).length;
  if (rows < tables) {
    throw new BackoutError(
      "COMMAND_FAILED",
      `pg_dump succeeded, but wrote the rows of ${rows} of ${tables} tables`,
      { effect: "none", hint: "repeat the command" },
    );
  }
  const [only] = dumps;
  const whole = only !== undefined && dumps.every((one) => one.tables.length === 0);
  // Numbers go on being handed out: what counts is what the dump says.
  const sequences = whole
    ? await dumpSequences({ dump: only.path, entries }, restore, content.sequences, context)
    : content.sequences;
  return { content: { ...content, sequences }, digests, bytes, entries: entries.length };
}

export const settleSnapshot = async (job: Job, context: StepContext): Promise<Settlement> => {
  const settled = await settleKept(keptFile(job, context, "json"), context);
  if (settled.state !== "not-applied") return settled;
  for (const { path } of dumpsOf(job, context)) {
    const { state } = await settleKept(path, context);
    if (state !== "not-applied") return { state: "partial", summary: `${path} is written in part` };
  }
  return settled;
};
