import { type Connection, connect } from "../../clients/postgres/connection.js";
import { serverOf } from "../../clients/postgres/connection-options.js";
import { failureOf } from "../../clients/postgres/failure.js";
import type { CapturedPart, DriverContext, Observation, ObserveContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { CapturedDatabase, Content } from "./captured-database.js";
import { chosenTables, contentOf } from "./chosen-tables.js";
import { differenceOf } from "./compare-content.js";
import { readDatabases } from "./databases.js";
import { type Loss, lostSince } from "./losses.js";
import type { Options } from "./options.js";
import { closedCopy } from "./proven-copy.js";
import { identityOf, readContent, summaryOf } from "./read-content.js";
import { beginReading } from "./read-snapshot.js";
import { type Room, readDumpRoom, readRoom } from "./room.js";
import { readStanding, type Standing } from "./standing.js";
import { readIndexes, readSurroundings, type Surroundings } from "./surroundings.js";
import { definitionsOf } from "./table-definitions.js";

export type Change = { readonly what: string; readonly before: string; readonly after: string };

export type Seen = {
  /** Null where there is no such database. */
  readonly standing: Standing | null;
  /** Captured → now. */
  readonly changes: readonly Change[];
  readonly losses: readonly Loss[];
  /** What is free where its files are. */
  readonly room?: Room;
  /** The same where dumps go that are made right before a restore. */
  readonly dumpRoom?: Room;
  /** The proof of what was captured has kept its copy: nothing has to be restored. */
  readonly proven?: boolean;
  /** Where only some tables are to come back. */
  readonly chosen?: ChosenSeen | null;
};

export type ChosenSeen = {
  readonly around: Surroundings;
  readonly tables: readonly {
    readonly name: string;
    /** Digest of its definition now; empty where it is not there. */
    readonly seen: string;
    /** It is the captured definition. */
    readonly same: boolean;
    /** With its indexes; 0 where it is not there. */
    readonly bytes: number;
  }[];
};

/** The identity of a database that cannot be read any more. */
export const damaged = "damaged";

export async function observe(
  options: Options,
  context: ObserveContext,
  captured?: CapturedPart<CapturedDatabase>,
): Promise<Observation<Seen>> {
  const server = serverOf(options);
  const connection = await connect(server, context).catch((error: unknown) => {
    // Dropped, or renamed by another tool: it can be brought back, from what was captured.
    if (captured !== undefined && error instanceof BackoutError && error.code === "NOT_FOUND")
      return undefined;
    throw error;
  });
  if (connection === undefined) {
    return {
      identity: "missing",
      summary: `there is no database "${server.database}"`,
      data: { standing: null, changes: [], losses: [] },
    };
  }
  try {
    const standing = await readStanding(connection);
    const room = await readRoom(connection, context);
    const dumpRoom = await readDumpRoom(options, context);
    const proven =
      captured !== undefined &&
      closedCopy(await readDatabases(connection), server.database, captured.identity) !== undefined;
    const only = captured && options.tables && chosenTables(options.tables, captured.data);
    await beginReading(connection);
    const all = await readContent(connection, readingLike(options, context, captured?.data, only)).catch(
      (error: unknown) => {
        // Which of its tables can still be read, nobody knows: it comes back as a whole.
        if (captured === undefined || only !== undefined || !isDamaged(error)) throw error;
        return error.message;
      },
    );
    if (typeof all === "string") {
      const basis = "the database is damaged: what was written since the checkpoint cannot be told";
      return {
        ...{ identity: damaged, summary: all },
        data: { standing, room, dumpRoom, proven, changes: [], losses: [{ what: server.database, basis }] },
      };
    }
    const looked = captured && only && (await lookAt(connection, only, captured.data, all));
    await connection.run("commit");
    const content = looked?.now ?? all;
    const identity = looked?.same === true ? captured?.identity : identityOf(content);
    const seen = { identity: identity ?? "", summary: summaryOf(content) };
    const there = { standing, chosen: looked?.chosen ?? null, room, dumpRoom, proven };
    const concerned = (losses: Loss[]): Loss[] => losses.filter(({ what }) => only?.includes(what) ?? true);
    if (captured === undefined || identity === captured.identity) {
      const unseen =
        captured === undefined
          ? []
          : concerned(await beyondSample(content, captured.data, () => lostSince(connection, captured.data)));
      const data = { ...there, changes: [], losses: unseen };
      return unseen.length === 0 ? { ...seen, data } : { ...seen, identity: `${identity}, written to`, data };
    }
    const losses = concerned(await lostSince(connection, captured.data, all));
    const then = looked?.then ?? captured.data.content;
    return { ...seen, data: { ...there, changes: changesOf(then, content), losses } };
  } finally {
    await connection.close();
  }
}

const isDamaged = (error: unknown): error is BackoutError =>
  error instanceof BackoutError && failureOf(error.cause)?.kind === "damaged";

const readingLike = (
  { checksums }: Options,
  { progress }: Pick<DriverContext, "progress">,
  data: CapturedDatabase | undefined,
  only: readonly string[] | undefined,
) => ({
  checksums: data?.checksums ?? checksums,
  progress,
  ...(only === undefined ? {} : { only }),
  ...(data === undefined ? {} : { like: data.content }),
});

/** The chosen tables then and now, and what they are tied to. In the transaction that the connection is in. */
async function lookAt(connection: Connection, only: readonly string[], data: CapturedDatabase, all: Content) {
  const indexes = await readIndexes(connection);
  const [then, now] = [contentOf(data.content, data.indexes ?? {}, only), contentOf(all, indexes, only)];
  const tables = only.map((name) => ({ name }));
  const [before, after] = [
    definitionsOf(data.content, data.indexes ?? {}, tables),
    definitionsOf(all, indexes, tables),
  ];
  const sizes = await readSizes(connection, only);
  const chosen: ChosenSeen = {
    around: await readSurroundings(connection, only),
    tables: only.map((name) => {
      const seen = after[name] ?? "";
      return { name, seen, same: seen !== "" && seen === before[name], bytes: sizes.get(name) ?? 0 };
    }),
  };
  return { then, now, chosen, same: identityOf(then) === identityOf(now) };
}

async function readSizes(
  connection: Connection,
  tables: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const rows = await connection.rows<{ name: string; bytes: number | null }>(
    "select name, pg_total_relation_size(to_regclass(name))::float8 as bytes from unnest($1::text[]) name",
    [tables],
  );
  return new Map(rows.map(({ name, bytes }) => [name, bytes ?? 0]));
}

/** A sample does not see every change; the counters of the tables that were sampled do. */
async function beyondSample(
  content: Content,
  data: CapturedDatabase,
  lost: () => Promise<Loss[]>,
): Promise<Loss[]> {
  const sampled = new Set(
    Object.entries(content.tables)
      .filter(([, { digest }]) => digest.startsWith("sampled "))
      .map(([name]) => name),
  );
  // Brought back by us it is another database than the captured one: its counters are no help, and nobody wrote before.
  if (sampled.size === 0 || Object.keys(data.counters.tables).length === 0) return [];
  return (await lost()).filter(
    ({ what, inserted, updated, deleted }) =>
      sampled.has(what) && (inserted ?? 0) + (updated ?? 0) + (deleted ?? 0) > 0,
  );
}

const most = 20;

function changesOf(then: Content, now: Content): Change[] {
  const texts = ({ tables, materializedViews }: Content) =>
    Object.fromEntries(
      Object.entries(tables)
        .filter(([name]) => !Object.hasOwn(materializedViews, name))
        .map(([name, { rows, digest }]) => [name, `${rows} rows, ${digest}`]),
    );
  return [
    ...changed("", then.objects, now.objects),
    ...changed("rows of ", texts(then), texts(now), (text) => text.replace(/, .*/, "")),
    ...changed("sequence ", then.sequences, now.sequences, (text) => text),
    ...changed("privileges of ", then.grants, now.grants, (text) => text),
    ...changed("setting ", then.settings, now.settings, (text) => text),
    ...changed("extension ", then.extensions, now.extensions, (text) => text),
    ...changed("materialized view ", then.materializedViews, now.materializedViews, (text) => text),
  ];
}

/** `shown` makes a value readable; digests of definitions are not. */
function changed(
  kind: string,
  then: Readonly<Record<string, string>>,
  now: Readonly<Record<string, string>>,
  shown?: (text: string) => string,
): Change[] {
  const text = (value: string | undefined, other: string): string =>
    value === undefined ? "not there" : (shown?.(value) ?? other);
  const { missing, added, changed: different } = differenceOf(then, now);
  const names = [...missing, ...added, ...different];
  const listed = names.slice(0, most).map((name) => ({
    what: `${kind}${name}`,
    before: text(then[name], "as captured"),
    after: text(now[name], Object.hasOwn(then, name) ? "changed" : "made since"),
  }));
  if (names.length <= most) return listed;
  return [
    ...listed,
    {
      what: `${kind || "objects "}and ${names.length - most} more`,
      before: "as captured",
      after: "different",
    },
  ];
}
