import { identifier, qualified } from "../../clients/postgres/identifier.js";
import { parseQualified } from "../../clients/postgres/parse-name.js";

export const kinds = ["index", "view", "materialized_view", "function", "job"] as const;
export type Kind = (typeof kinds)[number];

/** One object of the database, as the playbook names it, taken apart. */
export type ObjectName = {
  readonly kind: Kind;
  readonly schema: string;
  readonly name: string;
  /** Of a function: what stands between its parentheses. */
  readonly args: string;
  /** For messages: `index public.orders_by_note`. */
  readonly shown: string;
};

/** `schema.name`, `"Quoted ""names"""`, `public` where no schema is named; of a function with its arguments' types. */
export function parseName(kind: Kind, text: string): ObjectName | string {
  if (kind === "job") return { kind, schema: "cron", name: text, args: "", shown: `job "${text}"` };
  const read = parseQualified(text);
  if (read === undefined || read.parts.length > 2) {
    return `"${text}" is no name as SQL writes it: schema.name, in double quotes where it has capitals or blanks`;
  }
  const [schema, name] = read.parts.length === 2 ? read.parts : ["public", ...read.parts];
  const args = /^\(([^;]*)\)$/.exec(read.rest)?.[1]?.trim();
  if (kind === "function" ? args === undefined : read.rest !== "") {
    return kind === "function"
      ? `"${text}" has no arguments' types behind it; write them, or (), since several functions may share a name`
      : `"${text}" has "${read.rest}" behind the name`;
  }
  const known = { kind, schema: schema ?? "", name: name ?? "", args: args ?? "" };
  const plain = (word: string): string => (/^[a-z_][a-z0-9_$]*$/.test(word) ? word : identifier(word));
  const shown = `${plain(known.schema)}.${plain(known.name)}${kind === "function" ? `(${known.args})` : ""}`;
  return { ...known, shown: `${kind.replace("_", " ")} ${shown}` };
}

/** In SQL. */
export const sqlName = ({ schema, name, kind, args }: ObjectName): string =>
  kind === "function" ? `${qualified(schema, name)}(${args})` : qualified(schema, name);
