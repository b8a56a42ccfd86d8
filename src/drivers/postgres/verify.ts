import { type Connection, connect } from "../../clients/postgres/connection.js";
import { serverOf } from "../../clients/postgres/connection-options.js";
import type { CapturedPart, Check, ObserveContext } from "../../core/driver.js";
import { acrossVersions } from "./across-versions.js";
import type { CapturedDatabase, Content, TableContent } from "./captured-database.js";
import { chosenTables, contentOf } from "./chosen-tables.js";
import { compareObjects, compareSchemas, sameTable, sameView } from "./compare-content.js";
import type { Options } from "./options.js";
import { readContent, readContentBefore } from "./read-content.js";
import { beginReading } from "./read-snapshot.js";
import { readIndexes } from "./surroundings.js";

/**
 * Every object, right, setting and table. What the application has written since the database was put in its place is right, and told
 * apart: rows of transactions that are younger than the last change of the database's own entry (its rename, its opening).
 */
export async function verify(
  { data }: CapturedPart<CapturedDatabase>,
  options: Options,
  context: ObserveContext,
): Promise<Check[]> {
  const connection = await connect(serverOf(options), context);
  try {
    await beginReading(connection);
    const only = options.tables && chosenTables(options.tables, data);
    const all = await readContent(connection, {
      ...{ checksums: data.checksums, like: data.content, progress: context.progress },
      ...(only === undefined ? {} : { only }),
    });
    const [then, now] = acrossVersions(
      only === undefined ? data.content : contentOf(data.content, data.indexes ?? {}, only),
      only === undefined ? all : contentOf(all, await readIndexes(connection), only),
      { then: data.server.major, now: connection.major },
    );
    const checks =
      only === undefined
        ? [...compareSchemas(then, now), sequencesNotBehind(then, now)]
        : compareObjects(then, now);
    for (const [name, table] of Object.entries(then.tables)) {
      checks.push(
        Object.hasOwn(data.content.materializedViews, name)
          ? sameView(name, table, now.tables[name])
          : await tableCheck(connection, name, table, now.tables[name]),
      );
    }
    return checks;
  } finally {
    await connection.close();
  }
}

async function tableCheck(
  connection: Connection,
  name: string,
  then: TableContent,
  now: TableContent | undefined,
): Promise<Check> {
  const check = sameTable(name, then, now);
  if (check.result === "passed" || now === undefined || name === "large objects") return check;
  const before = await readContentBefore(connection, name, then);
  const { rows, digest } = before;
  if (rows === then.rows && digest === then.digest) {
    return {
      ...check,
      result: "passed",
      message: `all captured rows are there, ${now.rows - rows} were added since`,
    };
  }
  const gone = then.rows - rows;
  const written = await changesOf(connection, name);
  if (rows > 0 && gone > 0 && written >= gone) {
    return {
      ...check,
      result: "passed",
      message: `${rows} captured rows are untouched; the application has updated or deleted ${gone} since, which cannot be compared`,
    };
  }
  return check;
}

/** Updates and deletes that PostgreSQL has counted since the table was made. */
async function changesOf(connection: Connection, name: string): Promise<number> {
  const [row] = await connection.rows<{ written: string }>(
    "select (n_tup_upd + n_tup_del)::text as written from pg_stat_user_tables where relid = to_regclass($1)",
    [name],
  );
  return Number(row?.written ?? 0);
}

/** Numbers are handed out again as soon as the application serves; one handed out twice would be a fault. */
function sequencesNotBehind(then: Content, now: Content): Check {
  const behind = Object.entries(then.sequences).filter(([name, at]) => {
    const seen = now.sequences[name];
    return seen === undefined || (seen !== at && Number.parseInt(seen, 10) < Number.parseInt(at, 10));
  });
  const expected = `${Object.keys(then.sequences).length} sequences, none behind`;
  if (behind.length === 0) return { name: "sequences", result: "passed", expected };
  const actual = behind
    .map(([name, at]) => `${name} is at ${now.sequences[name] ?? "nothing"}, was at ${at}`)
    .join("; ");
  return { name: "sequences", result: "failed", expected, actual };
}
