/**
 * Every object of a database that pg_dump brings back, as kind, name and definition. What belongs to an extension is left out:
 * the extension's version stands for it. Definitions are read with an empty search path, so all names in them are whole.
 */
const theirs = "pg_catalog.pg_depend";
const notExtension = (catalog: string, oid: string): string =>
  `not exists (select from ${theirs} d where d.classid = '${catalog}'::regclass and d.objid = ${oid} and d.deptype = 'e')`;
const ours = "n.nspname !~ '^pg_' and n.nspname <> 'information_schema'";

/** Made by users: what the server came with has lower numbers. */
const made = "oid >= 16384";

const columns = `(select string_agg(concat_ws(' ', quote_ident(a.attname), format_type(a.atttypid, a.atttypmod),
    case when a.attnotnull then 'not null' end, pg_get_expr(ad.adbin, ad.adrelid), nullif(a.attidentity, ''),
    nullif(a.attgenerated, ''), case when a.attcollation <> t.typcollation then a.attcollation::regcollation::text end),
    E'\\n' order by a.attname)
  from pg_attribute a join pg_type t on t.oid = a.atttypid
  left join pg_attrdef ad on ad.adrelid = a.attrelid and ad.adnum = a.attnum
  where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped)`;

const relations = `select case c.relkind when 'v' then 'view' when 'm' then 'materialized view' when 'S' then 'sequence'
    when 'f' then 'foreign table' when 'c' then 'type' else 'table' end, format('%I.%I', n.nspname, c.relname),
  concat_ws(E'\\n', c.relkind, c.relpersistence, c.relrowsecurity, c.relforcerowsecurity,
    case when c.relkind in ('r', 'p', 'm') then c.relreplident::text end,
    (select string_agg(o, ',' order by o) from unnest(c.reloptions) o),
    case when c.relkind <> 'S' then ${columns} end,
    case when c.relkind = 'p' then pg_get_partkeydef(c.oid) end, pg_get_expr(c.relpartbound, c.oid),
    (select string_agg(i.inhparent::regclass::text, ',' order by i.inhseqno) from pg_inherits i where i.inhrelid = c.oid),
    case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid) end,
    (select format('%s %s %s %s %s %s %s', format_type(s.seqtypid, null), s.seqstart, s.seqincrement, s.seqmin, s.seqmax,
      s.seqcache, s.seqcycle) from pg_sequence s where s.seqrelid = c.oid))
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p', 'v', 'm', 'S', 'f', 'c') and c.relpersistence <> 't' and ${ours}
    and ${notExtension("pg_class", "c.oid")}`;

/** pg_dump leaves out an index that a cancelled CREATE INDEX CONCURRENTLY left invalid. */
const indexes = `select 'index', format('%I.%I', n.nspname, c.relname),
    pg_get_indexdef(c.oid) || case when i.indisclustered then ' clustered' else '' end
  from pg_index i join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace
  where i.indisvalid and c.relpersistence <> 't' and ${ours} and ${notExtension("pg_class", "c.oid")}
    and ${notExtension("pg_class", "i.indrelid")}`;

/** NOT NULL, a constraint of its own in newer versions, stands with the column or the domain in all of them. */
const constraints = `select 'constraint', format('%I on %s', k.conname, case when k.conrelid <> 0 then k.conrelid::regclass::text
    else format_type(k.contypid, null) end), pg_get_constraintdef(k.oid) || case when k.convalidated then '' else ' NOT VALID' end
  from pg_constraint k join pg_namespace n on n.oid = k.connamespace
  where ${ours} and k.contype not in ('t', 'n') and ${notExtension("pg_class", "k.conrelid")} and ${notExtension("pg_type", "k.contypid")}`;

const triggers = `select 'trigger', format('%I on %s', t.tgname, t.tgrelid::regclass), t.tgenabled::text || ' ' || pg_get_triggerdef(t.oid)
  from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = c.relnamespace
  where not t.tgisinternal and ${ours} and ${notExtension("pg_class", "c.oid")}`;

const rules = `select 'rule', format('%I on %s', r.rulename, r.ev_class::regclass), r.ev_enabled::text || ' ' || pg_get_ruledef(r.oid)
  from pg_rewrite r join pg_class c on c.oid = r.ev_class join pg_namespace n on n.oid = c.relnamespace
  where r.rulename <> '_RETURN' and ${ours} and ${notExtension("pg_class", "c.oid")}`;

const functions = `select case p.prokind when 'a' then 'aggregate' when 'p' then 'procedure' else 'function' end,
    format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)),
    case when p.prokind = 'a' then (select concat_ws(' ', a.aggkind, a.aggtransfn, a.aggfinalfn, a.aggcombinefn,
      format_type(a.aggtranstype, null), a.agginitval, a.aggnumdirectargs) from pg_aggregate a where a.aggfnoid = p.oid)
      else pg_get_functiondef(p.oid) end
  from pg_proc p join pg_namespace n on n.oid = p.pronamespace where ${ours} and ${notExtension("pg_proc", "p.oid")}`;

const types = `select 'type', format('%I.%I', n.nspname, t.typname), concat_ws(' ', t.typtype,
    case when t.typtype = 'd' then concat_ws(' ', format_type(t.typbasetype, t.typtypmod), t.typnotnull, t.typdefault) end,
    (select string_agg(quote_literal(e.enumlabel), ',' order by e.enumsortorder) from pg_enum e where e.enumtypid = t.oid),
    (select format_type(r.rngsubtype, null) from pg_range r where r.rngtypid = t.oid))
  from pg_type t join pg_namespace n on n.oid = t.typnamespace
  where t.typtype in ('d', 'e', 'r') and ${ours} and ${notExtension("pg_type", "t.oid")}`;

