import {
  type Alias,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  type Scalar,
  type YAMLMap,
} from "yaml";
import type { Json, JsonObject } from "../json.js";
import { quoted } from "./suggestion.js";
import type { Path, ProblemList, Segment, Spot } from "./where.js";

const mostValues = 200_000;
const mostDepth = 50;
/** Names that mean something to JavaScript itself. */
const refusedKeys = new Set(["__proto__", "constructor", "prototype"]);

/** Thrown where the values cannot be held: an alias bomb, a tower of brackets. */
export class TooMuchYaml extends Error {}

export type Aliases = Map<Alias, Node>;

const nameOf = ({ value, source }: Scalar): string =>
  typeof value === "string" ? value : (source ?? String(value));

const offsetOf = (node: unknown): number => (isNode(node) ? (node.range?.[0] ?? 0) : 0);

/** `key:` and nothing after it: it stands where its key does. */
const isEmpty = (node: Node): boolean => isScalar(node) && node.value === null && node.source === "";

/** YAML nodes → plain data. What cannot be taken as it is goes to `list`; what an alias stands for, to `aliases`. */
export function yamlValues(
  root: YAMLMap,
  aliases: Aliases,
  list: ProblemList,
  lineOf: (offset: number) => number,
): JsonObject {
  const anchors = new Map<string, Node>();
  const open = new Set<Node>();
  /** Where the walk is. */
  const way: Segment[] = [];
  let values = 0;

  const refuse = (node: unknown, message: string, hint?: string) =>
    list.error([...way], message, hint, { offset: offsetOf(node) });

  /** Whether the key, at the end of `way`, can be taken. */
  function acceptable(key: Scalar, name: string, first: number | undefined): boolean {
    if (first !== undefined) {
      const twice = `the key ${quoted(name)} stands here twice, first on line ${lineOf(first)}`;
      refuse(key, twice, "remove or rename one of them");
    } else if (refusedKeys.has(name)) {
      refuse(key, `the name ${quoted(name)} cannot be used`, "choose another name");
    } else if (name === "<<") {
      const hint = "repeat the keys, or use an alias for the whole value";
      refuse(key, 'merge keys ("<<") are not part of YAML 1.2', hint);
    } else return true;
    return false;
  }

  function mapOf(node: YAMLMap): JsonObject {
    const seen = new Map<string, number>();
    const result: Record<string, Json> = {};
    for (const { key, value } of node.items) {
      if (!isScalar(key) || key.value === null) {
        refuse(key, "a key must be a word", "put it into quotes");
        continue;
      }
      const name = nameOf(key);
      way.push(name);
      if (acceptable(key, name, seen.get(name))) {
        seen.set(name, offsetOf(key));
        result[name] = isNode(value) ? valueOf(value) : null;
      }
      way.pop();
    }
    return result;
  }

  function listOf(items: readonly unknown[]): Json[] {
    return items.map((item, index) => {
      way.push(index);
      const value = isNode(item) ? valueOf(item) : null;
      way.pop();
      return value;
    });
  }

  function scalarOf(node: Scalar): Json {
    const { value, source } = node;
    if (typeof value === "string" || typeof value === "boolean") return value;
    if (typeof value !== "number") return null;
    const written = source ?? String(value);
    const quote = `put it into quotes: "${written}"`;
    if (!Number.isFinite(value)) refuse(node, `${written} is no number that can be used`, quote);
    else if (/^[-+]?\d+$/.test(written) && !Number.isSafeInteger(value)) {
      refuse(node, `${written} is too large to be kept exactly as a number`, quote);
    } else if (/^[-+]?0\d/.test(written)) {
      list.warn([...way], `${written} is read as the number ${value}`, quote, { offset: offsetOf(node) });
    }
    return value;
  }

  function anchored(alias: Alias): Json {
    const name = alias.source;
    const node = anchors.get(name);
    if (node === undefined) refuse(alias, `the alias *${name} has no anchor &${name} above it`);
    else if (open.has(node)) refuse(alias, `the alias *${name} stands inside its own anchor`);
    else {
      aliases.set(alias, node);
      return valueOf(node);
    }
    return null;
  }

  function valueOf(node: Node): Json {
    if (++values > mostValues) throw new TooMuchYaml(`more than ${mostValues} values, aliases expanded`);
    if (way.length > mostDepth) throw new TooMuchYaml(`nested deeper than ${mostDepth} levels`);
    if (isAlias(node)) return anchored(node);
    if ("anchor" in node && node.anchor) anchors.set(node.anchor, node);
    if (isScalar(node)) return scalarOf(node);
    open.add(node);
    const value = isMap(node) ? mapOf(node) : listOf(isSeq(node) ? node.items : []);
    open.delete(node);
    return value;
  }

  return mapOf(root);
}

/** Finds where a path stands. Nothing is noted while reading: most playbooks have no problems. */
export function yamlFinder(root: YAMLMap, aliases: Aliases): (path: Path) => Spot | undefined {
  const indexes = new Map<YAMLMap, ReadonlyMap<string, Pair>>();
  const indexOf = (map: YAMLMap) => {
    const known = indexes.get(map);
    if (known !== undefined) return known;
    const index = new Map<string, Pair>();
    for (const pair of map.items) {
      if (isScalar(pair.key) && !index.has(nameOf(pair.key))) index.set(nameOf(pair.key), pair);
    }
    indexes.set(map, index);
    return index;
  };

  return (path) => {
    let node: unknown = root;
    let spot: Spot = { value: offsetOf(root) };
    for (const segment of path) {
      while (isAlias(node)) node = aliases.get(node);
      if (isMap(node)) {
        const pair = indexOf(node).get(String(segment));
        if (pair === undefined) return undefined;
        const key = offsetOf(pair.key);
        node = pair.value;
        spot = { key, value: isNode(node) && !isEmpty(node) ? offsetOf(node) : key };
      } else {
        if (!isSeq(node) || !isNode(node.items[Number(segment)])) return undefined;
        node = node.items[Number(segment)];
        spot = { value: offsetOf(node) };
      }
    }
    return spot;
  };
}
