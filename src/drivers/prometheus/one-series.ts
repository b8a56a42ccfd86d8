import * as z from "zod";
import type { Json } from "../../core/json.js";
import type { Take } from "./options.js";

/** Prometheus writes times as seconds, values as text. */
const point = z.tuple([z.number(), z.string()]).transform(([at, text]) => ({
  at: Math.round(at * 1_000),
  value: numberOf(text),
  text,
}));
export type Point = z.output<typeof point>;

const labels = z.record(z.string(), z.string());
const result = z.discriminatedUnion("resultType", [
  z.object({ resultType: z.literal("scalar"), result: point }),
  z.object({ resultType: z.literal("string"), result: z.tuple([z.number(), z.string()]) }),
  z.object({
    resultType: z.literal("vector"),
    result: z.array(z.object({ metric: labels, value: point.optional() })),
  }),
  z.object({
    resultType: z.literal("matrix"),
    result: z.array(z.object({ metric: labels, values: z.array(point).optional() })),
  }),
]);

const words: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  "+Inf": Number.POSITIVE_INFINITY,
  "-Inf": Number.NEGATIVE_INFINITY,
};

function numberOf(text: string): number {
  const number = Number(text);
  if (Number.isNaN(number)) return words[text] ?? Number.NaN;
  return number === 0 && text.trim() === "" ? Number.NaN : number;
}

/** The one measured value; nothing; or why there is none: `wrong` where the query can never give one number. */
export type OneSeries =
  | { readonly at: number; readonly value: number }
  | { readonly none: true }
  | { readonly wrong: boolean; readonly fact: string; readonly hint: string };

const wrong = (fact: string, hint: string): OneSeries => ({ wrong: true, fact, hint });
const unmeasured = (fact: string, hint: string): OneSeries => ({ wrong: false, fact, hint });

const aggregate = "make one of them: sum(…), max(…), or more labels in the selector";

export const several = (count: number): OneSeries => wrong(`gives ${count} series, not one`, aggregate);

/** Of an instant query: `asked` is absent. Of a range: it ends with a point at `end`, unless the series has ended. */
export function oneSeries(data: Json, range?: { readonly end: number; readonly take: Take }): OneSeries {
  const read = result.safeParse(data);
  if (!read.success) return unmeasured("gives something that is not a result of Prometheus", "is it one?");
  const { resultType, result: found } = read.data;
  switch (resultType) {
    case "string":
      return wrong("gives a text, not a number", "ask for a number");
    case "scalar":
      return finite(found);
    case "vector": {
      const [first, ...more] = found;
      if (first === undefined) return { none: true };
      if (more.length > 0) return several(found.length);
      return first.value === undefined ? histogram : finite(first.value);
    }
    case "matrix": {
      const [first, ...more] = found;
      if (first === undefined) return { none: true };
      if (more.length > 0) return several(found.length);
      if (range === undefined) {
        const hint = "set `range`, or use a function such as rate(…) or avg_over_time(…)";
        return wrong("gives a range of points, not one value", hint);
      }
      return first.values === undefined ? histogram : overRange(first.values, range);
    }
  }
}

const matrix = z.object({
  resultType: z.literal("matrix"),
  result: z.array(z.object({ metric: labels, values: z.array(z.unknown()).optional() })),
});

/** Every series of an answer over a range, with its labels as text; `undefined` where it is no such answer. */
export function seriesOver(
  data: Json,
): readonly (readonly [labels: string, points: readonly Point[]])[] | undefined {
  const read = matrix.safeParse(data);
  if (!read.success) return undefined;
  // Point by point: a schema for each of a day's half a million would cost more than all the rest.
  return read.data.result.map(({ metric, values = [] }) => [JSON.stringify(metric), pointsIn(values)]);
}

function pointsIn(values: readonly unknown[]): Point[] {
  const points: Point[] = [];
  for (const written of values) {
    if (!Array.isArray(written)) continue;
    const at: unknown = written[0];
    const text: unknown = written[1];
    if (typeof at === "number" && typeof text === "string")
      points.push({ at: Math.round(at * 1_000), value: numberOf(text), text });
  }
  return points;
}

const histogram = wrong(
  "gives a histogram, not a number",
  "use histogram_quantile(…), histogram_count(…) or histogram_avg(…)",
);

export function finite({ at, value, text }: Point): OneSeries {
  if (Number.isFinite(value)) return { at, value };
  const nothing = value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY;
  const hint = nothing
    ? "something is divided by zero: was there any request?"
    : "nothing was divided by nothing: was there any request?";
  return unmeasured(`gives "${text}", which measures nothing`, hint);
}

export function overRange(points: readonly Point[], { end, take }: { end: number; take: Take }): OneSeries {
  const last = points.at(-1);
  if (last === undefined) return { none: true };
  if (last.at < end) {
    const fact = `gives a series that ended ${Math.round((end - last.at) / 1_000)} s ago: it is stale`;
    return unmeasured(fact, "is its target still up, and scraped?");
  }
  const measured = points.filter(({ value }) => Number.isFinite(value));
  const newest = measured.at(-1);
  if (newest === undefined || take === "last") return finite(last);
  const value = taken(
    measured.map((one) => one.value),
    take,
  );
  return { at: newest.at, value };
}

function taken(values: readonly number[], take: Exclude<Take, "last">): number {
  if (take === "avg") return values.reduce((sum, value) => sum + value, 0) / values.length;
  const sorted = values.toSorted((a, b) => a - b);
  const share = take === "min" ? 0 : take === "max" ? 1 : take.quantile;
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}
