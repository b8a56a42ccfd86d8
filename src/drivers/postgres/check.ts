import { type Connection, connect, withConnection } from "../../clients/postgres/connection.js";
import { serverOf } from "../../clients/postgres/connection-options.js";
import { identifier } from "../../clients/postgres/identifier.js";
import type { DriverContext } from "../../core/driver.js";
import { BackoutError, type Problem, problem, warning } from "../../core/errors.js";
import { findPrograms } from "./capture.js";
import { fenceOf, keptDatabases, named, readDatabases } from "./databases.js";
import type { Options } from "./options.js";
import { leftScratch } from "./scratch-database.js";
import { readStanding, type Standing } from "./standing.js";

/** Connections that capture, stage and swap take beside the application's. */
const ownConnections = 4;

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
        ...(await room(name, connection, standing, context)),
        ...(await replication(name, connection, standing)),
        ...(await connections(name, connection, options)),
        ...(await leftovers(name, connection, context)),
        ...closed,
      ];
    } finally {
      await connection.close();
    }
  } catch (error) {
    return said(error);
  }
}

function rights(name: string, { server }: Connection, standing: Standing): Problem[] {
  const user = identifier(server.user);
  const lacks = (fact: string, mend: string): Problem =>
    problem(`${name}.user`, `"${server.user}" ${fact}`, mend);
  return [
    ...(standing.createDatabase
      ? []
      : [
          lacks("may not create databases, so nothing can be restored beside", `alter role ${user} createdb`),
        ]),
    ...(standing.owner
      ? []
      : [
          lacks(
            `may not rename "${server.database}"`,
            `alter database ${identifier(server.database)} owner to ${user}, or grant its owner's role to ${user}`,
          ),
        ]),
    ...(standing.endsSessions
      ? []
      : [lacks("may not end the connections of others", `grant pg_signal_backend to ${user}`)]),
    ...(standing.superuser
      ? []
      : [
          warning(
            `${name}.user`,
            `"${server.user}" is no superuser: objects of roles that it is not a member of, and some extensions, cannot be restored`,
            `grant those roles to ${user}; \`backout prove\` tells whether it is enough`,
          ),
        ]),
    ...(standing.template
      ? [
          problem(
            name,
            `"${server.database}" is marked as a template`,
            `alter database ${identifier(server.database)} is_template false`,
          ),
        ]
      : []),
  ];
}

