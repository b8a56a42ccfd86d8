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

/** Of each series, by its labels: moment → point. */
type Recorded = ReadonlyMap<string, ReadonlyMap<number, Point>>;

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
  for (let at = from; at <= to; at += every)
    readings.push(
      reading(at, range === undefined ? atOnce(recorded, at) : overAll(recorded, at, back, options)),
    );
  return readings;
}

function atOnce(recorded: Recorded, at: number): OneSeries {
  let count = 0;
  let found: Point | undefined;
  for (const points of recorded.values()) {
    const there = points.get(at);
    if (there === undefined) continue;
    found = there;
    count += 1;
  }
  if (count > 1) return several(count);
  return found === undefined ? { none: true } : finite(found);
}

/** `back`: how many steps the range reaches back. */
function overAll(recorded: Recorded, end: number, back: number, options: SignalOptions): OneSeries {
  const step = stepOf(options);
  const within = (points: ReadonlyMap<number, Point>): Point[] => {
    const found: Point[] = [];
    for (let at = end - back * step; at <= end; at += step) {
      const there = points.get(at);
      if (there !== undefined) found.push(there);
    }
    return found;
  };
  const [only = [], ...more] = [...recorded.values()].map(within).filter(({ length }) => length > 0);
  return more.length > 0 ? several(more.length + 1) : overRange(only, { end, take: options.take });
}

function reading(at: number, found: OneSeries): PastReading {
  if ("value" in found) return { at, value: found.value };
  return { at, error: "fact" in found ? `the query ${found.fact}` : "the query gives no series" };
}

async function pointsOf(
  options: SignalOptions,
  context: DriverContext,
  { from, to, every }: PastSpan,
): Promise<Recorded> {
  const recorded = new Map<string, Map<number, Point>>();
  const all = Math.floor((to - from) / every) + 1;
  for (let done = 0; done < all; done += mostPoints) {
    context.signal.throwIfAborted();
    const start = from + done * every;
    const end = start + (Math.min(mostPoints, all - done) - 1) * every;
    for (const [series, points] of await askOver(options, context, { from: start, to: end, every })) {
      const there = recorded.get(series) ?? new Map<number, Point>();
      for (const point of points) there.set(point.at, point);
      recorded.set(series, there);
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
