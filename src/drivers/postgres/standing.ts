import type { Connection } from "../../clients/postgres/connection.js";
import { onlyOnce } from "./only-once.js";

/** What the server allows this user to do with the database, and what stands in the way of replacing it. */
export type Standing = {
  readonly oid: number;
  readonly superuser: boolean;
  readonly createDatabase: boolean;
  /** The user has the rights of its owner, and may make something its owner's. */
  readonly owner: boolean;
  /** The user may end connections of others. */
  readonly endsSessions: boolean;
  /** Logical replication slots: each belongs to the very database, and would follow the replaced one. */
  readonly slots: readonly string[];
  readonly subscriptions: readonly string[];
  /** Transactions prepared for two-phase commit. */
  readonly prepared: readonly string[];
  readonly template: boolean;
  /** pg_cron is in it, which cannot be made in a second database. */
  readonly cron: boolean;
  readonly bytes: number;
  /** Where it lies, unless a single table says otherwise. */
  readonly tablespace: string;
};

/** Of the database that the connection is in. */
export const readStanding = (connection: Connection): Promise<Standing> =>
  connection.row<Standing>(
    `select d.oid::bigint::float8 as oid,
       r.rolsuper as superuser,
       r.rolsuper or r.rolcreatedb as "createDatabase",
       pg_has_role(d.datdba, 'USAGE') and pg_has_role(d.datdba, '${connection.major >= 16 ? "SET" : "MEMBER"}') as owner,
       r.rolsuper or pg_has_role('pg_signal_backend', 'USAGE') as "endsSessions",
       array(select slot_name::text from pg_replication_slots where datoid = d.oid order by 1) as slots,
       array(select subname::text from pg_subscription where subdbid = d.oid order by 1) as subscriptions,
       array(select gid from pg_prepared_xacts where database = d.datname order by prepared) as prepared,
       d.datistemplate as template, exists (select from pg_extension where extname = '${onlyOnce}') as cron,
       pg_database_size(d.oid)::float8 as bytes, t.spcname::text as tablespace
     from pg_database d join pg_tablespace t on t.oid = d.dattablespace, pg_roles r
     where d.datname = current_database() and r.rolname = current_user`,
  );

/** Why another database cannot be swapped in for it; empty where it can. */
export function againstSwap(database: string, standing: Standing): string[] {
  const name = JSON.stringify(database);
  return [
    ...(standing.createDatabase ? [] : ["this user may not create databases"]),
    ...(standing.owner ? [] : [`this user does not have the rights of the owner of ${name}`]),
    ...(standing.endsSessions ? [] : ["this user may not end other users' connections"]),
    ...(standing.cron ? [`${onlyOnce} is in ${name}, and cannot be made in a second database`] : []),
  ];
}
