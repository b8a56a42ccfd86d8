import type { Connection } from "../../clients/postgres/connection.js";

/** A foreign key from or to a chosen table. */
export type ForeignKey = {
  readonly name: string;
  readonly table: string;
  readonly references: string;
  readonly definition: string;
  /** Empty where there is none. */
  readonly comment: string;
};

/** A trigger of a chosen table, and in which sessions it fires: `O`, `A`, `R`, or `D` for never. */
export type Trigger = { readonly name: string; readonly table: string; readonly enabled: string };

/** What a chosen table is tied to. */
export type Surroundings = {
  /** Table → its number, of those that are there. */
  readonly there: Readonly<Record<string, number>>;
  readonly foreignKeys: readonly ForeignKey[];
  readonly triggers: readonly Trigger[];
  /** Views, functions and the like that would keep a table from being made anew. */
  readonly dependents: readonly { readonly table: string; readonly what: string }[];
  /** Populated ones that read it, also by way of views: the innermost first. */
  readonly materializedViews: readonly string[];
};

const chosen = "unnest($1::text[]) as chosen(name) join pg_class c on c.oid = to_regclass(chosen.name)";

export async function readSurroundings(
  connection: Connection,
  tables: readonly string[],
): Promise<Surroundings> {
  const there = await connection.rows<{ name: string; oid: number }>(
    `select chosen.name, c.oid::int8::float8 as oid from ${chosen} order by 1`,
    [tables],
  );
  return {
    there: Object.fromEntries(there.map(({ name, oid }) => [name, oid])),
    foreignKeys: await readForeignKeys(connection, tables),
    triggers: await connection.rows<Trigger>(
      `select t.tgname::text as name, chosen.name as table, t.tgenabled::text as enabled
       from ${chosen} join pg_trigger t on t.tgrelid = c.oid where not t.tgisinternal order by 2, 1`,
      [tables],
    ),
    dependents: await connection.rows<Surroundings["dependents"][number]>(
      `select distinct chosen.name as table,
         regexp_replace(pg_describe_object(d.classid, d.objid, 0), '^rule "?_RETURN"? on ', '') as what
       from ${chosen} join pg_depend d on d.refclassid = 'pg_class'::regclass and d.refobjid = c.oid and d.deptype = 'n'
       where not exists (select from pg_constraint k where d.classid = 'pg_constraint'::regclass and k.oid = d.objid and k.contype = 'f')
         and not exists (select from pg_depend own where own.classid = d.classid and own.objid = d.objid
           and own.refclassid = d.refclassid and own.refobjid = c.oid and own.deptype in ('a', 'i'))
       union select chosen.name, 'publication ' || quote_ident(p.pubname)
       from ${chosen} join pg_publication_rel r on r.prrelid = c.oid join pg_publication p on p.oid = r.prpubid order by 1, 2`,
      [tables],
    ),
    materializedViews: (
      await connection.rows<{ name: string }>(
        `with recursive reads(oid, depth) as (
           select c.oid, 0 from ${chosen}
           union select w.ev_class, reads.depth + 1 from reads
             join pg_depend d on d.refclassid = 'pg_class'::regclass and d.refobjid = reads.oid and d.classid = 'pg_rewrite'::regclass
             join pg_rewrite w on w.oid = d.objid and w.ev_class <> reads.oid)
         select format('%I.%I', n.nspname, c.relname) as name from reads join pg_class c on c.oid = reads.oid
           join pg_namespace n on n.oid = c.relnamespace
         where c.relkind = 'm' and c.relispopulated group by 1 order by max(reads.depth), 1`,
        [tables],
      )
    ).map(({ name }) => name),
  };
}

/** Of partitions only those of the whole table, which go down by themselves. */
export const readForeignKeys = (connection: Connection, tables: readonly string[]): Promise<ForeignKey[]> =>
  connection.rows<ForeignKey>(
    `select distinct k.conname::text as name, format('%I.%I', n.nspname, t.relname) as table,
       format('%I.%I', m.nspname, f.relname) as references, pg_get_constraintdef(k.oid) as definition,
       coalesce(obj_description(k.oid, 'pg_constraint'), '') as comment
     from ${chosen} join pg_constraint k on k.contype = 'f' and k.conparentid = 0 and c.oid in (k.conrelid, k.confrelid)
       join pg_class t on t.oid = k.conrelid join pg_namespace n on n.oid = t.relnamespace
       join pg_class f on f.oid = k.confrelid join pg_namespace m on m.oid = f.relnamespace order by 2, 1`,
    [tables],
  );

/** Index → its table, both with their schema. */
export async function readIndexes(connection: Connection): Promise<Record<string, string>> {
  const rows = await connection.rows<{ name: string; table: string }>(
    `select format('%I.%I', n.nspname, c.relname) as name, format('%I.%I', m.nspname, t.relname) as table
     from pg_index i join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace
       join pg_class t on t.oid = i.indrelid join pg_namespace m on m.oid = t.relnamespace
     where n.nspname !~ '^pg_' and c.relpersistence <> 't' order by 1`,
  );
  return Object.fromEntries(rows.map(({ name, table }) => [name, table]));
}
