import { type Connection, withConnection } from "../../clients/postgres/connection.js";
import { serverOf } from "../../clients/postgres/connection-options.js";
import { identifier } from "../../clients/postgres/identifier.js";
import { marked } from "../../clients/postgres/session-mark.js";
import type { Outcome, Settlement, StepContext } from "../../core/driver.js";
import { keptSchema } from "./catalog.js";
import type { Job } from "./job.js";
import type { KeepInput } from "./plan.js";
import { textDigest } from "./sql-script.js";

type Kept = KeepInput["keep"][number];

/** The same on every attempt; PostgreSQL takes 63 bytes of a name. */
function tableFor({ table, column }: Kept, { key }: StepContext): string {
  const plain = `${table}${column === null ? "" : `.${column}`}`.replaceAll(/[^A-Za-z0-9_.]/g, "");
  return `${plain.slice(0, 40)} ${textDigest(`${key} ${table} ${column}`).slice(7, 15)}`;
}

const target = (kept: Kept, context: StepContext): string =>
  `${keptSchema}.${identifier(tableFor(kept, context))}`;

/** With the primary key, by which the values find back to their rows; where there is none, the whole rows. */
async function columnsOf({ table, column }: Kept, connection: Connection): Promise<string> {
  if (column === null) return "*";
  const keys = await connection.rows<{ name: string }>(
    `select quote_ident(attname) as name from pg_index join pg_attribute on attrelid = indrelid and attnum = any(indkey)
     where indrelid = to_regclass($1) and indisprimary order by array_position(indkey::int2[], attnum)`,
    [table],
  );
  return keys.length === 0 ? "*" : [...new Set([...keys.map(({ name }) => name), column])].join(", ");
}

async function there(kept: Kept, connection: Connection, context: StepContext): Promise<boolean> {
  const { found } = await connection.row<{ found: boolean }>("select to_regclass($1) is not null as found", [
    target(kept, context),
  ]);
  return found;
}

const keptOf = (job: Job): readonly Kept[] => (job.input as unknown as KeepInput).keep;

/** Into tables of a schema of our own, in one transaction. */
export async function keepValues(job: Job, context: StepContext): Promise<Outcome> {
  return withConnection(
    serverOf(job.options),
    context,
    async (connection) => {
      await marked(connection, context);
      await connection.run("begin");
      await connection.run(`create schema if not exists ${keptSchema}`);
      const tables: string[] = [];
      for (const kept of keptOf(job)) {
        if (await there(kept, connection, context)) continue;
        const columns = await columnsOf(kept, connection);
        const only = kept.column === null ? "" : ` where ${kept.column} is not null`;
        await connection.run(
          `create table ${target(kept, context)} as select ${columns} from ${kept.table}${only}`,
        );
        tables.push(target(kept, context));
      }
      await connection.run("commit");
      if (tables.length === 0) return { summary: "kept already", changed: false };
      return { summary: `kept in ${tables.join(", ")}`, changed: true, data: { tables } };
    },
    { lockMs: job.options.lock_timeout },
  );
}

export async function settleKeep(job: Job, context: StepContext): Promise<Settlement> {
  return withConnection(serverOf(job.options), context, async (connection) => {
    for (const kept of keptOf(job)) {
      if (!(await there(kept, connection, context))) return { state: "not-applied", summary: "not kept yet" };
    }
    return { state: "applied", summary: "kept" };
  });
}
