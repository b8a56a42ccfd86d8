import type { Connection } from "../../clients/postgres/connection.js";
import type { Server } from "../../clients/postgres/connection-options.js";
import type { Check, DriverContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { acrossVersions } from "./across-versions.js";
import type { CapturedDatabase, TableContent } from "./captured-database.js";
import { compareContents, compareSchemas } from "./compare-content.js";
import { readSchema } from "./read-content.js";
import { beginReading } from "./read-snapshot.js";
import { sideBySide, type Work } from "./side-by-side.js";

export interface Restored {
  /** Its database is what was restored. */
  readonly server: Server;
  readonly data: CapturedDatabase;
  /** With which it was restored. */
  readonly jobs: number;
  /** Others write to it by now: rows and sequences were compared before they could. */
  readonly serving?: boolean;
}

/**
 * Whether a restored database has every object, right, setting and row that was captured, and the planner's statistics beside
 * that: without them its first queries would be as slow as an outage. Rows are counted: that the dump's rows are the captured
 * ones is what its digest and the proof say, and reading all of them again would take as long as both.
 */
export async function compareStaged(restored: Restored, context: DriverContext): Promise<void> {
  const { data, server } = restored;
  const largestFirst = Object.entries(data.content.tables).sort(([, a], [, b]) => b.rows - a.rows);
  const tables: Record<string, TableContent> = {};
  let schema: Awaited<ReturnType<typeof readSchema>> | undefined;
  let { major } = data.server;
  const readAll = reading(async (connection) => {
    schema = await readSchema(connection);
    major = connection.major;
  });
  const analyses = (roots: readonly string[]): Work[] =>
    roots.map((name) => (connection) => {
      context.progress(`gathering the planner's statistics of ${name}`);
      return connection.run(`analyze ${name}`);
    });
  const counts = (restored.serving === true ? [] : largestFirst).map(([name, then]) =>
    reading(async (connection) => {
      context.progress(`counting the rows of ${name}`);
      const rows = await countRows(connection, name);
      if (rows !== undefined) tables[name] = { ...then, rows };
    }),
  );
  await sideBySide(
    async (first) =>
      inTurn(analyses(await readRoots(first)), [...counts.slice(0, 1), readAll, ...counts.slice(1)]),
    // As many as pg_restore has: one for each job, and its own.
    { server, hands: restored.jobs + 1 },
    context,
  );
  if (schema === undefined) throw new Error("the schema was not read");
  const [then, now] = acrossVersions(
    data.content,
    { ...schema, tables },
    { then: data.server.major, now: major },
  );
  const checks = restored.serving === true ? compareSchemas(then, now) : compareContents(then, now);
  refuseDifferent(checks, server.database);
}

function refuseDifferent(checks: readonly Check[], name: string): void {
  const wrong = checks.filter(({ result }) => result !== "passed");
  if (wrong.length === 0) return;
  const each = wrong.map((check) => `${check.name}: ${check.actual ?? ""}, expected ${check.expected ?? ""}`);
  throw new BackoutError(
    "CHECK_FAILED",
    `${name}: what was restored is not what was captured: ${each.slice(0, 5).join("; ")}`,
    { effect: "none", hint: "backout prove says whether the checkpoint is sound" },
  );
}

/** One of each, as long as there are both. */
const inTurn = <One>(some: readonly One[], others: readonly One[]): One[] =>
  Array.from({ length: Math.max(some.length, others.length) }, (_, at) => [
    ...some.slice(at, at + 1),
    ...others.slice(at, at + 1),
  ]).flat();

const reading =
  (work: Work): Work =>
  async (connection) => {
    await beginReading(connection);
    await work(connection);
    await connection.run("commit");
  };

/** ANALYZE of a partitioned table does its partitions as well. The largest come first. */
async function readRoots(connection: Connection): Promise<string[]> {
  const rows = await connection.rows<{ name: string }>(
    `select format('%I.%I', n.nspname, c.relname) as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'p', 'm') and not c.relispartition and c.relpersistence <> 't'
       and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' order by c.relpages desc, 1`,
  );
  return rows.map(({ name }) => name);
}

/** `name` is quoted. `undefined` where there is no such table. */
async function countRows(connection: Connection, name: string): Promise<number | undefined> {
  if (name === "large objects") return numberOf(connection, "pg_largeobject_metadata");
  const { there } = await connection.row<{ there: boolean }>("select to_regclass($1) is not null as there", [
    name,
  ]);
  return there ? numberOf(connection, name) : undefined;
}

async function numberOf(connection: Connection, table: string): Promise<number> {
  const { rows } = await connection.row<{ rows: string }>(`select count(*)::text as rows from only ${table}`);
  return Number(rows);
}
