import { createHash } from "node:crypto";
import type { Connection } from "../../clients/postgres/connection.js";
import { namedTable, type Options } from "./options.js";

/** One thing that the schema has: `column`, `public.orders.note`, `text not null`. */
export type Line = readonly [what: string, name: string, definition: string];

/** Of ours, beside the application's: what `keep` saved, and how far a step has come. */
export const keptSchema = "backout_kept";

/**
 * All that migrations make. Columns have no number, since one that comes back is the last of its table. Who owns and
 * may use it does not belong to it: other hands grant and revoke.
 */
const lines = `
  with spaces as (
    select oid, quote_ident(nspname) as space from pg_namespace
    where nspname !~ '^pg_' and nspname not in ('information_schema', '${keptSchema}')
      and ($1::text[] is null or nspname = any($1))
  ), ignored as (
    select c.oid from pg_class c join pg_namespace n on n.oid = relnamespace
    join unnest($2::text[], $3::text[]) i(space, name) on n.nspname = i.space and c.relname = i.name
  ), own as (
    select classid, objid from pg_depend where deptype = 'e'
  ), relations as (
    select c.*, space || '.' || quote_ident(relname) as full_name from pg_class c join spaces s on s.oid = relnamespace
    where c.oid not in (select oid from ignored)
      and not exists (select from own where classid = 'pg_class'::regclass and objid = c.oid)
  )
  select 'schema', space, '' from spaces
  union all select 'extension', quote_ident(extname), extversion from pg_extension
  union all select case relkind when 'v' then 'view' when 'm' then 'materialized view' when 'S' then 'sequence'
      when 'f' then 'foreign table' when 'c' then 'type' else 'table' end, full_name,
    concat_ws(' ', case relkind when 'p' then 'partitioned by ' || pg_get_partkeydef(oid) end,
      case when relispartition then pg_get_expr(relpartbound, oid) end, case relpersistence when 'u' then 'unlogged' end,
      case when relkind in ('v', 'm') then pg_get_viewdef(oid) end, array_to_string(reloptions, ', '),
      case when relrowsecurity then 'row security' end, case when relforcerowsecurity then 'forced' end)
    from relations where relkind in ('r', 'p', 'v', 'm', 'S', 'f', 'c')
  union all select 'column', full_name || '.' || quote_ident(attname),
    concat_ws(' ', format_type(atttypid, atttypmod), case when attnotnull then 'not null' end,
      case when attgenerated <> '' then 'generated as' when d.oid is not null then 'default' end, pg_get_expr(adbin, adrelid),
      case attidentity when 'a' then 'identity always' when 'd' then 'identity' end,
      case when attcollation <> typcollation then 'collate ' || attcollation::regcollation end)
    from relations r join pg_attribute a on attrelid = r.oid and attnum > 0 and not attisdropped join pg_type t on t.oid = atttypid
    left join pg_attrdef d on adrelid = r.oid and adnum = attnum where relkind in ('r', 'p', 'f', 'c')
  union all select 'constraint', full_name || '.' || quote_ident(conname), pg_get_constraintdef(c.oid)
    from relations r join pg_constraint c on conrelid = r.oid and contype <> 't' and contype <> 'n'
  union all select 'index', full_name, pg_get_indexdef(indexrelid) || case when indisvalid then '' else ' (invalid)' end
    from relations r join pg_index on indexrelid = r.oid where indrelid not in (select oid from ignored)
  union all select 'trigger', full_name || '.' || quote_ident(tgname), pg_get_triggerdef(t.oid) || ' ' || tgenabled::text
    from relations r join pg_trigger t on tgrelid = r.oid and not tgisinternal
  union all select 'policy', full_name || '.' || quote_ident(polname),
    concat_ws(' ', polcmd::text, polpermissive, pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))
    from relations r join pg_policy on polrelid = r.oid
  union all select 'rule', full_name || '.' || quote_ident(rulename), pg_get_ruledef(w.oid)
    from relations r join pg_rewrite w on ev_class = r.oid and rulename <> '_RETURN'
  union all select 'sequence', full_name, concat_ws(' ', seqtypid::regtype, seqincrement, seqmin, seqmax, seqstart, seqcycle)
    from relations r join pg_sequence on seqrelid = r.oid
  union all select 'function', p.oid::regprocedure::text, case when prokind = 'a' then 'aggregate' else pg_get_functiondef(p.oid) end
    from pg_proc p join spaces s on s.oid = pronamespace
    where not exists (select from own where classid = 'pg_proc'::regclass and objid = p.oid)
  union all select 'type', space || '.' || quote_ident(typname), case typtype
      when 'e' then 'enum ' || (select string_agg(quote_literal(enumlabel), ', ' order by enumsortorder) from pg_enum where enumtypid = t.oid)
      when 'd' then concat_ws(' ', 'domain', format_type(typbasetype, typtypmod), case when typnotnull then 'not null' end, typdefault,
        (select string_agg(pg_get_constraintdef(c.oid), ' ' order by conname) from pg_constraint c where contypid = t.oid))
      else 'range' end
    from pg_type t join spaces s on s.oid = typnamespace where typtype in ('e', 'd', 'r')
      and not exists (select from own where classid = 'pg_type'::regclass and objid = t.oid)`;

/** What the schema is now, sorted. The names in it are whole, whatever the role's search path is. */
export async function readCatalog(options: Options, connection: Connection): Promise<Line[]> {
  const ignored = options.ignore.flatMap((text) => namedTable(text) ?? []);
  const { search_path: before } = await connection.row<{ search_path: string }>("show search_path");
  await connection.run("set search_path = pg_catalog");
  try {
    const rows = await connection.rows<Record<string, string>>(
      `select what, name, definition from (${lines}) l (what, name, definition) order by 1, 2, 3`,
      [
        options.schemas === undefined ? null : [...options.schemas],
        ignored.map(({ schema }) => schema),
        ignored.map(({ name }) => name),
      ],
    );
    return rows.map(({ what = "", name = "", definition = "" }): Line => [what, name, definition]);
  } finally {
    await connection.rows("select set_config('search_path', $1, false)", [before]).catch(() => {});
  }
}

export const fingerprintOf = (catalog: readonly Line[]): string =>
  `sha256:${createHash("sha256").update(JSON.stringify(catalog)).digest("hex")}`;

/** As seen from what was captured, in words: `column public.orders.note: was not there`. */
export function differences(then: readonly Line[], now: readonly Line[]): string[] {
  const keyed = (catalog: readonly Line[]) => {
    const all = new Map<string, string>();
    for (const [what, name, definition] of catalog) {
      const key = `${what} ${name}`;
      all.set(key, [all.get(key), definition].filter((one) => one !== undefined).join("; "));
    }
    return all;
  };
  const [old, current] = [keyed(then), keyed(now)];
  const said: string[] = [];
  for (const key of [...new Set([...old.keys(), ...current.keys()])].sort()) {
    const [was, is] = [old.get(key), current.get(key)];
    if (was === is) continue;
    if (was === undefined) said.push(`${key}: was not there`);
    else if (is === undefined) said.push(`${key}: is missing`);
    else said.push(`${key}: was "${shortened(was)}", is "${shortened(is)}"`);
  }
  return said;
}

const shortened = (text: string): string => {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > 120 ? `${line.slice(0, 119)}…` : line;
};

/** For messages: the first few. */
export const listed = (said: readonly string[], most = 8): string =>
  said.length <= most ? said.join("; ") : `${said.slice(0, most).join("; ")}; and ${said.length - most} more`;
