import { identifier, literal } from "../../clients/postgres/identifier.js";
import type { CapturedDatabase } from "./captured-database.js";
import { noted } from "./noted-number.js";
import type { ForeignKey, Surroundings, Trigger } from "./surroundings.js";

/**
 * Refilled where its definition is the one that comes back, so that all that depends on it stays; else made anew; dropped where
 * there was none.
 */
export type TableWay = { readonly name: string; readonly way: "rows" | "anew" | "gone" };

export interface TablesScript {
  readonly tables: readonly TableWay[];
  readonly around: Surroundings;
  /** Foreign keys that come with the tables that are made anew. */
  readonly coming: readonly ForeignKey[];
  readonly data: CapturedDatabase;
  readonly limitMs: number;
  /** The transaction's number goes there before anything is touched. */
  readonly noteFile: string;
  /** The user may change the database's own entry. */
  readonly owner: boolean;
}

const alter = (table: string, what: string): string => `alter table ${table} ${what};`;

const droppedOf = ({ tables }: TablesScript): Set<string> =>
  new Set(tables.filter(({ way }) => way !== "rows").map(({ name }) => name));

/** Everything that is going to be touched, here and at the other end of a foreign key, is locked before anything is. */
export function clearTables(script: TablesScript): string {
  const { around, tables, coming, limitMs, noteFile } = script;
  const there = (name: string): boolean => Object.hasOwn(around.there, name);
  const chosen = tables.map(({ name }) => name).filter(there);
  const others = [...around.foreignKeys, ...coming].flatMap(({ table, references }) => [table, references]);
  const neighbours = [...new Set(others)].filter((name) => !tables.some((one) => one.name === name));
  const refilled = tables.filter(({ way }) => way === "rows").map(({ name }) => name);
  const dropped = chosen.filter((name) => droppedOf(script).has(name));
  return lines([
    `set local lock_timeout = ${limitMs}; set local search_path = '';`,
    ...[...chosen, ...neighbours].sort().map((name) => `lock table ${name} in access exclusive mode;`),
    ...noted(noteFile),
    ...around.foreignKeys.map(({ table, name }) => alter(table, `drop constraint ${identifier(name)}`)),
    ...triggersOf(script).map(({ table, name }) => alter(table, `disable trigger ${identifier(name)}`)),
    refilled.length === 0 ? "" : `truncate only ${refilled.join(", only ")};`,
    // Without CASCADE: what nobody has seen in the plan keeps all of it from happening.
    dropped.length === 0 ? "" : `drop table ${dropped.join(", ")};`,
  ]);
}

const firing = { O: "enable trigger", A: "enable always trigger", R: "enable replica trigger" } as const;

const triggersOf = (script: TablesScript): (Trigger & { readonly enabled: keyof typeof firing })[] =>
  script.around.triggers.flatMap((one) => {
    const { enabled } = one;
    const fires = enabled === "O" || enabled === "A" || enabled === "R";
    return fires && !droppedOf(script).has(one.table) ? [{ ...one, enabled }] : [];
  });

/** Foreign keys are checked against every row as they are made again: one that does not fit, and nothing has happened. */
export function finishTables(script: TablesScript): string {
  const { around, data, limitMs, owner } = script;
  const tables = script.tables.filter(({ way }) => way !== "gone");
  const dropped = droppedOf(script);
  const counts = tables.map(
    ({ name }) =>
      `if (select count(*) from only ${name}) <> ${data.content.tables[name]?.rows ?? 0} then
         raise exception '% does not have the captured % rows', ${literal(name)}, ${data.content.tables[name]?.rows ?? 0}; end if;`,
  );
  return lines([
    `set local search_path = ''; set local lock_timeout = ${limitMs};`,
    ...around.foreignKeys.filter(({ table }) => !dropped.has(table)).flatMap(madeAgain),
    ...triggersOf(script).map(({ table, name, enabled }) =>
      alter(table, `${firing[enabled]} ${identifier(name)}`),
    ),
    `do $finish$ begin ${counts.join("\n")} end $finish$;`,
    ...around.materializedViews.map((name) => `refresh materialized view ${name};`),
    ...tables.map(({ name }) => `analyze ${name};`),
    // Rows that are written from now on are told apart by it: see `verify`.
    owner
      ? `do $entry$ begin execute format('alter database %I connection limit %s', current_database(),
           (select datconnlimit from pg_database where datname = current_database())); end $entry$;`
      : "",
  ]);
}

const madeAgain = ({ table, name, definition, comment }: ForeignKey): string[] => [
  alter(table, `add constraint ${identifier(name)} ${definition}`),
  comment === "" ? "" : `comment on constraint ${identifier(name)} on ${table} is ${literal(comment)};`,
];

const lines = (all: readonly string[]): string => `${all.filter((line) => line !== "").join("\n")}\n`;
