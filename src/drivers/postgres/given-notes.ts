import { parseQualified } from "../../clients/postgres/parse-name.js";
import type { Content } from "./captured-database.js";
import type { KnownDump } from "./given-dump.js";

interface Noted {
  readonly dump: KnownDump;
  readonly content: Content;
  /** Name of the target's database, and whether there is one. */
  readonly database: string;
  readonly live: boolean;
  readonly owner: string;
  readonly keepLostRows: boolean;
}

/** What a dump by others cannot tell, and what holds in its place. Never guessed. */
export function givenNotes({ dump, content, database, live, owner, keepLostRows }: Noted): string[] {
  const empty = withoutRows(dump, content);
  const when = dump.madeText === "" ? "" : ` at ${dump.madeText} by the clock of whoever made it`;
  return [
    `the dump is of "${dump.database}" (PostgreSQL ${dump.serverVersion}, pg_dump ${dump.dumpVersion})${when}`,
    ...(dump.database === database
      ? []
      : [`it was made of another database, "${dump.database}"; it comes back as "${database}"`]),
    live
      ? `owner, privileges, settings, encoding and locale of the database itself are those that "${database}" had when the dump was taken over; a dump's own are not used`
      : `there was no database "${database}" when the dump was taken over: it comes back owned by "${owner}", without settings, with the privileges of a new one, and the encoding and locale of the server's "maintenance" database`,
    "roles are not in a dump: owners and grantees are those of this name on the server",
    `what was written since cannot be counted by PostgreSQL's counters, only by numbers of rows${
      keepLostRows ? "; and rows newer than it cannot be told, so `keepLostRows` writes none" : ""
    }`,
    ...(empty.length === 0
      ? []
      : [
          `the dump holds no rows of ${empty.slice(0, 10).join(", ")}${
            empty.length > 10 ? ` and ${empty.length - 10} more` : ""
          }: they come back empty`,
        ]),
    ...(dump.compressed
      ? []
      : ["it is not compressed, so a bit that has changed in its rows since it was made cannot be told"]),
  ];
}

/** Tables that are restored, but of which pg_dump was told to leave the rows out. */
export function withoutRows(
  { entries }: Pick<KnownDump, "entries">,
  { tables, materializedViews }: Content,
): string[] {
  return Object.keys(tables).filter((name) => {
    if (Object.hasOwn(materializedViews, name) || name === "large objects") return false;
    const [schema, table] = parseQualified(name)?.parts ?? [];
    return !entries.some(({ text }) => text.startsWith(`TABLE DATA ${schema} ${table} `));
  });
}
