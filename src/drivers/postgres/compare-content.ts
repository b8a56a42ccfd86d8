import type { Check } from "../../core/driver.js";
import type { Content, TableContent } from "./captured-database.js";

/** One check for each kind of thing and one for each table: none is left out (M17: not a sample). */
export function compareContents(then: Content, now: Content): Check[] {
  return [...compareSchemas(then, now), ...compareTables(then, now), sequencesSame(then, now)];
}

/** All but rows and sequences, which a serving application moves on. */
export function compareSchemas(then: Omit<Content, "tables">, now: Omit<Content, "tables">): Check[] {
  return [
    ...compareObjects(then, now),
    sameMap("settings of the database", "settings", then.settings, now.settings),
    sameMap("materialized views", "views", then.materializedViews, now.materializedViews),
    extensionsThere(then.extensions, now.extensions),
  ];
}

export const compareObjects = (
  then: Pick<Content, "objects" | "grants">,
  now: Pick<Content, "objects" | "grants">,
): Check[] => [
  sameMap("schema", "objects", then.objects, now.objects),
  sameMap("owners and privileges", "objects", then.grants, now.grants),
];

export const sequencesSame = (then: Content, now: Content): Check =>
  sameMap("sequences", "sequences", then.sequences, now.sequences);

const compareTables = (then: Content, now: Content): Check[] => [
  ...Object.entries(then.tables).map(([name, table]) =>
    Object.hasOwn(then.materializedViews, name)
      ? sameView(name, table, now.tables[name])
      : sameTable(name, table, now.tables[name]),
  ),
  ...Object.keys(now.tables)
    .filter((name) => !Object.hasOwn(then.tables, name))
    .map(
      (name): Check => ({
        name: `table ${name}`,
        result: "failed",
        expected: "not there",
        actual: textOf(now.tables[name]),
      }),
    ),
];

export const sameTable = (name: string, then: TableContent, now: TableContent | undefined): Check => ({
  name: `table ${name}`,
  result: now !== undefined && then.rows === now.rows && then.digest === now.digest ? "passed" : "failed",
  expected: textOf(then),
  actual: textOf(now),
});

/** Restored, it is refreshed from the restored tables: it has the captured rows only where it was up to date when captured. */
export function sameView(name: string, then: TableContent, now: TableContent | undefined): Check {
  const check = sameTable(name, then, now);
  if (check.result === "passed" || now === undefined) return check;
  return { ...check, result: "passed", message: "refreshed: was not up to date when it was captured" };
}

const textOf = (table: TableContent | undefined): string =>
  table === undefined ? "missing" : `${table.rows} rows, digest ${table.digest}`;

export interface MapDifference {
  readonly missing: readonly string[];
  readonly added: readonly string[];
  readonly changed: readonly string[];
}

export function differenceOf(
  then: Readonly<Record<string, string>>,
  now: Readonly<Record<string, string>>,
): MapDifference {
  const names = Object.keys(then);
  return {
    missing: names.filter((name) => !Object.hasOwn(now, name)),
    added: Object.keys(now).filter((name) => !Object.hasOwn(then, name)),
    changed: names.filter((name) => Object.hasOwn(now, name) && now[name] !== then[name]),
  };
}

const shown = 8;

function sameMap(
  name: string,
  what: string,
  then: Readonly<Record<string, string>>,
  now: Readonly<Record<string, string>>,
): Check {
  const { missing, added, changed } = differenceOf(then, now);
  const same = missing.length + added.length + changed.length === 0;
  const expected = `${Object.keys(then).length} ${what}`;
  if (same) return { name, result: "passed", expected, actual: expected };
  const list = (kind: string, names: readonly string[]): string[] =>
    names.length === 0
      ? []
      : [
          `${kind}: ${names.slice(0, shown).join(", ")}${names.length > shown ? ` and ${names.length - shown} more` : ""}`,
        ];
  const actual = [
    ...list("missing", missing),
    ...list("not expected", added),
    ...list("different", changed),
  ].join("; ");
  return { name, result: "failed", expected, actual };
}

/** pg_restore makes an extension in the version that the server has: another one is told, and is no failure. */
function extensionsThere(
  then: Readonly<Record<string, string>>,
  now: Readonly<Record<string, string>>,
): Check {
  const { missing, added, changed } = differenceOf(then, now);
  if (missing.length + added.length > 0) {
    return sameMap("extensions", "extensions", then, {
      ...now,
      ...Object.fromEntries(changed.map((name) => [name, then[name] ?? ""])),
    });
  }
  const expected = `${Object.keys(then).length} extensions`;
  const other = changed.map((name) => `${name} is ${now[name]}, was ${then[name]}`).join("; ");
  return {
    name: "extensions",
    result: "passed",
    expected,
    actual: expected,
    ...(other === "" ? {} : { message: other }),
  };
}
