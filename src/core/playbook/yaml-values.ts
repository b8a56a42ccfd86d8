import {
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
import { childPath, type Path, type ProblemList, type Spot } from "./where.js";

const mostValues = 200_000;
const mostDepth = 50;
/** Names that mean something to JavaScript itself. */
const refusedKeys = new Set(["__proto__", "constructor", "prototype"]);

/** Thrown where the values cannot be held: an alias bomb, a tower of brackets. */
export class TooMuchYaml extends Error {}

/** YAML nodes → plain data. Notes in `spots` where each value stands, and in `list` what cannot be taken as it is. */
export function yamlValues(
  root: YAMLMap,
  spots: Map<string, Spot>,
  list: ProblemList,
  lineOf: (offset: number) => number,
): JsonObject {
  const anchors = new Map<string, Node>();
  const open = new Set<Node>();
  let values = 0;

  function keyOf(
    pair: Pair,
    path: Path,
    text: string,
    seen: ReadonlyMap<string, number>,
  ): string | undefined {
    const { key } = pair;
    const offset = isNode(key) ? (key.range?.[0] ?? 0) : 0;
    if (!isScalar(key) || key.value === null) {
      list.error(path, "a key must be a word", "put it into quotes", { offset });
      return undefined;
    }
    const name = typeof key.value === "string" ? key.value : (key.source ?? String(key.value));
    const refuse = (message: string, hint: string) => {
      list.error([...path, name], message, hint, { offset });
      return undefined;
    };
    const first = seen.get(name);
    if (first !== undefined) {
      const twice = `the key ${quoted(name)} stands here twice, first on line ${lineOf(first)}`;
      return refuse(twice, "remove or rename one of them");
    }
    if (refusedKeys.has(name))
      return refuse(`the name ${quoted(name)} cannot be used`, "choose another name");
    if (name === "<<") {
      return refuse(
        'merge keys ("<<") are not part of YAML 1.2',
        "repeat the keys, or use an alias for the whole value",
      );
    }
    spots.set(childPath(text, name), { key: offset, value: offset });
    return name;
  }

  function mapOf(node: YAMLMap, path: Path, text: string): JsonObject {
    const seen = new Map<string, number>();
    const result: Record<string, Json> = {};
    for (const pair of node.items) {
      const name = keyOf(pair, path, text, seen);
      if (name === undefined) continue;
      seen.set(name, spots.get(childPath(text, name))?.key ?? 0);
      result[name] = isNode(pair.value) ? valueOf(pair.value, [...path, name], childPath(text, name)) : null;
    }
    return result;
  }

  function scalarOf({ value, source }: Scalar, path: Path): Json {
    if (typeof value === "string" || typeof value === "boolean") return value;
    if (typeof value !== "number") return null;
    const written = source ?? String(value);
    const quote = `put it into quotes: "${written}"`;
    if (!Number.isFinite(value)) list.error(path, `${written} is no number that can be used`, quote);
    else if (/^[-+]?\d+$/.test(written) && !Number.isSafeInteger(value)) {
      list.error(path, `${written} is too large to be kept exactly as a number`, quote);
    } else if (/^[-+]?0\d/.test(written)) {
      list.warn(path, `${written} is read as the number ${value}`, quote);
    }
    return value;
  }

  function anchored(name: string, path: Path, text: string): Json {
    const node = anchors.get(name);
    if (node === undefined) list.error(path, `the alias *${name} has no anchor &${name} above it`);
    else if (open.has(node)) list.error(path, `the alias *${name} stands inside its own anchor`);
    else return valueOf(node, path, text);
    return null;
  }

  function valueOf(node: Node, path: Path, text: string): Json {
    if (++values > mostValues)
      throw new TooMuchYaml(`it holds more than ${mostValues} values, aliases expanded`);
    if (path.length > mostDepth) throw new TooMuchYaml(`it nests deeper than ${mostDepth} levels`);
    const key = spots.get(text)?.key;
    spots.set(text, { ...(key === undefined ? {} : { key }), value: node.range?.[0] ?? 0 });
    if (isAlias(node)) return anchored(node.source, path, text);
    if ("anchor" in node && node.anchor) anchors.set(node.anchor, node);
    if (isScalar(node)) return scalarOf(node, path);
    open.add(node);
    const items = isSeq(node) ? node.items : [];
    const value = isMap(node)
      ? mapOf(node, path, text)
      : items.map((item, index) =>
          isNode(item) ? valueOf(item, [...path, index], childPath(text, index)) : null,
        );
    open.delete(node);
    return value;
  }

  const value = valueOf(root, [], "");
  return value as JsonObject;
}
