/** A place among the numbers: at a value, or (`after`) just behind it. */
interface Bound {
  readonly at: number;
  readonly after: boolean;
}

/** From `from` on, up to before `to`. */
interface Range {
  readonly from: Bound;
  readonly to: Bound;
}

/** Numbers, as ranges in order that do not touch. */
export type ValueSet = readonly Range[];

const least: Bound = { at: Number.NEGATIVE_INFINITY, after: false };
const most: Bound = { at: Number.POSITIVE_INFINITY, after: true };

const order = (a: Bound, b: Bound): number =>
  a.at === b.at ? Number(a.after) - Number(b.after) : a.at < b.at ? -1 : 1;
const later = (a: Bound, b: Bound): Bound => (order(a, b) < 0 ? b : a);
const earlier = (a: Bound, b: Bound): Bound => (order(a, b) < 0 ? a : b);

export const allValues: ValueSet = [{ from: least, to: most }];

/** Those that compare so with the value; `undefined` where the sign is no comparison. */
export function valuesThat(sign: string, value: number): ValueSet | undefined {
  const [at, behind] = [
    { at: value, after: false },
    { at: value, after: true },
  ];
  if (sign === ">") return [{ from: behind, to: most }];
  if (sign === ">=") return [{ from: at, to: most }];
  if (sign === "<") return [{ from: least, to: at }];
  if (sign === "<=") return [{ from: least, to: behind }];
  if (sign === "==") return [{ from: at, to: behind }];
  return sign === "!=" ? outside([{ from: at, to: behind }]) : undefined;
}

export function both(a: ValueSet, b: ValueSet): ValueSet {
  const shared = a.flatMap((one) =>
    b.map((other) => ({ from: later(one.from, other.from), to: earlier(one.to, other.to) })),
  );
  return shared.filter(({ from, to }) => order(from, to) < 0).toSorted((x, y) => order(x.from, y.from));
}

export const either = (a: ValueSet, b: ValueSet): ValueSet => outside(both(outside(a), outside(b)));

export function outside(set: ValueSet): ValueSet {
  const ends = [{ to: least }, ...set];
  const gaps = ends.map(({ to }, index) => ({ from: to, to: set[index]?.from ?? most }));
  return gaps.filter(({ from, to }) => order(from, to) < 0);
}

export const isWithin = (a: ValueSet, b: ValueSet): boolean => both(a, outside(b)).length === 0;
export const isSame = (a: ValueSet, b: ValueSet): boolean => isWithin(a, b) && isWithin(b, a);

/** Nothing on one side ends it: `x > 5`, or `x < 5`. */
export const reaches = (set: ValueSet, side: "up" | "down"): boolean =>
  side === "up" ? set.at(-1)?.to.at === most.at : set[0]?.from.at === least.at;

/** `above 5`, `from 2 up to and with 3`. */
export function valuesText(set: ValueSet): string {
  return set.map(rangeText).join(" and ");
}

function rangeText({ from, to }: Range): string {
  if (from.at === to.at) return `at ${from.at}`;
  const low = from.at === least.at ? "" : from.after ? `above ${from.at}` : `from ${from.at}`;
  const high = to.at === most.at ? "" : to.after ? `up to ${to.at}` : `below ${to.at}`;
  return [low, high].filter((text) => text !== "").join(" and ") || "at any value";
}
