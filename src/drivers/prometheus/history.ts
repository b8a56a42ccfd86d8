import { shownServer, unmeasured } from "../../clients/http-api/get-json.js";
import type { DriverContext } from "../../core/driver.js";
import type { PastReading, PastSpan } from "../../core/signal/reading.js";
import { askApi } from "./ask-api.js";
import { compareClocks, dated } from "./compare-clocks.js";
import { refuseWarnings } from "./measure.js";
import { finite, type OneSeries, overRange, type Point, seriesOver, several } from "./one-series.js";
import { type SignalOptions, stepOf } from "./options.js";

/** Below Prometheus' own limit for one answer, and far below the length of one that is read whole. */
const mostPoints = 10_000;

/** A point, and which of the query's series it is of. */
interface Found extends Point {
  readonly series: string;
}

type Recorded = ReadonlyMap<number, readonly Found[]>;

/** What `measure` would have found at each moment: by the same rules, from as few answers as possible. */
export async function readHistory(
  options: SignalOptions,
  context: DriverContext,
  { from, to, every }: PastSpan,
): Promise<PastReading[]> {
  const { range } = options;
  const step = stepOf(options);
  const back = range === undefined ? 0 : Math.floor(range / step);
  const grid = range === undefined ? every : divisor(every, step);
  const recorded = await pointsOf(options, context, { from: from - back * step, to, every: grid });
  const readings: PastReading[] = [];
  for (let at = from; at <= to; at += every) {
    const ages = Array.from({ length: back + 1 }, (_, index) => (back - index) * step);
    const points = ages.flatMap((age) => recorded.get(at - age) ?? []);
    readings.push(reading(at, range === undefined ? atOnce(points) : overAll(points, at, options)));
  }
  return readings;
}

function atOnce(points: readonly Found[]): OneSeries {
  const [first, ...more] = points;
  if (first === undefined) return { none: true };
  return more.length > 0 ? several(points.length) : finite(first);
}

function overAll(points: readonly Found[], end: number, { take }: SignalOptions): OneSeries {
  const count = new Set(points.map(({ series }) => series)).size;
  return count > 1 ? several(count) : overRange(points, { end, take });
}

function reading(at: number, found: OneSeries): PastReading {
  if ("value" in found) return { at, value: found.value };
  return { at, error: "fact" in found ? `the query ${found.fact}` : "the query gives no series" };
}

/** Moment → what every series had then. */
async function pointsOf(
  options: SignalOptions,
  context: DriverContext,
  { from, to, every }: PastSpan,
): Promise<Recorded> {
  const recorded = new Map<number, Found[]>();
  const all = Math.floor((to - from) / every) + 1;
  for (let done = 0; done < all; done += mostPoints) {
    context.signal.throwIfAborted();
    const start = from + done * every;
    const end = start + (Math.min(mostPoints, all - done) - 1) * every;
    for (const [series, points] of await askOver(options, context, { from: start, to: end, every })) {
      for (const point of points) {
        const there = recorded.get(point.at);
        if (there === undefined) recorded.set(point.at, [{ ...point, series }]);
        else there.push({ ...point, series });
      }
    }
    context.progress(`${Math.min(done + mostPoints, all)} of ${all} points`);
  }
  return recorded;
}

async function askOver(options: SignalOptions, context: DriverContext, { from, to, every }: PastSpan) {
  const { query } = options;
  const seconds = (ms: number): string => (ms / 1_000).toFixed(3);
  const parameters = { query, start: seconds(from), end: seconds(to), step: seconds(every) };
  const answer = await askApi(options, "/api/v1/query_range", parameters, context);
  refuseWarnings(answer, options, context);
  compareClocks(dated(answer.headers), answer, options, context);
  const about = `the query "${query}"`;
  if (answer.data === undefined) {
    const hint = "make one series of them: sum(…), max(…), or more labels in the selector";
    throw unmeasured(context, `${about} gives an answer of more than 1 MiB`, hint, "CONFLICT");
  }
  const found = seriesOver(answer.data);
  if (found === undefined)
    throw unmeasured(
      context,
      `${about} gives no numbers over time from ${shownServer(options.url)}`,
      undefined,
      "CONFLICT",
    );
  return found;
}

const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b));
