import type { Connection } from "../../clients/postgres/connection.js";
import { identifier, literal } from "../../clients/postgres/identifier.js";
import type { CapturedDatabase } from "./captured-database.js";

const separator = " · ";

/** `ALTER DATABASE … SET` and `ALTER ROLE … IN DATABASE … SET` of the database that is connected to: `role · name` → value. */
export async function settingsOf(connection: Connection): Promise<Record<string, string>> {
  const found = await connection.rows<{ role: string; setting: string }>(
    `select coalesce(r.rolname, '') as role, setting
     from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase left join pg_roles r on r.oid = s.setrole,
       unnest(s.setconfig) setting
     where d.datname = current_database() order by 1, 2`,
  );
  return Object.fromEntries(
    found.map(({ role, setting }) => {
      const at = setting.indexOf("=");
      return [`${role}${separator}${setting.slice(0, at)}`, setting.slice(at + 1)];
    }),
  );
}

/** Their values are lists of names, already quoted: each has to be handed over by itself. */
const lists = new Set([
  "local_preload_libraries",
  "search_path",
  "session_preload_libraries",
  "shared_preload_libraries",
  "temp_tablespaces",
  "unix_socket_directories",
]);

const members = (list: string): string[] =>
  (list.match(/"(?:[^"]|"")*"|[^,"\s]+/g) ?? []).map((one) =>
    one.startsWith('"') ? one.slice(1, -1).replaceAll('""', '"') : one,
  );

function valueOf(name: string, value: string): string {
  if (!lists.has(name.toLowerCase())) return literal(value);
  const each = members(value);
  return each.length === 0 ? "''" : each.map(literal).join(", ");
}

/** Makes an empty database of this name as the captured one was; the caller restores into it. Runs outside of a transaction. */
export function createStatement(database: CapturedDatabase["database"], name: string): string {
  const { encoding, collate, ctype, provider, locale, rules } = database;
  const ruled = rules === undefined ? "" : ` icu_rules ${literal(rules)}`;
  const from =
    provider === "libc" ? "" : ` locale_provider ${provider} ${provider}_locale ${literal(locale)}${ruled}`;
  const locales = `lc_collate ${literal(collate)} lc_ctype ${literal(ctype)}${from}`;
  return `create database ${identifier(name)} template template0 encoding ${literal(encoding)} ${locales}`;
}

/**
 * What pg_dump keeps only in its own `CREATE DATABASE`, under the captured name: settings, privileges, comment, owner. Without
 * them an application is locked out of a database that came back whole (H25).
 */
export function propertyStatements({ database, content }: CapturedDatabase, name: string): string[] {
  const target = identifier(name);
  const statements = Object.entries(content.settings).map(([key, value]) => {
    const at = key.indexOf(separator);
    const [role, setting] = [key.slice(0, at), key.slice(at + separator.length)];
    // Names with a dot are two names: `app.tenant`.
    const quoted = setting.split(".").map(identifier).join(".");
    return role === ""
      ? `alter database ${target} set ${quoted} to ${valueOf(setting, value)}`
      : `alter role ${identifier(role)} in database ${target} set ${quoted} to ${valueOf(setting, value)}`;
  });
  if (database.comment !== "")
    statements.push(`comment on database ${target} is ${literal(database.comment)}`);
  statements.push(`alter database ${target} owner to ${identifier(database.owner)}`);
  return [...statements, ...privilegeStatements(database, target)];
}

/** From nothing: PostgreSQL gives a new database rights that the captured one may have lost. */
function privilegeStatements({ privileges, owner }: CapturedDatabase["database"], target: string): string[] {
  const grants = privileges.map(({ grantee, privilege, grantable }) => {
    const to = grantee === "" ? "public" : identifier(grantee);
    return `grant ${privilege} on database ${target} to ${to}${grantable ? " with grant option" : ""}`;
  });
  const revoked = ["public", identifier(owner)].map((who) => `revoke all on database ${target} from ${who}`);
  return [...revoked, ...grants];
}
