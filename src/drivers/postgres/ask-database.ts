import { type Connection, withConnection } from "../../clients/postgres/connection.js";
import { type ConnectionOptions, serverOf } from "../../clients/postgres/connection-options.js";
import { failureOf } from "../../clients/postgres/failure.js";
import { postgresError } from "../../clients/postgres/postgres-error.js";
import type { DriverContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";

export type Row = readonly unknown[];

export interface Question extends ConnectionOptions {
  /** Milliseconds. */
  readonly timeout: number;
}

/** At most `limit` rows: in a read-only transaction, one statement alone, ended by the server after the time-out. */
export async function askRows(
  question: Question,
  query: string,
  limit: number,
  context: DriverContext,
): Promise<Row[]> {
  return looking(question, context, async (connection) => {
    await connection.run("begin transaction read only");
    await one(connection, `declare answer no scroll cursor for ${query}`, context);
    return one(connection, `fetch ${limit} from answer`, context);
  });
}

/** The extended protocol takes a single statement: nothing can come behind the query that ends the transaction. */
async function one(connection: Connection, text: string, { signal }: DriverContext): Promise<Row[]> {
  const asked = { text, values: [], rowMode: "array", queryMode: "extended" } as const;
  try {
    return (await connection.client.query<unknown[]>(asked)).rows;
  } catch (error) {
    throw signal.aborted ? signal.reason : postgresError(error, connection.shown);
  }
}

function looking<Result>(
  question: Question,
  context: DriverContext,
  work: (connection: Connection) => Promise<Result>,
): Promise<Result> {
  const { timeout } = question;
  const limits = { connectMs: timeout, statementMs: timeout, lockMs: timeout };
  return withConnection(serverOf(question), context, work, limits);
}

const usedSlots = `
  with used as (
    select datname, usename from pg_stat_activity
    where backend_type = 'client backend' and pid <> pg_backend_pid()
  )
  select greatest(
    (select count(*) from used)::float8 / (
      select sum(case name when 'max_connections' then setting::int else -setting::int end) from pg_settings
      where name in ('max_connections', 'superuser_reserved_connections', 'reserved_connections')
    ),
    (select count(*) from used where datname = current_database())::float8
      / (select nullif(greatest(datconnlimit, 0), 0) from pg_database where datname = current_database()),
    (select count(*) from used where usename = current_user)::float8
      / (select nullif(greatest(rolconnlimit, 0), 0) from pg_roles where rolname = current_user)
  ) as ratio`;

/**
 * Connections in use against the tightest of the limits: the server's, the database's, the role's. A server that has
 * none left for this question has answered it.
 */
export async function connectionsUsed(question: Question, context: DriverContext): Promise<number> {
  try {
    const { ratio } = await looking(question, context, (connection) =>
      connection.row<{ ratio: number }>(usedSlots),
    );
    return ratio;
  } catch (error) {
    if (error instanceof BackoutError && failureOf(error.cause)?.code === "53300") return 1;
    throw error;
  }
}
