import type { Connection } from "../../clients/postgres/connection.js";
import { identifier } from "../../clients/postgres/identifier.js";
import type { CapturedDatabase, Counters, Ledger, ScheduledJob } from "./captured-database.js";

type Database = CapturedDatabase["database"];

/** Of the database that is connected to. */
export async function readDatabase(connection: Connection): Promise<Database> {
  const { major } = connection;
  const provider = major >= 15 ? "datlocprovider::text" : "'c'";
  const rules = major >= 16 ? "daticurules" : "null";
  const locale = major >= 17 ? "datlocale" : major >= 15 ? "daticulocale" : "null";
  const row = await connection.row<
    Omit<Database, "provider" | "privileges" | "rules"> & {
      provider: string;
      rules: string | null;
      size: string;
    }
  >(
    `select datname::text as name, oid::int8::float8 as oid,
       (select rolname::text from pg_roles r where r.oid = datdba) as owner, pg_encoding_to_char(encoding)::text as encoding,
       datcollate::text as collate, datctype::text as ctype, ${provider} as provider, coalesce(${locale}, '') as locale, ${rules} as rules,
       datconnlimit as "connectionLimit", coalesce(shobj_description(oid, 'pg_database'), '') as comment,
       pg_database_size(oid)::text as size
     from pg_database where datname = current_database()`,
  );
  const privileges = await connection.rows<Database["privileges"][number]>(
    `select coalesce((select rolname::text from pg_roles r where r.oid = x.grantee), '') as grantee,
       x.privilege_type as privilege, x.is_grantable as grantable
     from pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) x
     where d.datname = current_database() order by 1, 2`,
  );
  const { name, oid, owner, encoding, collate, ctype, connectionLimit, comment } = row;
  return {
    ...{ name, oid, owner, encoding, collate, ctype, connectionLimit, comment, locale: row.locale },
    provider: ({ i: "icu", b: "builtin" } as const)[row.provider] ?? "libc",
    ...(row.rules === null ? {} : { rules: row.rules }),
    privileges,
    bytes: Number(row.size),
  };
}

export async function readServer(connection: Connection): Promise<CapturedDatabase["server"]> {
  const { version } = await connection.row<{ version: string }>(
    "select current_setting('server_version') as version",
  );
  return {
    version: version.split(" ")[0] ?? version,
    major: connection.major,
    system: await systemOf(connection),
  };
}

/** A superuser, or a member of pg_monitor, may see it; for others it stays empty. */
async function systemOf(connection: Connection): Promise<string> {
  const { may } = await connection.row<{ may: boolean }>(
    "select has_function_privilege('pg_control_system()', 'execute') as may",
  );
  if (!may) return "";
  const { system } = await connection.row<{ system: string }>(
    "select system_identifier::text as system from pg_control_system()",
  );
  return system;
}

export async function readWal(connection: Connection): Promise<string> {
  const { wal } = await connection.row<{ wal: string | null }>(
    "select (case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end)::text as wal",
  );
  return wal ?? "";
}

export async function readSnapshot(connection: Connection): Promise<string> {
  const sql = connection.major >= 13 ? "pg_current_snapshot()" : "txid_current_snapshot()";
  return (await connection.row<{ snapshot: string }>(`select ${sql}::text as snapshot`)).snapshot;
}

export async function readCounters(connection: Connection): Promise<CapturedDatabase["counters"]> {
  const { reset, started } = await connection.row<{ reset: string; started: string }>(
    `select coalesce(stats_reset::text, 'never') as reset, pg_postmaster_start_time()::text as started
     from pg_stat_database where datname = current_database()`,
  );
  const rows = await connection.rows<Record<keyof Counters | "name", string>>(
    `select format('%I.%I', schemaname, s.relname) as name, relid::text as oid, n_tup_ins::text as inserted,
       n_tup_upd::text as updated, n_tup_del::text as deleted, pg_relation_filenode(relid)::text as file
     from pg_stat_user_tables s order by 1`,
  );
  const tables = rows.map(({ name, oid, inserted, updated, deleted, file }): [string, Counters] => [
    name,
    {
      ...{ oid: Number(oid), inserted: Number(inserted), updated: Number(updated) },
      ...{ deleted: Number(deleted), file: Number(file) },
    },
  ]);
  return { tables: Object.fromEntries(tables), reset, started };
}

/** Roles that own something here, have rights on something, or have settings: restoring needs each of them. */
export async function readRoles(connection: Connection): Promise<string[]> {
  const rows = await connection.rows<{ role: string }>(
    `select distinct r.rolname::text as role from pg_shdepend d join pg_roles r on r.oid = d.refobjid
     where d.refclassid = 'pg_authid'::regclass and (d.dbid = (select oid from pg_database where datname = current_database())
         or (d.classid = 'pg_database'::regclass and d.objid = (select oid from pg_database where datname = current_database())))
       and r.rolname !~ '^pg_'
     union select r.rolname::text from pg_db_role_setting s join pg_roles r on r.oid = s.setrole
       join pg_database d on d.oid = s.setdatabase where d.datname = current_database()
     union select r.rolname::text from pg_database d join pg_roles r on r.oid = d.datdba where d.datname = current_database()
     union select distinct r.rolname::text from pg_class c join pg_roles r on r.oid = c.relowner where c.oid >= 16384
     order by 1`,
  );
  return rows.map(({ role }) => role);
}

/** pg_cron keeps them in one database of the server; where that is this one, they belong to it. */
export async function readJobs(connection: Connection): Promise<ScheduledJob[] | undefined> {
  const { there } = await connection.row<{ there: boolean }>(
    "select exists (select from pg_extension where extname = 'pg_cron') as there",
  );
  if (!there) return undefined;
  return connection.rows<ScheduledJob>(
    `select coalesce(jobname, 'job ' || jobid) as name, schedule, command, active from cron.job
     where database = current_database() order by jobid`,
  );
}

const ledgers = [
  {
    tool: "prisma",
    table: "_prisma_migrations",
    column: "migration_name",
    done: "finished_at is not null and rolled_back_at is null",
    order: "started_at, migration_name",
  },
  { tool: "knex", table: "knex_migrations", column: "name", done: "true", order: "id" },
  { tool: "node-pg-migrate", table: "pgmigrations", column: "name", done: "true", order: "id" },
] as const;

/** By the tables' usual names, in whatever schema they are. */
export async function readLedgers(connection: Connection): Promise<Ledger[]> {
  const found: Ledger[] = [];
  for (const { tool, table, column, done, order } of ledgers) {
    const schemas = await connection.rows<{ schema: string }>(
      `select n.nspname::text as schema from pg_class c join pg_namespace n on n.oid = c.relnamespace
       join pg_attribute a on a.attrelid = c.oid and a.attname = $2 and not a.attisdropped
       where c.relname = $1 and c.relkind = 'r' order by 1`,
      [table, column],
    );
    for (const { schema } of schemas) {
      const name = `${identifier(schema)}.${identifier(table)}`;
      const rows = await connection.rows<{ applied: string }>(
        `select ${column}::text as applied from ${name} where ${done} order by ${order}`,
      );
      found.push({ tool, table: `${schema}.${table}`, applied: rows.map(({ applied }) => applied) });
    }
  }
  return found;
}
