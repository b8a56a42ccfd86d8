import { EVENT_ID, type Event, getScalarValue, SCALAR_STYLE, type ScalarEvent } from "js-yaml";
import type { Path, Spot } from "./where.js";

/** A value in the text, and those inside it by their names or numbers. */
interface Found {
  readonly spot: Spot;
  readonly inside: ReadonlyMap<string, Found>;
}

const nothing: ReadonlyMap<string, Found> = new Map();

/** Where each path of a parsed text stands, in the way of `yamlFinder`. Nothing is looked up until it is asked for. */
export function quickFinder(text: string, events: readonly Event[]): (path: Path) => Spot | undefined {
  let root: Found | undefined;
  return (path) => {
    root ??= foundIn(text, events);
    let found: Found | undefined = root;
    for (const segment of path) found = found?.inside.get(String(segment));
    return found?.spot;
  };
}

function foundIn(text: string, events: readonly Event[]): Found {
  let next = 0;

  function children(read: () => [string, Found]): ReadonlyMap<string, Found> {
    const inside = new Map<string, Found>();
    while (events[next]?.type !== EVENT_ID.POP && next < events.length) {
      const [name, found] = read();
      if (!inside.has(name)) inside.set(name, found);
    }
    next++;
    return inside;
  }

  function pair(): [string, Found] {
    const event = events[next++];
    if (event?.type !== EVENT_ID.SCALAR) return ["", value()];
    const key = startOf(text, event);
    return [getScalarValue(text, event), value(key)];
  }

  /** An empty value stands where its key does. */
  function value(key?: number): Found {
    const event = events[next++];
    const at = (offset: number): Spot => (key === undefined ? { value: offset } : { key, value: offset });
    switch (event?.type) {
      case EVENT_ID.MAPPING:
        return { spot: at(event.start), inside: children(pair) };
      case EVENT_ID.SEQUENCE: {
        let index = 0;
        return { spot: at(event.start), inside: children(() => [String(index++), value()]) };
      }
      case EVENT_ID.SCALAR:
        return { spot: at(event.valueStart < 0 ? (key ?? 0) : startOf(text, event)), inside: nothing };
      default:
        return { spot: at(key ?? 0), inside: nothing };
    }
  }

  while (events[next]?.type === EVENT_ID.DOCUMENT) next++;
  return value();
}

/** With its quote, or the sign that opens a block: the parser tells where the words begin. */
function startOf(text: string, { style, valueStart }: ScalarEvent): number {
  if (style === SCALAR_STYLE.SINGLE_QUOTED || style === SCALAR_STYLE.DOUBLE_QUOTED) return valueStart - 1;
  if (style === SCALAR_STYLE.PLAIN) return valueStart;
  const line = text.lastIndexOf("\n", valueStart - 2) + 1;
  const sign = text.slice(line, valueStart - 1).search(/[|>][-+\d]* *(?: #.*)?$/);
  return sign < 0 ? valueStart : line + sign;
}
