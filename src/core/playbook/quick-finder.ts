import { EVENT_ID, type Event, getScalarValue, SCALAR_STYLE, type ScalarEvent } from "js-yaml";
import type { Path, Spot } from "./where.js";

/** A value in the text: the number of its event, and where its name stands. */
interface Child {
  readonly at: number;
  readonly key?: number;
}

/** Where each path of a parsed text stands, in the way of `yamlFinder`. Only what is on the way to it is looked into. */
export function quickFinder(text: string, events: readonly Event[]): (path: Path) => Spot | undefined {
  const looked = new Map<number, ReadonlyMap<string, Child>>();
  const childrenAt = (parent: number): ReadonlyMap<string, Child> => {
    const children = looked.get(parent) ?? childrenOf(text, events, parent);
    looked.set(parent, children);
    return children;
  };
  return (path) => {
    let found: Child | undefined = { at: events.findIndex(({ type }) => type !== EVENT_ID.DOCUMENT) };
    for (const segment of path) found = found && childrenAt(found.at).get(String(segment));
    return found && spotOf(text, events[found.at], found.key);
  };
}

/** By name, or by number, what is inside the map or list that begins there. Of the same name the first. */
function childrenOf(text: string, events: readonly Event[], parent: number): ReadonlyMap<string, Child> {
  const children = new Map<string, Child>();
  const type = events[parent]?.type;
  if (type !== EVENT_ID.MAPPING && type !== EVENT_ID.SEQUENCE) return children;
  for (let at = parent + 1; at < events.length && events[at]?.type !== EVENT_ID.POP; at = after(events, at)) {
    if (type === EVENT_ID.SEQUENCE) {
      children.set(String(children.size), { at });
      continue;
    }
    const key = events[at];
    at = after(events, at);
    const scalar = key?.type === EVENT_ID.SCALAR ? key : undefined;
    const name = scalar === undefined ? "" : getScalarValue(text, scalar);
    if (!children.has(name))
      children.set(name, scalar === undefined ? { at } : { at, key: startOf(text, scalar) });
  }
  return children;
}

/** Behind the value that begins there. */
function after(events: readonly Event[], from: number): number {
  let next = from;
  let depth = 0;
  do {
    const type = events[next++]?.type;
    if (type === EVENT_ID.MAPPING || type === EVENT_ID.SEQUENCE) depth++;
    else if (type === EVENT_ID.POP) depth--;
  } while (depth > 0 && next < events.length);
  return next;
}

/** An empty value stands where its key does. */
function spotOf(text: string, event: Event | undefined, key?: number): Spot {
  const at = (value: number): Spot => (key === undefined ? { value } : { key, value });
  switch (event?.type) {
    case EVENT_ID.MAPPING:
    case EVENT_ID.SEQUENCE:
      return at(event.start);
    case EVENT_ID.SCALAR:
      return at(event.valueStart < 0 ? (key ?? 0) : startOf(text, event));
    default:
      return at(key ?? 0);
  }
}

/** With its quote, or the sign that opens a block: the parser tells where the words begin. */
function startOf(text: string, { style, valueStart }: ScalarEvent): number {
  if (style === SCALAR_STYLE.SINGLE_QUOTED || style === SCALAR_STYLE.DOUBLE_QUOTED) return valueStart - 1;
  if (style === SCALAR_STYLE.PLAIN) return valueStart;
  const line = text.lastIndexOf("\n", valueStart - 2) + 1;
  const sign = text.slice(line, valueStart - 1).search(/[|>][-+\d]* *(?: #.*)?$/);
  return sign < 0 ? valueStart : line + sign;
}
