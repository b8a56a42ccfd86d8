import { type Connection, withConnection } from "../../clients/postgres/connection.js";
import { type Server, serverOf } from "../../clients/postgres/connection-options.js";
import type { CaptureContext } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import type { CapturedDatabase, Content } from "./captured-database.js";
import { readDatabase } from "./facts.js";
import type { KnownDump } from "./given-dump.js";
import type { Options } from "./options.js";
import { settingsOf } from "./settings.js";

/** What a dump does not bring along. */
export interface Place {
  readonly live: boolean;
  readonly major: number;
  readonly database: CapturedDatabase["database"];
  readonly settings: Content["settings"];
}

/** Of the live database; where there is none, what a new one would have. */
export async function readPlace(options: Options, context: CaptureContext): Promise<Place> {
  const server = serverOf(options);
  const read = (to: Server, live: boolean): Promise<Place> =>
    withConnection(to, context, async (connection) => {
      const { major } = connection;
      const database = { ...(await readDatabase(connection)), oid: 0 };
      if (live) return { live, major, database, settings: await settingsOf(connection) };
      return { live, major, database: await likeNew(connection, database, server), settings: {} };
    });
  try {
    return await read(server, true);
  } catch (error) {
    if (!(error instanceof BackoutError) || error.code !== "NOT_FOUND") throw error;
    return read({ ...server, database: options.maintenance }, false);
  }
}

async function likeNew(
  connection: Connection,
  like: CapturedDatabase["database"],
  { database: name }: Server,
): Promise<CapturedDatabase["database"]> {
  const { owner } = await connection.row<{ owner: string }>("select current_user::text as owner");
  const privileges = await connection.rows<CapturedDatabase["database"]["privileges"][number]>(
    `select coalesce((select rolname::text from pg_roles r where r.oid = x.grantee), '') as grantee,
       x.privilege_type as privilege, x.is_grantable as grantable
     from aclexplode(acldefault('d', (select oid from pg_roles where rolname = current_user))) x order by 1, 2`,
  );
  return { ...like, name, owner, privileges, connectionLimit: -1, comment: "" };
}

/** All that is known before it was restored. */
export function provisional(dump: KnownDump, { database, settings }: Place): CapturedDatabase {
  const extensions = dump.entries.flatMap(({ text }) => {
    const name = /^EXTENSION - (\S+)/.exec(text)?.[1];
    return name === undefined ? [] : [[name, ""] as const];
  });
  const grantees = database.privileges.map(({ grantee }) => grantee);
  const inDatabase = Object.keys(settings).map((key) => key.split(" · ")[0] ?? "");
  const roles = new Set([database.owner, ...grantees, ...inDatabase].filter((role) => role !== ""));
  const major = Number.parseInt(dump.serverVersion, 10);
  return {
    server: { version: dump.serverVersion, major, system: "" },
    database,
    dump: {
      ...{ files: {}, bytes: 0, entries: dump.entries.length },
      program: `pg_dump ${dump.dumpVersion}`,
      programMajor: Number.parseInt(dump.dumpVersion, 10),
      ...(dump.format === "directory" ? {} : { format: dump.format }),
    },
    given: true,
    content: {
      ...{ objects: {}, tables: {}, sequences: {}, grants: {}, materializedViews: {} },
      ...{ settings, extensions: Object.fromEntries(extensions) },
    },
    ...{
      indexes: {},
      checksums: "full",
      wal: "",
      snapshot: "",
      roles: [...roles].sort(),
      ledgers: [],
    },
    counters: { tables: {}, reset: "", started: "" },
  };
}