/** pg_dump reads every table and sequence, and does not start where it may not. */
async function unreadable(name: string, connection: Connection): Promise<Problem[]> {
  const rows = await connection.rows<{ table: string; owner: string }>(
    `select format('%I.%I', n.nspname, c.relname) as table, c.relowner::regrole::text as owner
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'p', 'm', 'S') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
       and (not has_table_privilege(c.oid, 'select') or not has_schema_privilege(n.oid, 'usage')
         or (c.relrowsecurity and not pg_has_role(c.relowner, 'usage') and not (select rolbypassrls or rolsuper from pg_roles where rolname = current_user)))
     order by 1`,
  );
  const [first] = rows;
  if (first === undefined) return [];
  const user = identifier(connection.server.user);
  const fact = `"${connection.server.user}" may not read ${rows.length} tables or sequences in full: ${rows
    .slice(0, 5)
    .map(({ table }) => table)
    .join(", ")}`;
  return [
    problem(
      `${name}.user`,
      fact,
      `grant pg_read_all_data to ${user}; with row-level security also: alter role ${user} bypassrls`,
    ),
  ];
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

/** Where the data directory is on this machine and may be looked at; else that it cannot be known is said. */
async function room(
  name: string,
  connection: Connection,
  { bytes }: Standing,
  { host }: DriverContext,
): Promise<Problem[]> {
  const megabytes = Math.ceil(bytes / 1e6);
  const [row] = await connection.rows<{ folder: string | null }>(
    "select setting as folder from pg_settings where name = 'data_directory'",
  );
  const local =
    ["127.0.0.1", "::1", "localhost"].includes(connection.server.host) ||
    connection.server.host.startsWith("/");
  const folder = row?.folder ?? undefined;
  const found =
    local && folder !== undefined ? await host.files.stat(folder).catch(() => undefined) : undefined;
  if (folder === undefined || found === undefined) {
    const why =
      folder === undefined
        ? `"${connection.server.user}" may not see its data directory`
        : "its data directory is not on this machine";
    return [
      warning(
        name,
        `whether the server has room for a second copy (${megabytes} MB) cannot be known: ${why}`,
        folder === undefined
          ? `grant pg_read_all_settings to ${identifier(connection.server.user)}; or \`df -h\` on the server`
          : "`df -h` on the server",
      ),
    ];
  }
  const free = await host.files.freeBytes(folder);
  if (free >= bytes * 1.2) return [];
  return [
    problem(
      name,
      `${folder}: ${Math.floor(free / 1e6)} MB are free, a second copy needs ${Math.ceil((bytes * 1.2) / 1e6)} MB`,
      `make room there: \`df -h ${folder}\``,
    ),
  ];
}

async function replication(
  name: string,
  connection: Connection,
  { slots, subscriptions, prepared }: Standing,
): Promise<Problem[]> {
  const { standby, standbys } = await connection.row<{ standby: boolean; standbys: number }>(
    "select pg_is_in_recovery() as standby, (select count(*)::int from pg_stat_replication) as standbys",
  );
  const each = (names: readonly string[]): string => names.map((one) => `"${one}"`).join(", ");
  return [
    ...(standby
      ? [problem(name, "the server is a standby, which only reads", "name the primary under `host`")]
      : []),
    ...(standbys > 0
      ? [
          warning(
            name,
            `${standbys} standbys follow this server: they receive all that a restore writes, and lag meanwhile`,
            "`select application_name, replay_lag from pg_stat_replication` shows how far",
          ),
        ]
      : []),
    ...(slots.length > 0
      ? [
          warning(
            name,
            `logical replication slots belong to this very database, and stay with the one that is replaced: ${each(slots)}`,
            "make them anew after a rollback, and their subscribers with them",
          ),
        ]
      : []),
    ...(subscriptions.length > 0
      ? [
          warning(
            name,
            `subscriptions are not captured, since restored ones would pull data: ${each(subscriptions)}`,
            "make them anew after a rollback",
          ),
        ]
      : []),
    ...(prepared.length > 0
      ? [
          warning(
            name,
            `prepared transactions keep the database from being replaced: ${each(prepared)}`,
            `commit or roll back: rollback prepared '${prepared[0]}'`,
          ),
        ]
      : []),
  ];
}

async function connections(name: string, connection: Connection, { jobs }: Options): Promise<Problem[]> {
  const { most, used, limit, here } = await connection.row<
    Record<"most" | "used" | "limit" | "here", number>
  >(
    `select current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int as most,
       (select count(*)::int from pg_stat_activity where backend_type = 'client backend') as used,
       d.datconnlimit as limit, (select count(*)::int from pg_stat_activity a where a.datid = d.oid) as here
     from pg_database d where d.datname = current_database()`,
  );
  const needed = jobs + ownConnections;
  const short = (free: number, where: string, mend: string): Problem[] =>
    free >= needed
      ? []
      : [warning(name, `${free} connections of ${where} are free, backout takes up to ${needed}`, mend)];
  return [
    ...short(most - used, `the server's ${most}`, "fewer `jobs`, or raise max_connections (needs a restart)"),
    ...(limit < 0
      ? []
      : short(
          limit - here,
          `the database's ${limit}`,
          `alter database ${identifier(connection.server.database)} connection limit ${here + needed}`,
        )),
  ];
}

async function leftovers(name: string, connection: Connection, { clock }: DriverContext): Promise<Problem[]> {
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
