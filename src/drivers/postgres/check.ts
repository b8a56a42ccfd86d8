import { type Connection, connect, withConnection } from "../../clients/postgres/connection.js";
import { serverOf } from "../../clients/postgres/connection-options.js";
import { identifier } from "../../clients/postgres/identifier.js";
import type { DriverContext } from "../../core/driver.js";
import { BackoutError, type Problem, problem, warning } from "../../core/errors.js";
import { findPrograms } from "./capture.js";
import { rights, unreadable } from "./check-rights.js";
import { room } from "./check-room.js";
import { connections, replication } from "./check-server.js";
import { fenceOf, keptDatabases, named, readDatabases } from "./databases.js";
import type { Options } from "./options.js";
import { expiredDumps } from "./remove-expired.js";
import { leftScratch } from "./scratch-database.js";
import { readStanding } from "./standing.js";

/** Reachable, with the right programs, rights, room and connections? Every shortfall comes with what mends it. */
export async function check(options: Options, context: DriverContext): Promise<Problem[]> {
  const { name } = context;
  const said = (error: unknown, path = name): Problem[] => {
    context.signal.throwIfAborted();
    if (error instanceof BackoutError) return [problem(path, error.message, error.hint)];
    throw error;
  };
  try {
    const closed = await maintained(options, context).catch((error: unknown) =>
      said(error, `${name}.maintenance`),
    );
    if (closed.some(({ path }) => path === name)) return closed;
    const connection = await connect(serverOf(options), context);
    try {
      const programs = await findPrograms(options, connection.major, context).then(
        () => [],
        (error: unknown) => said(error, `${name}.programs`),
      );
      const standing = await readStanding(connection);
      return [
        ...programs,
        ...rights(name, connection, standing),
        ...(await unreadable(name, connection)),
        ...(await notThere(name, connection, options)),
        ...(await room(name, connection, standing, options, context)),
        ...(await replication(name, connection, standing)),
        ...(await connections(name, connection, options)),
        ...(await leftovers(name, connection, options, context)),
        ...closed,
      ];
    } finally {
      await connection.close();
    }
  } catch (error) {
    return said(error);
  }
}

async function notThere(name: string, connection: Connection, { tables = [] }: Options): Promise<Problem[]> {
  const rows = await connection.rows<{ one: string }>(
    "select one from unnest($1::text[]) one where to_regclass(one) is null",
    [tables],
  );
  return rows.map(({ one }) =>
    warning(
      `${name}.tables`,
      `there is no table "${one}"`,
      "correct the name, with its schema where that is not public",
    ),
  );
}

async function leftovers(
  name: string,
  connection: Connection,
  options: Options,
  context: DriverContext,
): Promise<Problem[]> {
  const { clock } = context;
  const left = await leftScratch(connection);
  const kept = keptDatabases(await readDatabases(connection), connection.server.database);
  const over = kept.filter(({ marker }) => marker.until < clock.now()).map(({ row }) => row.name);
  return [
    ...(left.length === 0
      ? []
      : [
          warning(
            name,
            `databases of proofs that did not end are there: ${left.join(", ")}`,
            "the next `backout prove` removes them",
          ),
        ]),
    ...over.map((one) =>
      warning(
        name,
        `"${one}" was kept to take a restore back, and its time is over`,
        `the next restore drops it; or at once: drop database ${identifier(one)}`,
      ),
    ),
    ...(await expiredDumps(options, connection.server.database, context)).map(({ note }) =>
      warning(
        name,
        `the dumps of "${note}" were kept to take a restore back, and their time is over`,
        "the next restore deletes them",
      ),
    ),
  ];
}

/** A door that a killed swap has left shut is said before anything else fails at it. */
const maintained = (options: Options, context: DriverContext): Promise<Problem[]> =>
  withConnection(
    serverOf(options),
    context,
    async (connection) => {
      const { database } = serverOf(options);
      const all = await readDatabases(connection);
      const live = named(all, database);
      const fenced = live && fenceOf(all, live.oid);
      if (fenced === undefined) return [];
      return [
        problem(
          context.name,
          `"${database}" takes no connections since the step "${fenced.fence.key}" was killed`,
          `backout resume; or by hand: alter database ${identifier(database)} allow_connections true`,
        ),
      ];
    },
    { database: options.maintenance },
  );
