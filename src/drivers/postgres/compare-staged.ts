import type { Connection } from "../../clients/postgres/connection.js";
import type { DriverContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { CapturedDatabase, TableContent } from "./captured-database.js";
import { compareContents } from "./compare-content.js";
import { readSchema } from "./read-content.js";
import { beginReading } from "./read-snapshot.js";

/**
 * Whether a restored database has every object, right, setting and row that was captured. Rows are counted: that the dump's
 * rows are the captured ones is what its digest and the proof say, and reading all of them again would take as long as both.
 */
export async function compareStaged(
  connection: Connection,
  data: CapturedDatabase,
  context: DriverContext,
): Promise<void> {
  await beginReading(connection);
  const tables: Record<string, TableContent> = {};
  for (const [name, then] of Object.entries(data.content.tables)) {
    context.progress(`counting the rows of ${name}`);
    const rows =
      name === "large objects" ? await countLargeObjects(connection) : await countRows(connection, name);
    if (rows !== undefined) tables[name] = { ...then, rows };
  }
  const now = { ...(await readSchema(connection)), tables };
  const wrong = compareContents(data.content, now).filter(({ result }) => result !== "passed");
  await connection.run("commit");
  if (wrong.length === 0) return;
  const each = wrong.map(
    ({ name, expected, actual }) => `${name}: ${actual ?? ""}, expected ${expected ?? ""}`,
  );
  throw new BackoutError(
    "CHECK_FAILED",
    `${connection.shown}: what was restored is not what was captured: ${each.slice(0, 5).join("; ")}`,
    { effect: "none", hint: "backout prove says whether the checkpoint is sound" },
  );
}

/** `name` is quoted. `undefined` where there is no such table. */
async function countRows(connection: Connection, name: string): Promise<number | undefined> {
  const { there } = await connection.row<{ there: boolean }>("select to_regclass($1) is not null as there", [
    name,
  ]);
  if (!there) return undefined;
  const { rows } = await connection.row<{ rows: string }>(`select count(*)::text as rows from only ${name}`);
  return Number(rows);
}

async function countLargeObjects(connection: Connection): Promise<number> {
  const { rows } = await connection.row<{ rows: string }>(
    "select count(*)::text as rows from pg_largeobject_metadata",
  );
  return Number(rows);
}
