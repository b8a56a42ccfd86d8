import { CORE_SCHEMA, constructFromEvents, type Event, parseEvents } from "js-yaml";
import type { JsonObject } from "../json.js";
import type { PlaybookSource } from "./parse-playbook.js";
import { quickFinder } from "./quick-finder.js";
import { placeIn, type Where } from "./where.js";

const mostCharacters = 1_000_000;
const mostDepth = 50;

/**
 * What a second parser might see another way, or what has limits of its own: anchors, aliases, tags, merge keys,
 * directives, several documents, tabs, keys that are no words, names that objects have anyway.
 */
const unusual =
  /(?:^\s*|[:?-]\s+|[[{,]\s*)[&*!]|<<|\t|\r|^(?:%|---|\.\.\.)|^\s*\?|__proto__|constructor|prototype|\ufeff|[^\n -~\xa0-\ud7ff\ue000-\ufffd]/m;

/** Numbers about which there is something to say: `010`, more digits than can be kept, `.inf`, `.nan`. */
const oddNumber = /(?:^|[\s,[])[-+]?(?:0\d|\d{15}|\.(?:inf|nan))/im;

/**
 * A playbook without anything unusual, read by a parser that is several times as fast. `undefined` where only
 * `readPlaybook` will do, which knows what is wrong with a text that is no YAML, or not quite.
 */
export function quickSource({ text, file }: { text: string; file: string }): PlaybookSource | undefined {
  if (text.length > mostCharacters || unusual.test(text) || oddNumber.test(text)) return undefined;
  const parsed = plainMap(text);
  if (parsed === undefined) return undefined;
  const where: Where = { file, text, place: placeIn(text), find: quickFinder(text, parsed.events) };
  return { file, tree: parsed.tree, where, problems: [] };
}

function plainMap(text: string): { tree: JsonObject; events: readonly Event[] } | undefined {
  try {
    const events = parseEvents(text, { maxDepth: mostDepth });
    const [tree, ...others] = constructFromEvents(events, { schema: CORE_SCHEMA, source: text });
    const isMap = typeof tree === "object" && tree !== null && !Array.isArray(tree);
    return isMap && others.length === 0 ? { tree: tree as JsonObject, events } : undefined;
  } catch {
    return undefined;
  }
}
