import { shownServer, unmeasured } from "../../clients/http-api/get-json.js";
import type { HttpApi } from "../../clients/http-api/options.js";
import type { DriverContext, Reading } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { type ApiAnswer, askApi } from "./ask-api.js";
import { compareClocks, dated } from "./compare-clocks.js";
import { type OneSeries, oneSeries, several } from "./one-series.js";
import { type Asked, stepOf } from "./options.js";

type Options = HttpApi & Asked;

/** The one number that the query gives, with Prometheus' own time; throws where there is not exactly one. */
export async function measure(options: Options, context: DriverContext): Promise<Reading> {
  const found = await (options.range === undefined
    ? askInstant(options, context)
    : askRange(options, options.range, context));
  if ("value" in found) return { ...found, asked: options.query };
  const about = `the query "${options.query}"`;
  if ("fact" in found) {
    throw unmeasured(context, `${about} ${found.fact}`, found.hint, found.wrong ? "CONFLICT" : "NOT_FOUND");
  }
  const age = await lastSeen(options, context);
  const fact =
    age === undefined
      ? "gives no series"
      : `gives no series: the last one ended about ${age} s ago, it is stale`;
  const hint =
    "is its target up, are metric and labels right? A comparison that is false gives none either: write it with `bool`";
  throw unmeasured(context, `${about} ${fact}`, hint, "NOT_FOUND");
}

async function askInstant(options: Options, context: DriverContext): Promise<OneSeries> {
  const answer = await askApi(options, "/api/v1/query", { query: options.query }, context);
  refuseWarnings(answer, options, context);
  if (answer.data === undefined) return counted(options, context);
  const found = oneSeries(answer.data);
  if ("value" in found) compareClocks({ from: found.at, to: found.at }, answer, options, context);
  return found;
}

async function askRange(options: Options, range: number, context: DriverContext): Promise<OneSeries> {
  const step = stepOf(options);
  // A point must be exactly at the end, so that a series that has ended before is seen.
  const end = Math.floor(context.clock.now() / 1_000) * 1_000;
  const start = end - Math.floor(range / step) * step;
  const seconds = (ms: number): string => String(ms / 1_000);
  const parameters = { query: options.query, start: seconds(start), end: seconds(end), step: seconds(step) };
  const answer = await askApi(options, "/api/v1/query_range", parameters, context);
  refuseWarnings(answer, options, context);
  compareClocks(dated(answer.headers), answer, options, context);
  if (answer.data === undefined) return counted(options, context);
  return oneSeries(answer.data, { end, take: options.take });
}

export function refuseWarnings(
  { warnings: [first] }: ApiAnswer,
  options: Options,
  context: DriverContext,
): void {
  if (first === undefined || options.warnings === "accept") return;
  const fact = `${shownServer(options.url)} warns of its answer to "${options.query}": ${first}`;
  throw unmeasured(context, fact, "`warnings: accept` where such an answer is good enough");
}

/** More series than fit into an answer: their number is asked for alone. */
async function counted(options: Options, context: DriverContext): Promise<OneSeries> {
  const count = await askNumber(options, `count(${options.query}\n)`, context);
  if (count !== undefined && count > 1) return several(count);
  const hint = "ask for less: a shorter range, a longer step";
  return { wrong: true, fact: "gives an answer of more than 1 MiB", hint };
}

/** Seconds since the query last gave something, where that was within the last ten minutes. */
async function lastSeen(options: Options, context: DriverContext): Promise<number | undefined> {
  const query = `time() - max(max_over_time(timestamp(${options.query}\n)[10m:10s]))`;
  const age = await askNumber(options, query, context);
  return age === undefined ? undefined : Math.max(0, Math.round(age));
}

/** Only to say more about what is an error already. */
async function askNumber(api: HttpApi, query: string, context: DriverContext): Promise<number | undefined> {
  try {
    const { data } = await askApi(api, "/api/v1/query", { query }, context);
    const found = data === undefined ? undefined : oneSeries(data);
    return found !== undefined && "value" in found ? found.value : undefined;
  } catch (error) {
    if (error instanceof BackoutError) return undefined;
    throw error;
  }
}
