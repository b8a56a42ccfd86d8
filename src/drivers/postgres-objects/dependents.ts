import type { Connection } from "../../clients/postgres/connection.js";
import type { ObjectName } from "./object-name.js";

/** Something that cannot be without the object. */
export type Dependent = {
  /** `pg_class/16402`: to tell whether it is itself among the objects. */
  readonly id: string;
  readonly name: string;
};

/**
 * What DROP … CASCADE would take along, found as PostgreSQL finds it: over the rules of views to the views, over the
 * row type to what uses it. What is a part of something (an index, a row type) is walked through, not named.
 */
const walk = `
  with recursive below (class, id, named) as (
    select $1::regclass::oid, $2::oid, false
    union
    select s.class, s.id, d.deptype = 'n' or (d.classid = 'pg_rewrite'::regclass and s.id <> b.id)
    from below b
    join pg_depend d on d.refclassid = b.class and d.refobjid = b.id and d.deptype in ('n', 'a', 'i')
    left join pg_rewrite r on d.classid = 'pg_rewrite'::regclass and r.oid = d.objid
    cross join lateral (
      select case when r.oid is null then d.classid else 'pg_class'::regclass::oid end as class,
        coalesce(r.ev_class, d.objid) as id
    ) s
  )
  select distinct class::regclass::text || '/' || id as id, pg_describe_object(class, id, 0) as name
  from below where named and not (class = $1::regclass and id = $2::oid) and class <> 'pg_type'::regclass
  order by name`;

export const catalogueOf = ({ kind }: ObjectName): string => (kind === "function" ? "pg_proc" : "pg_class");

export const dependentsOf = (object: ObjectName, oid: string, connection: Connection): Promise<Dependent[]> =>
  connection.rows<Dependent>(walk, [catalogueOf(object), oid]);
