import type { Condition } from "../decision/condition.js";

interface Conditional {
  readonly condition: Condition;
}

/** Things with a condition, found by what that looks at. */
export interface TiedConditions<Item extends Conditional> {
  add(item: Item): void;
  /** Whether the condition of one of them looks at the variable. */
  mention(name: string): boolean;
  /** Those whose conditions have to do with these variables. */
  tiedTo(names: Iterable<string>): ReadonlySet<Item>;
  /** Those that have to do with these conditions, directly or through others; all of them where there are none of these. */
  linkedTo(here: readonly Conditional[]): Item[];
}

/** It has to do with every trigger. */
const verdict = "verdict";

export function tiedConditions<Item extends Conditional>(): TiedConditions<Item> {
  const all: Item[] = [];
  const byName = new Map<string, Item[]>();
  const naming = (name: string): readonly Item[] => (name === verdict ? all : (byName.get(name) ?? []));
  function tiedTo(names: Iterable<string>): Set<Item> {
    const tied = new Set(byName.get(verdict));
    for (const name of names) for (const item of naming(name)) tied.add(item);
    return tied;
  }
  return {
    add(item) {
      all.push(item);
      for (const name of item.condition.variables) {
        const same = byName.get(name);
        if (same === undefined) byName.set(name, [item]);
        else same.push(item);
      }
    },
    mention: (name) => byName.has(name),
    tiedTo,
    linkedTo(here) {
      if (here.length === 0) return [...all];
      const names = new Set(here.flatMap(({ condition }) => condition.variables));
      const linked = tiedTo(names);
      // Both loops go on to what is added on the way.
      for (const { condition } of linked) {
        for (const name of condition.variables) {
          if (names.has(name)) continue;
          names.add(name);
          for (const item of naming(name)) linked.add(item);
        }
      }
      return [...linked];
    },
  };
}
