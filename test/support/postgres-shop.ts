import type { PostgresServer } from "./postgres-server.js";

/** Some of everything that a database can hold, and what goes wrong with it: names, rights, settings, ledgers. */
export async function makeShop(server: PostgresServer, database: string, rows = 200): Promise<string> {
  const url = await server.database(database);
  const name = `"${database.replaceAll('"', '""')}"`;
  for (const role of ["shop_owner", "shop_app", "shop_report"]) {
    const sql = `do $$ begin create role ${role} login; exception when duplicate_object then null; end $$`;
    await server.sql("postgres", sql);
  }
  await server.sql(
    database,
    `create extension citext; create extension hstore;
     create schema "Sales Ø" authorization shop_owner;
     create type state as enum ('new', 'paid', 'sent');
     create domain cents as bigint check (value >= 0);
     create table customers (
       id bigint generated always as identity primary key, email citext unique not null,
       kind varchar(10) not null check (kind in ('private', 'business')), tags hstore, note text default 'x''y\\z'
     );
     create table orders (
       id serial primary key, customer bigint not null references customers (id), state state not null default 'new',
       total cents not null, at timestamptz not null default now(), payload jsonb, ratio double precision, raw bytea,
       doubled bigint generated always as (total * 2) stored
     );
     create index orders_state on orders (state) where state <> 'sent';
     create table "Sales Ø"."odd ""table""" ("Key col" text primary key, "order" int);
     create table events (at date not null, what text) partition by range (at);
     create table events_2024 partition of events for values from ('2024-01-01') to ('2025-01-01');
     create table events_2025 partition of events for values from ('2025-01-01') to ('2026-01-01');
     create table parent (a int); create table child (z int) inherits (parent); alter table parent add column b int;
     create table no_key (v text);
     create table secret_rows (id int primary key, owner name);
     alter table secret_rows enable row level security;
     create policy own_rows on secret_rows to shop_app using (owner = current_user);
     create view open_orders as select o.id, c.email from orders o join customers c on c.id = o.customer where o.state <> 'sent';
     create materialized view totals as select customer, sum(total) as total from orders group by customer;
     create unique index totals_customer on totals (customer);
     create function touch() returns trigger language plpgsql as $f$ begin new.at := coalesce(new.at, now()); return new; end $f$;
     create trigger touch_order before insert on orders for each row execute function touch();
     create table _prisma_migrations (id text primary key, migration_name text, started_at timestamptz, finished_at timestamptz, rolled_back_at timestamptz);
     insert into _prisma_migrations values ('1', '20240101_init', '2024-01-01', '2024-01-01', null),
       ('2', '20240201_failed', '2024-02-01', null, null), ('3', '20240301_orders', '2024-03-01', '2024-03-01', null);
     insert into customers (email, kind, tags) select 'c' || i || '@example.org', case when i % 2 = 0 then 'private' else 'business' end,
       hstore('n', i::text) from generate_series(1, ${rows}) i;
     insert into orders (customer, state, total, at, payload, ratio, raw)
       select 1 + i % ${rows}, (array['new', 'paid', 'sent'])[1 + i % 3]::state, i * 7, '2025-06-01'::timestamptz + i * interval '1 min',
         jsonb_build_object('i', i), i / 3.0, decode(md5(i::text), 'hex') from generate_series(1, ${rows * 5}) i;
     insert into events select '2024-06-01'::date + i, 'e' || i from generate_series(1, 400) i;
     insert into "Sales Ø"."odd ""table""" values ('a\\b', 1), ('läden', 2);
     insert into child values (1, 2, 3); insert into no_key values ('twice'), ('twice');
     insert into secret_rows values (1, 'shop_app'), (2, 'other');
     refresh materialized view totals;
     select lo_from_bytea(0, 'large object');
     alter table orders owner to shop_owner; alter table customers owner to shop_owner;
     grant usage on schema "Sales Ø" to shop_app; grant select, insert on orders to shop_app; grant select (email) on customers to shop_report;
     grant usage on sequence orders_id_seq to shop_app;
     alter default privileges for role shop_owner in schema public grant select on tables to shop_report;
     comment on table orders is 'what was ordered';
     alter database ${name} set search_path to public, "Sales Ø"; alter database ${name} set app.tenant to 'it''s';
     alter role shop_app in database ${name} set statement_timeout to '5s';
     comment on database ${name} is 'the shop''s';
     revoke connect on database ${name} from public; grant connect on database ${name} to shop_app;
     alter database ${name} owner to shop_owner`,
  );
  return url;
}