const policies = `select 'policy', format('%I on %s', p.polname, p.polrelid::regclass), concat_ws(' ', p.polcmd, p.polpermissive,
    (select string_agg(case when r = 0 then 'PUBLIC' else r::regrole::text end, ',' order by r::regrole::text)
      from unnest(p.polroles) r), pg_get_expr(p.polqual, p.polrelid), '/', pg_get_expr(p.polwithcheck, p.polrelid))
  from pg_policy p join pg_class c on c.oid = p.polrelid join pg_namespace n on n.oid = c.relnamespace
  where ${ours} and ${notExtension("pg_class", "c.oid")}`;

const schemas = `select 'schema', quote_ident(n.nspname), '' from pg_namespace n
  where ${ours} and ${notExtension("pg_namespace", "n.oid")}`;

const statistics = `select 'statistics', format('%I.%I', n.nspname, s.stxname), pg_get_statisticsobjdef(s.oid)
  from pg_statistic_ext s join pg_namespace n on n.oid = s.stxnamespace where ${ours}`;

const eventTriggers = `select 'event trigger', quote_ident(e.evtname), concat_ws(' ', e.evtevent, e.evtenabled,
    e.evtfoid::regproc, array_to_string(e.evttags, ',')) from pg_event_trigger e where ${notExtension("pg_event_trigger", "e.oid")}`;

const publications = `select 'publication', quote_ident(p.pubname), concat_ws(' ', p.puballtables, p.pubinsert, p.pubupdate,
    p.pubdelete, p.pubtruncate, (select string_agg(r.prrelid::regclass::text, ',' order by r.prrelid::regclass::text)
      from pg_publication_rel r where r.prpubid = p.oid)) from pg_publication p`;

const operators = `select 'operator', o.oid::regoperator::text, o.oprcode::text from pg_operator o
  where o.${made} and ${notExtension("pg_operator", "o.oid")}`;

/** That they are there, not what they are: rarely made by anything but extensions. */
const named = [
  "pg_cast",
  "pg_collation",
  "pg_conversion",
  "pg_foreign_server",
  "pg_language",
  "pg_opclass",
  "pg_opfamily",
  "pg_ts_config",
  "pg_ts_dict",
].map(
  (catalog) => `select i.type, i.identity, '' from ${catalog} o,
    lateral pg_identify_object('${catalog}'::regclass, o.oid, 0) i where o.${made} and ${notExtension(catalog, "o.oid")}`,
);

const comments = `select 'comment on ' || i.type, i.identity, d.description from pg_description d,
    lateral pg_identify_object(d.classoid, d.objoid, d.objsubid) i
  where d.objoid >= 16384 and i.identity is not null and i.type <> 'extension' and not exists (select from ${theirs} e
    where e.classid = d.classoid and e.objid = d.objoid and e.deptype = 'e')`;

export const objectsQuery = [
  ...[schemas, relations, indexes, constraints, triggers, rules, functions, types, policies, statistics],
  ...[eventTriggers, publications, operators, ...named, comments],
]
  .map((query) => `select * from (${query}) as one(kind, name, definition)`)
  .join(" union all ");

const privileges = (acl: string, kind: string, owner: string): string =>
  `(select coalesce(string_agg(distinct format('%s=%s%s', case when x.grantee = 0 then 'PUBLIC' else x.grantee::regrole::text end,
      x.privilege_type, case when x.is_grantable then '*' else '' end), ' '), '')
    from aclexplode(coalesce(${acl}, acldefault('${kind}', ${owner}))) x)`;

/** Answers `owner A; A=CREATE B=USAGE*`: with a star where it may be given on. */
export const owned = (owner: string, acl: string, kind: string): string =>
  `'owner ' || ${owner}::regrole::text || '; ' || ${privileges(acl, kind, owner)}`;

/** Owner and privileges of each object, with the defaults written out: `{}` and nothing at all are then the same. */
export const grantsQuery = `
  select 'schema ' || quote_ident(n.nspname) as name, ${owned("n.nspowner", "n.nspacl", "n")} as text from pg_namespace n
    where ${ours} and ${notExtension("pg_namespace", "n.oid")}
  union all select format('%I.%I', n.nspname, c.relname), case when c.relkind = 'S' then ${owned("c.relowner", "c.relacl", "s")}
      else ${owned("c.relowner", "c.relacl", "r")} end
    from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'p', 'v', 'm', 'S', 'f')
      and c.relpersistence <> 't' and ${ours} and ${notExtension("pg_class", "c.oid")}
  union all select format('%I.%I(%I)', n.nspname, c.relname, a.attname), ${privileges("a.attacl", "c", "c.relowner")}
    from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
    where a.attacl is not null and not a.attisdropped and ${ours} and ${notExtension("pg_class", "c.oid")}
  union all select format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)),
      ${owned("p.proowner", "p.proacl", "f")}
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace where ${ours} and ${notExtension("pg_proc", "p.oid")}
  union all select format('type %I.%I', n.nspname, t.typname), ${owned("t.typowner", "t.typacl", "T")}
    from pg_type t join pg_namespace n on n.oid = t.typnamespace
    where (t.typtype in ('d', 'e', 'r') or exists (select from pg_class c where c.oid = t.typrelid and c.relkind = 'c'))
      and ${ours} and ${notExtension("pg_type", "t.oid")}
  union all select format('default for %s of %s in %s', d.defaclobjtype, d.defaclrole::regrole,
      case when d.defaclnamespace = 0 then 'every schema' else d.defaclnamespace::regnamespace::text end),
      (select string_agg(x, ' ' order by x) from unnest(d.defaclacl::text[]) x) from pg_default_acl d`;
