import type { Connection } from "../../clients/postgres/connection.js";
import { identifier } from "../../clients/postgres/identifier.js";
import { type Problem, problem, warning } from "../../core/errors.js";
import { onlyOnce } from "./only-once.js";
import type { Standing } from "./standing.js";

export function rights(name: string, { server, major }: Connection, standing: Standing): Problem[] {
  const user = identifier(server.user);
  const lacks = (fact: string, mend: string): Problem =>
    problem(`${name}.user`, `"${server.user}" ${fact}`, mend);
  return [
    ...(standing.createDatabase
      ? []
      : [
          lacks("may not create databases, so nothing can be restored beside", `alter role ${user} createdb`),
        ]),
    ...(standing.owner
      ? []
      : [
          lacks(
            `may not rename "${server.database}"`,
            `alter database ${identifier(server.database)} owner to ${user}, or grant its owner's role to ${user}${major >= 16 ? " with inherit true, set true" : ""}`,
          ),
        ]),
    ...(standing.endsSessions
      ? []
      : [lacks("may not end the connections of others", `grant pg_signal_backend to ${user}`)]),
    ...(standing.superuser
      ? []
      : [
          warning(
            `${name}.user`,
            `"${server.user}" is no superuser: objects of roles that it is not a member of, and some extensions, cannot be restored`,
            `grant those roles to ${user}; \`backout prove\` tells whether it is enough`,
          ),
        ]),
    ...(standing.cron
      ? [
          warning(
            name,
            `${onlyOnce} is in "${server.database}", and cannot be made in a second database: it is restored in place, and whoever uses it waits that long`,
            `for a short outage keep ${onlyOnce} in a database of its own (\`cron.database_name\`), and use cron.schedule_in_database`,
          ),
        ]
      : []),
    ...(standing.template
      ? [
          problem(
            name,
            `"${server.database}" is marked as a template`,
            `alter database ${identifier(server.database)} is_template false`,
          ),
        ]
      : []),
  ];
}

/** pg_dump reads every table and sequence, and does not start where it may not. */
export async function unreadable(name: string, connection: Connection): Promise<Problem[]> {
  const rows = await connection.rows<{ table: string; owner: string }>(
    `select format('%I.%I', n.nspname, c.relname) as table, c.relowner::regrole::text as owner
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'p', 'm', 'S') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
       and (not has_table_privilege(c.oid, 'select') or not has_schema_privilege(n.oid, 'usage')
         or (c.relrowsecurity and not pg_has_role(c.relowner, 'usage') and not (select rolbypassrls or rolsuper from pg_roles where rolname = current_user)))
     order by 1`,
  );
  const [first] = rows;
  if (first === undefined) return [];
  const user = identifier(connection.server.user);
  const fact = `"${connection.server.user}" may not read ${rows.length} tables or sequences in full: ${rows
    .slice(0, 5)
    .map(({ table }) => table)
    .join(", ")}`;
  return [
    problem(
      `${name}.user`,
      fact,
      `grant pg_read_all_data to ${user}; with row-level security also: alter role ${user} bypassrls`,
    ),
  ];
}
