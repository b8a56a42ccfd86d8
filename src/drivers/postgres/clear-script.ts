import { identifier, literal } from "../../clients/postgres/identifier.js";
import type { CapturedDatabase } from "./captured-database.js";
import { noted } from "./noted-number.js";
import { owned } from "./object-queries.js";
import { onlyOnce } from "./only-once.js";
import { propertyStatements } from "./settings.js";

const own = "n.nspname !~ '^pg_' and n.nspname <> 'information_schema'";
const notOf = (catalog: string, oid: string): string =>
  `not exists (select from pg_depend d where d.classid = '${catalog}'::regclass and d.objid = ${oid} and d.deptype = 'e')`;

const relations = (order: number, kinds: string): string =>
  `select ${order}, format('drop %s if exists %I.%I cascade', case c.relkind when 'v' then 'view' when 'm' then 'materialized view'
     when 'f' then 'foreign table' when 'S' then 'sequence' else 'table' end, n.nspname, c.relname)
   from pg_class c join pg_namespace n on n.oid = c.relnamespace
   where c.relkind in (${kinds}) and c.relpersistence <> 't' and ${own} and ${notOf("pg_class", "c.oid")}`;

const identified = (catalog: string): string =>
  `select 8, format('drop %s if exists %s cascade', i.type, i.identity)
   from ${catalog} o, lateral pg_identify_object('${catalog}'::regclass, o.oid, 0) i
   where o.oid >= 16384 and ${notOf(catalog, "o.oid")}`;

const defaulting = (what: string): string =>
  `format('alter default privileges for role %s%s ${what}', d.defaclrole::regrole,
     case when d.defaclnamespace <> 0 then format(' in schema %s', d.defaclnamespace::regnamespace) else '' end,
     case d.defaclobjtype when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions' when 'T' then 'types' else 'schemas' end`;

/** Back to what PostgreSQL grants by itself: the dump has what had been said otherwise. */
const defaults = [
  `select distinct -1, ${defaulting("revoke all on %s from %s")}, case x.grantee when 0 then 'public' else x.grantee::regrole::text end)
   from pg_default_acl d, aclexplode(d.defaclacl) x`,
  `select 0, ${defaulting("grant all on %s to %s")}, d.defaclrole::regrole) from pg_default_acl d where d.defaclnamespace = 0`,
  `select 0, ${defaulting("grant all on %s to public")}) from pg_default_acl d where d.defaclnamespace = 0 and d.defaclobjtype in ('f', 'T')`,
];

/** Everything that users have made, one DROP each; cascades reach only what is on the list as well. */
const drops = (extensions: readonly string[]): string =>
  [
    ...defaults,
    `select 1, format('drop event trigger if exists %I cascade', evtname) from pg_event_trigger e where ${notOf("pg_event_trigger", "e.oid")}`,
    `select 2, format('drop publication if exists %I', pubname) from pg_publication`,
    relations(3, "'v', 'm', 'f'"),
    relations(4, "'r', 'p'"),
    relations(5, "'S'"),
    `select 6, format('drop routine if exists %I.%I(%s) cascade', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid))
     from pg_proc p join pg_namespace n on n.oid = p.pronamespace where ${own} and ${notOf("pg_proc", "p.oid")}`,
    `select 7, format('drop type if exists %I.%I cascade', n.nspname, t.typname)
     from pg_type t join pg_namespace n on n.oid = t.typnamespace left join pg_class c on c.oid = t.typrelid
     where (t.typtype in ('d', 'e', 'r') or c.relkind = 'c') and ${own} and ${notOf("pg_type", "t.oid")}`,
    ...["pg_operator", "pg_opfamily", "pg_collation", "pg_conversion", "pg_ts_config", "pg_ts_dict"].map(
      identified,
    ),
    ...["pg_cast", "pg_foreign_server", "pg_foreign_data_wrapper", "pg_language"].map(identified),
    `select 9, format('drop schema if exists %I cascade', n.nspname) from pg_namespace n
     where ${own} and n.nspname <> 'public' and ${notOf("pg_namespace", "n.oid")}`,
    `select 10, format('drop extension if exists %I cascade', extname) from pg_extension
     where extname <> all (array[${extensions.map(literal).join(", ")}]::text[])`,
    `select 11, format('select lo_unlink(%s)', oid) from pg_largeobject_metadata`,
  ].join(" union all ");

