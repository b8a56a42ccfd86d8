import { type Connection, withConnection } from "../../clients/postgres/connection.js";
import { serverOf } from "../../clients/postgres/connection-options.js";
import { identifier, literal } from "../../clients/postgres/identifier.js";
import { findProgram } from "../../clients/postgres/programs.js";
import { runProgram } from "../../clients/postgres/run-program.js";
import { withNeededDefaults } from "../../clients/postgres/session-defaults.js";
import type { Outcome, Settlement, StepContext, StepSpec } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { keptFile, settleKept, writeKept } from "./kept-file.js";
import { capturedOf, type Job } from "./step-input.js";

/** One sequential read of each table that was written to; the rest is writing what is found. */
const expectedMs = 10_000;

/** Optional, and in its own time: a rollback never fails for it (H64). */
export const keepRowsStep = (name: string, folder: string): StepSpec => ({
  operation: "keep-rows",
  title: `keep the rows of ${name} written since the checkpoint in ${folder}`,
  phase: "preserve",
  input: { database: name },
  expectedMs,
  timeoutMs: 10 * 60_000,
  onFailure: "continue",
});

/**
 * Rows that were inserted or updated since the capture's snapshot, each as the statement that puts it back. PostgreSQL itself tells
 * which: every row carries the number of the transaction that wrote it.
 */
export async function applyKeepRows(job: Job, context: StepContext): Promise<Outcome> {
  const { files } = context.host;
  const server = serverOf(job.options);
  const file = keptFile(job, context, "sql");
  if ((await files.stat(file)) !== undefined) return { summary: `${file} is there already`, changed: false };
  const { major, script, tables } = await withConnection(server, context, async (connection) => {
    const statements = await exportStatements(connection, job);
    return { major: connection.major, script: statements.join("\n"), tables: statements.length };
  });
  const wanted = { name: "psql", atLeast: major, folder: job.options.programs } as const;
  const program = await findProgram(wanted, context);
  const how = ["-XAtq", "--set=ON_ERROR_STOP=1", "--set=FETCH_COUNT=1000"];
  await writeKept(file, job, context, (part) =>
    runProgram(
      {
        ...{ program, server, effect: "none" },
        args: [...how, `--output=${part}`, "--file=-"],
        input: `${opening}\n${script}\n`,
        env: { PGOPTIONS: withNeededDefaults(major) },
      },
      context,
    ),
  );
  const bytes = (await files.stat(file))?.size ?? 0;
  return {
    summary: `rows of ${tables} tables written since the checkpoint are in ${file} (${(bytes / 1e3).toFixed(1)} kB)`,
    changed: true,
    data: { file },
  };
}

const opening =
  "begin isolation level repeatable read read only; set local search_path = ''; set local row_security = off; set local timezone = 'UTC';";

export const settleKeepRows = (job: Job, context: StepContext): Promise<Settlement> =>
  settleKept(keptFile(job, context, "sql"), context);

interface Table {
  readonly name: string;
  /** All that can be written: what is generated follows from them. */
  readonly columns: readonly string[];
  readonly key: readonly string[];
  /** As texts they would come back as one string in quotes. */
  readonly json: readonly string[];
}

async function exportStatements(connection: Connection, job: Job): Promise<string[]> {
  const { database, snapshot } = capturedOf(job);
  const { oid } = await connection.row<{ oid: number }>(
    "select oid::int8::float8 as oid from pg_database where datname = current_database()",
  );
  if (oid !== database.oid) {
    throw new BackoutError(
      "REFUSED",
      `${database.name}: is another database than the captured one: its rows do not tell when they were written`,
      { effect: "none", hint: "the replaced database is kept for a while: look there" },
    );
  }
  const tables = await connection.rows<Table>(
    `select format('%I.%I', n.nspname, c.relname) as name,
       coalesce((select array_agg(a.attname::text order by a.attnum) from pg_attribute a where a.attrelid = c.oid
         and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''), '{}') as columns,
       coalesce((select array_agg(a.attname::text) from pg_index i, pg_attribute a where i.indrelid = c.oid and i.indisprimary
         and a.attrelid = c.oid and a.attnum = any (i.indkey::int2[])), '{}') as key,
       coalesce((select array_agg(a.attname::text) from pg_attribute a join pg_type y on y.oid = a.atttypid where a.attrelid = c.oid
         and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
         and coalesce(nullif(y.typbasetype, 0), y.oid) in ('json'::regtype, 'jsonb'::regtype)), '{}') as json
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind = 'r' and c.relpersistence <> 't' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
       and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
     order by 1`,
  );
  return tables
    .filter(({ columns }) => columns.length > 0)
    .map((table) => exportOf(table, writtenSince(snapshot)));
}

/** Of a snapshot `xmin:xmax:xip,…`: written by a transaction that it did not see as finished. */
function writtenSince(snapshot: string): string {
  const [, after = "0", running = ""] = snapshot.split(":");
  // Rows have the lower half of the number only; their age is counted from now, round the corner.
  const low = (number: string): string => String(BigInt(number) & 0xffff_ffffn);
  const late =
    running === ""
      ? ""
      : ` or t.xmin::text in (${running
          .split(",")
          .map((one) => literal(low(one)))
          .join(", ")})`;
  return `age(t.xmin) <= age(${literal(low(after))}::xid)${late}`;
}

/** Values as texts by column name: they fit a table that has other columns, as before the change. */
function exportOf({ name, columns, key, json }: Table, since: string): string {
  const list = columns.map(identifier).join(", ");
  const others = columns.filter((column) => !key.includes(column));
  const set = others.map((column) => `${identifier(column)} = excluded.${identifier(column)}`).join(", ");
  const conflict = others.length === 0 ? "do nothing" : `do update set ${set}`;
  const end = key.length === 0 ? ";" : ` on conflict (${key.map(identifier).join(", ")}) ${conflict};`;
  const start = `insert into ${name} (${list}) overriding system value select ${list} from jsonb_populate_record(null::${name}, `;
  const texts = columns.map((column) => `t.${identifier(column)}::text`).join(", ");
  const whole = json
    .map((column) => ` || jsonb_build_object(${literal(column)}, t.${identifier(column)})`)
    .join("");
  const values = `(jsonb_object(array[${columns.map(literal).join(", ")}], array[${texts}])${whole})`;
  return `select ${literal(start)} || quote_literal(${values}::text) || ${literal(`)${end}`)} from only ${name} t where ${since};`;
}
