import { CORE_SCHEMA, load } from "js-yaml";
import type { JsonObject } from "../json.js";
import type { PlaybookSource } from "./parse-playbook.js";

const mostCharacters = 1_000_000;

/**
 * What a second parser might see another way, or what has limits of its own: anchors, aliases, tags, merge keys,
 * directives, several documents, tabs, keys that are no words, names that objects have anyway.
 */
const unusual =
  /(?:^\s*|[:?-]\s+|[[{,]\s*)[&*!]|<<|\t|\r|^(?:%|---|\.\.\.)|^\s*\?|__proto__|constructor|prototype|[^\n -~\xa0-\ud7ff\ue000-\ufffd]/m;

/**
 * A playbook without anything unusual, read by a parser that is several times as fast and keeps no positions. For a
 * playbook without problems that is all there is to it; whoever finds one reads again with `readPlaybook`, which knows
 * where everything stands. `undefined` where only that one will do.
 */
export function quickSource({ text, file }: { text: string; file: string }): PlaybookSource | undefined {
  if (text.length > mostCharacters || unusual.test(text)) return undefined;
  const tree = plainMap(text);
  if (tree === undefined) return undefined;
  const place = () => ({ line: 1, column: 1 });
  return { file, tree, where: { file, text, place, find: () => undefined }, problems: [] };
}

function plainMap(text: string): JsonObject | undefined {
  try {
    const value: unknown = load(text, { schema: CORE_SCHEMA });
    const isMap = typeof value === "object" && value !== null && !Array.isArray(value);
    return isMap ? (value as JsonObject) : undefined;
  } catch {
    return undefined;
  }
}