/** What a swap has for nothing, since its database is a new one. */
const ownEntry = ({ database: { connectionLimit } }: CapturedDatabase, name: string): string =>
  `alter database ${name} reset all; comment on database ${name} is null; alter database ${name} connection limit ${connectionLimit};`;

/** Runs ahead of the dump's own script, in the same transaction. Waits for no lock longer than the session's time-out. */
export function clearScript(data: CapturedDatabase, owner: boolean, noteFile: string): string {
  const name = identifier(data.database.name);
  return `set local client_min_messages = warning;
do $lock$
declare
  everything text;
begin
  select string_agg(format('%I.%I', n.nspname, c.relname), ', ') into everything
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p') and c.relpersistence <> 't' and ${own} and ${notOf("pg_class", "c.oid")};
  if everything is not null then
    execute 'lock table ' || everything || ' in access exclusive mode';
  end if;
end
$lock$;
${noted(noteFile).join("\n")}
do $clear$
declare
  statements text[];
  one text;
begin
  select array_agg(statement order by place) into statements
    from (${drops([...Object.keys(data.content.extensions), onlyOnce])}) as found(place, statement);
  foreach one in array coalesce(statements, '{}') loop
    execute one;
  end loop;
  for one in select format('alter role %I in database ${name.replaceAll("'", "''").replaceAll("%", "%%")} reset all', r.rolname)
    from pg_db_role_setting s join pg_roles r on r.oid = s.setrole join pg_database d on d.oid = s.setdatabase
    where d.datname = current_database() and ${owner} loop
    execute one;
  end loop;
  for one in select distinct format('revoke all on database %I from %s cascade', d.datname,
      case x.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(x.grantee)) end)
    from pg_database d, aclexplode(d.datacl) x where d.datname = current_database() and ${owner} loop
    execute one;
  end loop;
end
$clear$;
${Object.hasOwn(data.content.objects, "schema public") ? "create schema if not exists public;" : ""}
${owner ? ownEntry(data, name) : ""}
`;
}

/** A dump has only what of it is not as in a new database. */
function publicSchema({ content }: CapturedDatabase): string {
  const then = content.grants["schema public"];
  const [, owner, granted = ""] = /^owner ("(?:[^"]|"")+"|[^;]+); (.*)$/s.exec(then ?? "") ?? [];
  if (then === undefined || owner === undefined) return "";
  const grants = [...granted.matchAll(/("(?:[^"]|"")+"|[^\s=]+)=([A-Z]+)(\*?)/g)].map(
    ([, who, what, grantable]) =>
      `grant ${what} on schema public to ${who}${grantable === "" ? "" : " with grant option"};`,
  );
  return `do $public$ declare one text; begin
if (select ${owned("n.nspowner", "n.nspacl", "n")} from pg_namespace n where n.nspname = 'public') is distinct from ${literal(then)} then
  alter schema public owner to ${owner};
  for one in select distinct case x.grantee when 0 then 'public' else x.grantee::regrole::text end
    from pg_namespace n, aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) x where n.nspname = 'public' loop
    execute format('revoke all on schema public from %s cascade', one);
  end loop;
  ${grants.join("\n  ")}
end if;
end $public$;`;
}

/** Runs after the dump's script, in the same transaction: where something is missing, nothing has happened. */
export function finishScript(data: CapturedDatabase, owner: boolean): string {
  const counted = Object.entries(data.content.tables).filter(
    ([name]) => name !== "large objects" && !Object.hasOwn(data.content.materializedViews, name),
  );
  const counts = counted.map(
    ([name, { rows }]) =>
      `if (select count(*) from only ${name}) <> ${rows} then raise exception '% does not have the captured % rows', ${literal(name)}, ${rows}; end if;`,
  );
  const properties = owner ? propertyStatements(data, data.database.name).map((one) => `${one};`) : [];
  return `${properties.join("\n")}
set search_path = '';
${publicSchema(data)}
do $finish$ begin
${counts.join("\n")}
end $finish$;
`;
}
