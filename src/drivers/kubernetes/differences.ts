import { contentDigest } from "../../core/content-digest.js";
import { canonicalJson, type Json, type JsonObject } from "../../core/json.js";
import { isWorkload, nameOf, type Piece, type Snapshot } from "./piece.js";

/** One place in which what is there differs from what was captured. Values that may be secret are hidden. */
export type Change = {
  /** `Deployment/api`. */
  readonly object: string;
  /** `/spec/template/spec/containers/app/image`: a list's members are named where they have names. */
  readonly path: string;
  readonly captured: string;
  readonly now: string;
};

type Leaf = { readonly path: string; readonly value: Json };

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const escaped = (key: string): string => key.replaceAll("~", "~0").replaceAll("/", "~1");

/** Members of a list by name, where each has one and no two the same. */
function namesOf(list: readonly Json[]): string[] | undefined {
  const names = list.map((one) => (isObject(one) ? one["name"] : undefined));
  const texts = names.filter((one): one is string => typeof one === "string");
  return texts.length === list.length && new Set(texts).size === texts.length ? texts : undefined;
}

/** The members of an object or of a list, by the keys that paths have for them. */
function members(value: Json): [string, Json][] | undefined {
  if (isObject(value)) return Object.entries(value);
  if (!Array.isArray(value)) return undefined;
  const list = value as readonly Json[];
  const names = namesOf(list);
  return list.map((one, index) => [names?.[index] ?? String(index), one]);
}

export function leavesOf(value: Json, path = ""): Leaf[] {
  const below = members(value);
  if (below === undefined || below.length === 0) return [{ path, value }];
  return below.flatMap(([key, member]) => leavesOf(member, `${path}/${escaped(key)}`));
}

const secretPlaces = /\/(env\/[^/]+\/value|args\/[^/]+|command\/[^/]+)$/;

/** Where passwords stand in many clusters, though they should not. */
const mayBeSecret = ({ kind }: Piece, path: string): boolean =>
  kind === "Secret" || secretPlaces.test(path) || path.startsWith("/binaryData/");

const shown = (piece: Piece, { path, value }: Leaf): string => {
  const text = typeof value === "string" ? value : canonicalJson(value);
  const short = text.length <= 200 ? JSON.stringify(value) : `${JSON.stringify(text.slice(0, 160))}…`;
  if (piece.kind === "Secret") return "hidden";
  return mayBeSecret(piece, path) ? `hidden (${contentDigest(text).slice(7, 15)})` : short;
};

const absent = "nothing";

export function compare(captured: Snapshot, now: Snapshot): Change[] {
  const keys = [...new Set([...Object.keys(captured), ...Object.keys(now)])].sort();
  return keys.flatMap((object) => {
    const [then, present] = [captured[object], now[object]];
    // What came since and belongs to nothing that was captured goes with the template that uses it.
    if (then === undefined) return [];
    if (present === undefined) return [{ object, path: "", captured: "as captured", now: absent }];
    return compareContents(object, then, present);
  });
}

function compareContents(object: string, then: Piece, now: Piece): Change[] {
  const [old, present] = [then.content, now.content].map(
    (content) => new Map(leavesOf(content).map((leaf) => [leaf.path, leaf])),
  ) as [Map<string, Leaf>, Map<string, Leaf>];
  const paths = [...new Set([...old.keys(), ...present.keys()])].sort();
  return paths.flatMap((path) => {
    const [before, after] = [old.get(path), present.get(path)];
    if (before !== undefined && after !== undefined) {
      if (canonicalJson(before.value) === canonicalJson(after.value)) return [];
    }
    // An empty list against its members says what the members say.
    if (isEmptyAgainstMembers(before, path, present) || isEmptyAgainstMembers(after, path, old)) return [];
    const text = (leaf: Leaf | undefined, piece: Piece) => (leaf === undefined ? absent : shown(piece, leaf));
    return [{ object, path, captured: text(before, then), now: text(after, now) }];
  });
}

const isEmptyAgainstMembers = (leaf: Leaf | undefined, path: string, others: Map<string, Leaf>): boolean =>
  leaf !== undefined &&
  typeof leaf.value === "object" &&
  [...others.keys()].some((other) => other.startsWith(`${path}/`));

/** `Deployment/api` + path below it, as `keep` names it: `/spec/…` is every workload's, `ConfigMap/NAME/data/KEY` that object's. */
export const keepMatches = (keep: string, { object, path }: Pick<Change, "object" | "path">): boolean => {
  const [named, place] = keep.startsWith("/") ? ["", keep] : splitKeep(keep);
  if (named === "" ? !isWorkload(nameOf(object).kind) : named !== object) return false;
  return path === place || path.startsWith(`${place}/`);
};

export function splitKeep(keep: string): [object: string, path: string] {
  const [kind = "", name = "", ...rest] = keep.split("/");
  return [`${kind}/${name}`, rest.length === 0 ? "" : `/${rest.join("/")}`];
}

/** The captured content with what is there now at the kept paths. */
export function keeping(then: JsonObject, now: JsonObject | undefined, paths: readonly string[]): JsonObject {
  return paths.reduce<JsonObject>(
    (content, path) => overlay(content, now, path.split("/").slice(1)) as JsonObject,
    then,
  );
}

const unescaped = (key: string): string => key.replaceAll("~1", "/").replaceAll("~0", "~");

function overlay(then: Json | undefined, now: Json | undefined, keys: readonly string[]): Json | undefined {
  const [head, ...rest] = keys;
  if (head === undefined) return now;
  const key = unescaped(head);
  const [old, present] = [memberAt(then, key), memberAt(now, key)];
  if (old === undefined && present === undefined) return then;
  const changed = overlay(old, present, rest);
  if (Array.isArray(then)) return replaceMember(then as readonly Json[], key, changed);
  if (then === undefined && Array.isArray(now)) return changed === undefined ? undefined : [changed];
  const base = isObject(then) ? then : {};
  const { [key]: _old, ...others } = base;
  return changed === undefined ? others : { ...base, [key]: changed };
}

function memberAt(value: Json | undefined, key: string): Json | undefined {
  if (value === undefined) return undefined;
  return members(value)?.find(([name]) => name === key)?.[1];
}

function replaceMember(list: readonly Json[], key: string, member: Json | undefined): Json[] {
  const keys = (members(list) ?? []).map(([name]) => name);
  const at = keys.indexOf(key);
  if (at < 0) return member === undefined ? [...list] : [...list, member];
  return list.flatMap((one, index) => (index === at ? (member === undefined ? [] : [member]) : [one]));
}
