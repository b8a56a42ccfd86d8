import { parseQualified } from "../../clients/postgres/parse-name.js";
import { BackoutError } from "../../core/errors.js";
import type { CapturedDatabase, Content } from "./captured-database.js";

const parts = (name: string): string => JSON.stringify(parseQualified(name)?.parts);

const withSchema = (name: string): string =>
  parseQualified(name)?.parts.length === 1 ? `public.${name.trim()}` : name;

/** Those that the playbook names, as PostgreSQL writes them. Refuses what cannot come back by itself. */
export function chosenTables(
  given: readonly string[],
  { content }: Pick<CapturedDatabase, "content">,
): string[] {
  return given.map((one) => {
    const wanted = parts(withSchema(one));
    const found = Object.keys(content.tables).find((name) => parts(name) === wanted);
    if (found !== undefined && !Object.hasOwn(content.materializedViews, found)) return found;
    throw refused(one, content);
  });
}

function refused(one: string, content: Content): BackoutError {
  const wanted = parts(withSchema(one));
  const view = Object.keys(content.materializedViews).some((name) => parts(name) === wanted);
  const other = Object.keys(content.objects).some(
    (name) => name.startsWith("table ") && parts(name.slice("table ".length)) === wanted,
  );
  const because = view
    ? ["is a materialized view", "leave it out: it is refreshed with the tables that it reads"]
    : other
      ? ["is partitioned, and holds no rows itself", "name its partitions"]
      : ["was not captured", `captured are: ${Object.keys(content.tables).slice(0, 20).join(", ")}`];
  return new BackoutError("REFUSED", `tables: "${one}" ${because[0]}`, {
    ...{ effect: "none", hint: because[1] ?? "" },
  });
}

/** Index → its table. */
export type Indexes = Readonly<Record<string, string>>;

/** What belongs to these tables: rows, definition, keys, indexes, triggers, policies, rights. Two of them can be compared. */
export function contentOf(content: Content, indexes: Indexes, tables: readonly string[]): Content {
  const chosen = new Set(tables);
  const belongs = (object: string): boolean => {
    const [, kind = "", name = ""] = /^(\S+) (.*)$/s.exec(object) ?? [];
    if (kind === "table") return chosen.has(name);
    if (kind === "index") return chosen.has(indexes[name] ?? "");
    return (
      ["constraint", "trigger", "rule", "policy"].includes(kind) &&
      tables.some((one) => name.endsWith(` on ${one}`))
    );
  };
  const only = <Value>(
    values: Readonly<Record<string, Value>>,
    keep: (name: string) => boolean,
  ): Record<string, Value> => Object.fromEntries(Object.entries(values).filter(([name]) => keep(name)));
  return {
    objects: only(content.objects, belongs),
    tables: only(content.tables, (name) => chosen.has(name)),
    grants: only(content.grants, (name) => tables.some((one) => name === one || name.startsWith(`${one}(`))),
    ...{ sequences: {}, settings: {}, extensions: {}, materializedViews: {} },
  };
}
