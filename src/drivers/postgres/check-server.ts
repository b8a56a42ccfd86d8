import type { Connection } from "../../clients/postgres/connection.js";
import { identifier } from "../../clients/postgres/identifier.js";
import { type Problem, problem, warning } from "../../core/errors.js";
import type { Options } from "./options.js";
import type { Standing } from "./standing.js";

/** Connections that capture, stage and swap take beside the application's. */
const ownConnections = 4;

export async function replication(
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

export async function connections(
  name: string,
  connection: Connection,
  { jobs }: Options,
): Promise<Problem[]> {
  const { most, used, limit, here } = await connection.row<
    Record<"most" | "used" | "limit" | "here", number>
  >(
    `select current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
         - coalesce(current_setting('reserved_connections', true)::int, 0) as most,
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
