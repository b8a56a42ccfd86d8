import { setTimeout as after } from "node:timers/promises";
import type { PoolClient } from "pg";
import { mayPass, postgresError } from "./postgres-error.js";

export interface Queries {
  query<Row extends object>(sql: string, values?: readonly unknown[]): Promise<Row[]>;
}

export interface PostgresDatabase extends Queries {
  /** The URL without its password: for messages. */
  readonly name: string;
  readonly url: string;
  /** One connection, for what belongs to it (a lock). */
  session<Result>(work: (queries: Queries) => Promise<Result>): Promise<Result>;
  /** Rolls back where `work` throws. It may be called again where the connection was lost, even during the commit. */
  transaction<Result>(work: (queries: Queries, client: PoolClient) => Promise<Result>): Promise<Result>;
  close(): Promise<void>;
}

export interface PostgresOptions {
  readonly url: string;
  /** How long a server that goes away is waited for, milliseconds; the first connection is not waited for. */
  readonly patienceMs: number;
  readonly connections: number;
}

const firstPause = 50;
const longestPause = 1_000;

/** A pool whose calls wait for a server that is away for a moment, and whose failures are `BackoutError`s. */
export async function openPostgres({
  url,
  patienceMs,
  connections,
}: PostgresOptions): Promise<PostgresDatabase> {
  const { Pool } = (await import("pg")).default;
  const name = withoutPassword(url);
  const pool = new Pool({
    connectionString: url,
    max: connections,
    connectionTimeoutMillis: 10_000,
    application_name: "backout",
  });
  // An idle connection that ends is replaced by the next query.
  pool.on("error", () => {});
  const patient = async <Result>(work: (client: PoolClient) => Promise<Result>): Promise<Result> => {
    const started = performance.now();
    for (let pause = firstPause; ; pause = Math.min(pause * 2, longestPause)) {
      try {
        return await borrowed(await pool.connect(), work);
      } catch (error) {
        if (!mayPass(error) || performance.now() - started > patienceMs) throw postgresError(error, name);
        await after(pause);
      }
    }
  };
  const transaction: PostgresDatabase["transaction"] = (work) =>
    patient(async (client) => {
      await client.query("begin");
      try {
        const result = await work(queriesOf(client), client);
        await client.query("commit");
        return result;
      } catch (error) {
        await client.query("rollback").catch(() => {});
        throw error;
      }
    });
  try {
    (await pool.connect()).release();
  } catch (error) {
    await pool.end();
    throw postgresError(error, name);
  }
  return {
    name,
    url,
    query: (sql, values) => patient((client) => queriesOf(client).query(sql, values)),
    session: (work) => patient((client) => work(queriesOf(client))),
    transaction,
    close: () => pool.end(),
  };
}

/** A connection on which something failed in an unclear way is not used again. */
async function borrowed<Result>(
  client: PoolClient,
  work: (client: PoolClient) => Promise<Result>,
): Promise<Result> {
  const ignore = (): void => {};
  client.on("error", ignore);
  let broken = false;
  try {
    return await work(client);
  } catch (error) {
    broken = mayPass(error);
    throw error;
  } finally {
    client.off("error", ignore);
    client.release(broken);
  }
}

const queriesOf = (client: PoolClient): Queries => ({
  query: async <Row extends object>(sql: string, values: readonly unknown[] = []) =>
    (await client.query(sql, [...values])).rows as Row[],
});

function withoutPassword(url: string): string {
  const { host, pathname } = new URL(url);
  return `postgres://${host}${pathname}`;
}
