import { createHash } from "node:crypto";
import type { Connection } from "../../clients/postgres/connection.js";
import { identifier } from "../../clients/postgres/identifier.js";
import { contentDigest } from "../../core/content-digest.js";
import type { Content, TableContent } from "./captured-database.js";
import { grantsQuery, objectsQuery } from "./object-queries.js";
import { onlyOnce } from "./only-once.js";
import { settingsOf } from "./settings.js";

export interface ReadOptions {
  readonly checksums: "full" | "sampled";
  /** What it is going to be compared with: samples are taken where that has samples. */
  readonly like?: Content;
  /** Of the rows only those of these tables. */
  readonly only?: readonly string[];
  /** Called before each table. */
  readonly progress?: (line: string) => void;
}

/** Beyond so many rows (as PostgreSQL estimates) a sampled digest takes one of sixteen. */
const sampledBeyond = 100_000;
const oneOf = 16;

/**
 * Everything that is compared later, of the database that is connected to. Reads in the transaction that the connection is in
 * (see `readSnapshot`): what it returns belongs together.
 */
export async function readContent(connection: Connection, options: ReadOptions): Promise<Content> {
  const tables: Record<string, TableContent> = {};
  const { only } = options;
  const found = (await readTables(connection)).filter(({ name }) => only?.includes(name) ?? true);
  for (const [index, table] of found.entries()) {
    options.progress?.(`reading table ${index + 1} of ${found.length}: ${table.name}`);
    tables[table.name] = await readTable(connection, table, isSampled(table, options));
  }
  const large = only === undefined ? await largeObjects(connection) : {};
  return { ...(await readSchema(connection)), tables: { ...tables, ...large } };
}

/** All but the rows: quick, however large the database is. */
export async function readSchema(connection: Connection): Promise<Omit<Content, "tables">> {
  const objects = await connection.rows<{ kind: string; name: string; definition: string | null }>(
    objectsQuery,
  );
  const grants = await connection.rows<{ name: string; text: string }>(grantsQuery);
  const extensions = await connection.rows<{ name: string; version: string }>(
    `select extname as name, extversion as version from pg_extension where extname <> '${onlyOnce}' order by 1`,
  );
  const views = await connection.rows<{ name: string; populated: boolean }>(
    `select format('%I.%I', schemaname, matviewname) as name, ispopulated as populated from pg_matviews order by 1`,
  );
  return {
    objects: sorted(
      objects.map(({ kind, name, definition }) => [`${kind} ${name}`, short(normalised(definition ?? ""))]),
    ),
    sequences: await readSequences(connection),
    grants: sorted(grants.filter(({ text }) => text !== "").map(({ name, text }) => [name, text])),
    settings: await settingsOf(connection),
    extensions: sorted(extensions.map(({ name, version }) => [name, version])),
    materializedViews: sorted(views.map(({ name, populated }) => [name, populated ? "populated" : "empty"])),
  };
}

/**
 * Equal for two databases that hold the same. Versions of extensions are the server's, and not part of it; neither are the rows of
 * materialized views, which are as old as their last refresh.
 */
export const identityOf = (content: Content): string =>
  contentDigest({
    ...content,
    extensions: Object.keys(content.extensions),
    tables: Object.fromEntries(
      Object.entries(content.tables).filter(([name]) => !Object.hasOwn(content.materializedViews, name)),
    ),
  });

export const totalRows = ({ tables }: Content): number =>
  Object.values(tables).reduce((sum, { rows }) => sum + rows, 0);

export const summaryOf = (content: Content): string =>
  `${Object.keys(content.tables).length} tables, ${totalRows(content)} rows (${identityOf(content).slice(0, 15)}…)`;

const sorted = <Value>(entries: (readonly [string, Value])[]): Record<string, Value> =>
  Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));

const short = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 16);

/**
 * PostgreSQL writes `kind in ('a', 'b')` differently once it has been dumped and read again: casts between texts go from the list to
 * its members, with brackets around them. So neither those casts nor brackets around a single thing count.
 */
