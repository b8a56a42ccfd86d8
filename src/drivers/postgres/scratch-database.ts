import { randomBytes } from "node:crypto";
import { type Connection, connect, withConnection } from "../../clients/postgres/connection.js";
import type { Server } from "../../clients/postgres/connection-options.js";
import { identifier, literal } from "../../clients/postgres/identifier.js";
import type { DriverContext } from "../../core/driver.js";
import type { CapturedDatabase } from "./captured-database.js";
import { placeBeside } from "./create-staged.js";
import { dropDatabase } from "./databases.js";
import { createStatement } from "./settings.js";

const prefix = "backout_scratch_";
/** Whoever holds this lock, of two numbers, is at work with the database of the second one. */
const lockSpace = 7_822_022;
const farewellMs = 60_000;

interface Making {
  readonly data: CapturedDatabase;
  /** An existing database of the server, to make the new one from. */
  readonly maintenance: string;
  /** In the tablespace of this database of the server; absent for the server's usual one. */
  readonly live?: string;
}

/**
 * An empty database made as the captured one was, under a name of ours, and the connection that keeps it; removed afterwards whatever happens. Those that a dead
 * backout left are removed first: nobody holds their lock any more.
 */
export async function withScratchDatabase<Result>(
  server: Server,
  { data, maintenance, live }: Making,
  context: DriverContext,
  work: (scratch: Server, keeper: Connection) => Promise<Result>,
): Promise<Result> {
  const number = randomBytes(4).readInt32BE();
  const name = `${prefix}${(number >>> 0).toString(16).padStart(8, "0")}`;
  const keeper = await connect(server, context, { database: maintenance });
  let gone = false;
  try {
    await sweepScratch(keeper, context);
    await keeper.rows("select pg_advisory_lock($1, $2)", [lockSpace, number]);
    const place = live === undefined ? "" : await placeBeside(keeper, live);
    await keeper.run(`${createStatement(data.database, name)}${place}`);
    await keeper.run(
      `comment on database ${identifier(name)} is ${literal(`backout: scratch of ${data.database.name}`)}`,
    );
    const result = await work({ ...server, database: name }, keeper);
    gone = await dropDatabase(keeper, name).then(
      () => true,
      () => false,
    );
    return result;
  } finally {
    await keeper.close();
    if (!gone) await removed(server, maintenance, name, context);
  }
}

/** Where something went wrong: by a connection and in a time of its own, since the context's may have been the reason. */
async function removed(
  server: Server,
  maintenance: string,
  name: string,
  context: DriverContext,
): Promise<void> {
  const own = { host: context.host, signal: AbortSignal.timeout(farewellMs) };
  await withConnection(server, own, (connection) => dropDatabase(connection, name), {
    database: maintenance,
  }).catch((error: unknown) => {
    context.log(
      `${name}: could not be removed, the next proof does: ${error instanceof Error ? error.message : error}`,
    );
  });
}

/** Names of databases that a dead backout left. */
export async function leftScratch(connection: Connection): Promise<string[]> {
  const found = await connection.rows<{ name: string }>(
    `select datname::text as name from pg_database where datname ~ '^${prefix}[0-9a-f]{8}$' and
       coalesce(shobj_description(oid, 'pg_database'), '') ~ '^(backout: scratch of |$)'`,
  );
  const held = await connection.rows<{ number: string }>(
    `select lpad(to_hex(objid::int8), 8, '0') as number from pg_locks
     where locktype = 'advisory' and classid = ${lockSpace} and objsubid = 2`,
  );
  return found.map(({ name }) => name).filter((name) => !held.some(({ number }) => name.endsWith(number)));
}

async function sweepScratch(connection: Connection, context: DriverContext): Promise<void> {
  for (const name of await leftScratch(connection)) {
    await dropDatabase(connection, name);
    context.log(`${name}: left by a proof that did not end, removed`);
  }
}
