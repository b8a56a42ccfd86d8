import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import type { JsonObject } from "../../src/core/json.js";
import type { TargetFixture } from "../../src/drivers/testing/target-fixture.js";
import { type PostgresServer, postgresServer } from "./postgres-server.js";

/** A small shop in a database of a real server, looked at over psql. */
export interface PostgresWorld extends TargetFixture {
  readonly server: PostgresServer;
  readonly database: string;
  /** In that database. */
  sql(text: string): Promise<string>;
}

const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;

const schema = (database: string): string => `
  create table customers (id serial primary key, name text not null);
  create table orders (id serial primary key, customer int not null references customers (id), total numeric(10, 2), note text);
  create index orders_customer on orders (customer);
  create materialized view totals as select customer, sum(total) as total from orders group by 1;
  create function doubled(int) returns int language sql as 'select $1 * 2';
  insert into customers (name) select 'customer ' || n from generate_series(1, 50) n;
  insert into orders (customer, total, note) select 1 + n % 50, n, 'order ' || n from generate_series(1, 2000) n;
  refresh materialized view totals;
  grant select, insert, update, delete on customers, orders to shop_app;
  grant usage on all sequences in schema public to shop_app;
  alter database ${identifier(database)} set work_mem = '7MB';
  alter role shop_app in database ${identifier(database)} set search_path = "$user", public;
  revoke all on database ${identifier(database)} from public;
  grant connect on database ${identifier(database)} to shop_app`;

/** What a bad release does: loses data, leaves more behind, takes rights and settings away. */
const broken = (database: string): string => `
  alter table orders drop column note;
  update orders set total = 0 where id <= 100;
  delete from orders where id > 1900;
  insert into customers (name) values ('late');
  create table leftovers as select 1 as one;
  drop index orders_customer;
  drop materialized view totals;
  revoke insert on orders from shop_app;
  revoke connect on database ${identifier(database)} from shop_app;
  alter database ${identifier(database)} set work_mem = '1MB'`;

const lines = `
  select string_agg(line, e'\\n' order by line) from (
    select format('%s %s', relkind, relname) as line from pg_class where relnamespace = 'public'::regnamespace
    union all select 'customers ' || md5(string_agg(c::text, '|' order by id)) from customers c
    union all select 'orders ' || md5(string_agg(o::text, '|' order by id)) from orders o
    union all select 'rights ' || relname || ' ' || coalesce(relacl::text, '') from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace
    union all select format('door %s %s', datallowconn, datconnlimit) from pg_database where datname = current_database()
    union all select 'app connects ' || has_database_privilege('shop_app', current_database(), 'connect')
    union all select 'settings ' || setrole::regrole::text || ' ' || setconfig::text from pg_db_role_setting s
      join pg_database d on d.oid = s.setdatabase where d.datname = current_database()
  ) all_lines`;

export async function postgresWorld(
  database: string,
  more: { readonly server?: PostgresServer; readonly options?: JsonObject } = {},
): Promise<PostgresWorld> {
  const folder = await mkdtemp(join(tmpdir(), "backout-shop-"));
  const server = more.server ?? (await postgresServer());
  const sql = (text: string): Promise<string> => server.sql(database, text);
  try {
    await server.sql(
      "postgres",
      "do $$ begin create role shop_app login; exception when duplicate_object then null; end $$",
    );
    await server.sql("postgres", `create database ${identifier(database)}`);
    await sql(schema(database));
    const good = await sql(lines);
    return {
      ...{ server, database, sql, folder },
      // A copy that a proof has kept would spare the restore, which most tests are about.
      options: {
        ...{ host: "127.0.0.1", port: server.port, user: "postgres", database, keepProven: 0 },
        ...more.options,
      },
      break: async () => void (await sql(broken(database))),
      isGood: async () => expect(await sql(lines)).toBe(good),
      world: () => sql(lines),
      async cleanUp() {
        if (more.server === undefined) await server.stop();
        await rm(folder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    if (more.server === undefined) await server.stop();
    throw error;
  }
}