function normalised(definition: string): string {
  const bare = definition.replaceAll(/::(character varying|text|bpchar)(\(\d+\))?(\[\])?/g, "");
  const without = bare.replaceAll(/(?<![\w"])\(('(?:[^']|'')*'|ARRAY\[[^\]]*\]|[\w."]+)\)/g, "$1");
  return without === definition ? without : normalised(without);
}

interface Table {
  readonly name: string;
  /** Quoted, in name order, since inheritance may order them differently after a restore. */
  readonly columns: readonly string[];
  readonly key: readonly string[];
  readonly estimate: number;
}

/** Those that hold rows themselves, in name order; partitions are tables of their own. Of extensions: none. */
async function readTables(connection: Connection): Promise<Table[]> {
  return connection.rows<Table>(
    `select format('%I.%I', n.nspname, c.relname) as name, c.reltuples::float8 as estimate,
       coalesce((select array_agg(quote_ident(a.attname) order by a.attname) from pg_attribute a
         where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped), '{}') as columns,
       coalesce((select array_agg(a.attname::text order by k.place) from pg_index i,
           unnest(i.indkey::int2[]) with ordinality k(number, place), pg_attribute a
         where i.indrelid = c.oid and i.indisprimary and a.attrelid = c.oid and a.attnum = k.number), '{}') as key
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where (c.relkind = 'r' or (c.relkind = 'm' and c.relispopulated)) and c.relpersistence <> 't'
       and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
       and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
     order by 1`,
  );
}

function isSampled({ name, key, estimate }: Table, { checksums, like }: ReadOptions): boolean {
  const then = like?.tables[name];
  if (key.length === 0) return false;
  if (then !== undefined) return then.digest.startsWith("sampled ");
  return checksums === "sampled" && estimate > sampledBeyond;
}

async function readTable(
  connection: Connection,
  { name, columns, key }: Table,
  sampled: boolean,
  where = "",
): Promise<TableContent> {
  const sample = sampled
    ? ` filter (where hashtextextended(row(${key.map(identifier).join(", ")})::text, 1) % ${oneOf} = 0)`
    : "";
  const { rows, digest } = await connection.row<{ rows: string; digest: string }>(
    `select count(*) as rows, coalesce(sum(hashtextextended(row(${columns.join(", ")})::text, 0))${sample}, 0)::text as digest
     from only ${name} ${where}`,
  );
  return { rows: Number(rows), digest: sample === "" ? digest : `sampled ${digest}`, key };
}

/** Only the rows that are older than the last change of the database's own entry. `name` is quoted. */
export async function readContentBefore(
  connection: Connection,
  name: string,
  like: TableContent,
): Promise<TableContent> {
  const table = (await readTables(connection)).find((one) => one.name === name);
  if (table === undefined) return { rows: 0, digest: "0", key: [] };
  const older = `where age(xmin) >= (select age(d.xmin) from pg_database d where d.datname = current_database())`;
  return readTable(connection, table, like.digest.startsWith("sampled "), older);
}

/** Their bytes are readable by superusers alone; others have the number compared. */
async function largeObjects(connection: Connection): Promise<Record<string, TableContent>> {
  const { number, may } = await connection.row<{ number: string; may: boolean }>(
    "select count(*) as number, has_table_privilege('pg_largeobject', 'select') as may from pg_largeobject_metadata",
  );
  if (number === "0") return {};
  const digest = may
    ? await connection.row<{ digest: string }>(
        "select coalesce(sum(hashtextextended(row(loid, pageno, data)::text, 0)), 0)::text as digest from pg_largeobject",
      )
    : { digest: "not readable" };
  return { "large objects": { rows: Number(number), digest: digest.digest, key: [] } };
}

async function readSequences(connection: Connection): Promise<Record<string, string>> {
  const names = await connection.rows<{ name: string }>(
    `select format('%I.%I', n.nspname, c.relname) as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind = 'S' and c.relpersistence <> 't' and n.nspname !~ '^pg_'
       and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
     order by 1`,
  );
  const positions: [string, string][] = [];
  for (const { name } of names) {
    const { at } = await connection.row<{ at: string }>(
      `select last_value || case when is_called then '' else ' next' end as at from ${name}`,
    );
    positions.push([name, at]);
  }
  return sorted(positions);
}
