import type { Connection } from "../../clients/postgres/connection.js";
import { isTakenBy } from "../../clients/postgres/programs.js";
import type { Check } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { CapturedDatabase } from "./captured-database.js";

/** What a server lacks to take the captured database: an older version, roles, extensions. Each with what mends it. */
export async function unmetNeeds(data: CapturedDatabase, connection: Connection): Promise<Check[]> {
  const roles = await connection.rows<{ name: string }>("select rolname::text as name from pg_roles");
  const extensions = await connection.rows<{ name: string }>(
    "select name::text as name from pg_available_extensions",
  );
  const lacking = (names: readonly string[], there: readonly { name: string }[]): string[] =>
    names.filter((name) => !there.some((one) => one.name === name));
  const place = `${connection.server.host}:${connection.server.port}`;
  const unmet = (name: string, message: string): Check => ({ name, result: "error", message });
  return [
    ...(connection.major < data.server.major
      ? [
          unmet(
            "server version",
            `${place} is PostgreSQL ${connection.major}, the dump is of ${data.server.version}: an older server cannot take it`,
          ),
        ]
      : isTakenBy(connection.major, data.dump.programMajor)
        ? []
        : [
            unmet(
              "server version",
              `${place} is PostgreSQL ${connection.major}, the dump was made by ${data.dump.program}, whose words it does not know: capture again with the programs of version ${data.server.major}`,
            ),
          ]),
    ...lacking(data.roles, roles).map((role) =>
      unmet(
        `role ${role}`,
        `${place} has no role "${role}", which owns or may use something: create role "${role}"`,
      ),
    ),
    ...lacking(Object.keys(data.content.extensions), extensions).map((name) =>
      unmet(`extension ${name}`, `${place} does not have the extension "${name}": install its package there`),
    ),
  ];
}

export async function refuseUnmet(connection: Connection, data: CapturedDatabase): Promise<void> {
  const [first, ...more] = await unmetNeeds(data, connection);
  if (first === undefined) return;
  const others = more.length === 0 ? "" : `; and ${more.length} more`;
  throw new BackoutError(
    "REFUSED",
    `${data.database.name}: cannot be restored: ${first.message ?? first.name}${others}`,
    {
      effect: "none",
      hint: "mend it, then backout resume",
    },
  );
}
