import type { Connection } from "../../clients/postgres/connection.js";
import { identifier, literal } from "../../clients/postgres/identifier.js";
import { type ObjectName, sqlName } from "./object-name.js";

/** What `look` found in the catalogue, before its dependents. */
export type Definition = {
  /** Statements that make it again, in order. The first makes it, the others give it owner, grants, comment, indexes. */
  readonly create: readonly string[];
  /** False for an index that a failed or cancelled statement left behind. */
  readonly valid: boolean;
  readonly bytes: number;
  /** Why it cannot be dropped by itself. */
  readonly bound?: string;
  /** Its oid, and that of the table below an index: for locks and dependents. */
  readonly oid: string;
  readonly table: string;
};

interface Relation {
  readonly oid: string;
  readonly table: string;
  readonly def: string;
  readonly owner: string;
  readonly comment: string | null;
  readonly options: string | null;
  readonly bytes: string;
  readonly valid: boolean;
  readonly populated: boolean;
  readonly bound: string | null;
  readonly indexes: readonly string[];
  readonly kind: string;
}

const relations = `
  select c.oid::text, coalesce(i.indrelid, c.oid)::text as table, c.relkind as kind,
    case when i.indexrelid is not null then pg_get_indexdef(c.oid) else pg_get_viewdef(c.oid) end as def,
    pg_get_userbyid(c.relowner) as owner, obj_description(c.oid, 'pg_class') as comment,
    array_to_string(c.reloptions, ', ') as options, pg_total_relation_size(c.oid)::text as bytes,
    coalesce(i.indisvalid and i.indisready and i.indislive, true) as valid, c.relispopulated as populated,
    coalesce(
      (select 'it belongs to the constraint ' || quote_ident(conname) from pg_constraint where conindid = c.oid limit 1),
      (select 'it belongs to the extension ' || quote_ident(extname) from pg_depend join pg_extension e on e.oid = refobjid
        where classid = 'pg_class'::regclass and objid = c.oid and deptype = 'e'),
      (select 'it is part of the index of a partitioned table' from pg_inherits where inhrelid = c.oid and i.indexrelid is not null)
    ) as bound,
    array(select pg_get_indexdef(indexrelid) from pg_index where indrelid = c.oid and c.relkind = 'm' order by 1) as indexes
  from pg_class c join pg_namespace n on n.oid = c.relnamespace left join pg_index i on i.indexrelid = c.oid
  where n.nspname = $1 and c.relname = $2 and c.relkind = any($3)`;

const relationKinds = { index: ["i", "I"], view: ["v"], materialized_view: ["m"] } as const;

/** Who may do what, as statements; default privileges are spelled out. */
const grants = (catalogue: "pg_class" | "pg_proc"): string => {
  const [acl, owner, letter] =
    catalogue === "pg_class" ? ["relacl", "relowner", "r"] : ["proacl", "proowner", "f"];
  return `
    select privilege_type as privilege, is_grantable as grantable,
      case when grantee = 0 then 'PUBLIC' else quote_ident(pg_get_userbyid(grantee)) end as grantee
    from ${catalogue}, aclexplode(coalesce(${acl}, acldefault('${letter}', ${owner}))) where oid = $1 order by 3, 1`;
};

async function accessOf(
  object: ObjectName,
  oid: string,
  owner: string,
  comment: string | null,
  connection: Connection,
) {
  const [word, on] = wordsOf(object);
  const name = sqlName(object);
  const may = await connection.rows<{ privilege: string; grantable: boolean; grantee: string }>(
    grants(object.kind === "function" ? "pg_proc" : "pg_class"),
    [oid],
  );
  return [
    `ALTER ${word} ${name} OWNER TO ${identifier(owner)}`,
    `REVOKE ALL ON ${on} ${name} FROM PUBLIC`,
    ...may.map(
      ({ privilege, grantable, grantee }) =>
        `GRANT ${privilege} ON ${on} ${name} TO ${grantee}${grantable ? " WITH GRANT OPTION" : ""}`,
    ),
    ...(comment === null ? [] : [`COMMENT ON ${word} ${name} IS ${literal(comment)}`]),
  ];
}

/** For ALTER, DROP and COMMENT; for GRANT. */
export function wordsOf({ kind }: ObjectName): readonly [string, string] {
  if (kind === "function") return ["ROUTINE", "ROUTINE"];
  return [kind.replace("_", " ").toUpperCase(), "TABLE"];
}

/** `undefined`: it is not there. */
export async function relationDefinition(
  object: ObjectName & { readonly kind: "index" | "view" | "materialized_view" },
  connection: Connection,
): Promise<Definition | undefined> {
  const name = sqlName(object);
  const [found] = await connection.rows<Relation>(relations, [
    object.schema,
    object.name,
    [...relationKinds[object.kind]],
  ]);
  if (found === undefined) return undefined;
  const { oid, table, def, owner, comment, valid, bound } = found;
  const known = { oid, table, valid, bytes: Number(found.bytes), ...(bound === null ? {} : { bound }) };
  if (object.kind === "index") {
    const said = comment === null ? [] : [`COMMENT ON INDEX ${name} IS ${literal(comment)}`];
    return { ...known, create: [def, ...said] };
  }
  const what = object.kind === "view" ? "VIEW" : "MATERIALIZED VIEW";
  const having = found.options === null ? "" : ` WITH (${found.options})`;
  const body = def.trim().replace(/;$/, "");
  const data = object.kind === "view" ? "" : ` WITH ${found.populated ? "" : "NO "}DATA`;
  const access = await accessOf(object, oid, owner, comment, connection);
  return {
    ...known,
    create: [`CREATE ${what} ${name}${having} AS ${body}${data}`, ...found.indexes, ...access],
  };
}

interface Routine {
  readonly oid: string;
  readonly def: string;
  readonly owner: string;
  readonly comment: string | null;
  readonly bound: string | null;
}

const routines = `
  select p.oid::text, case when p.prokind = 'a' then '' else pg_get_functiondef(p.oid) end as def,
    pg_get_userbyid(p.proowner) as owner, obj_description(p.oid, 'pg_proc') as comment,
    (select 'it belongs to the extension ' || quote_ident(extname) from pg_depend join pg_extension e on e.oid = refobjid
      where classid = 'pg_proc'::regclass and objid = p.oid and deptype = 'e') as bound
  from pg_proc p where p.oid = $1`;

/** By the role's own search path, since the arguments' types stand as the playbook has them. */
export async function routineOid(object: ObjectName, connection: Connection): Promise<string | undefined> {
  const { oid } = await connection.row<{ oid: string | null }>(
    "select to_regprocedure($1)::oid::text as oid",
    [sqlName(object)],
  );
  return oid ?? undefined;
}

export async function routineDefinition(
  object: ObjectName,
  id: string,
  connection: Connection,
): Promise<Definition | undefined> {
  const [found] = await connection.rows<Routine>(routines, [id]);
  if (found === undefined) return undefined;
  const { oid, def, owner, comment, bound } = found;
  const access = await accessOf(object, oid, owner, comment, connection);
  return {
    ...{ oid, table: oid, valid: true, bytes: 0 },
    create: [...(def === "" ? [] : [def.trim()]), ...access],
    ...(bound === null ? {} : { bound }),
  };
}
