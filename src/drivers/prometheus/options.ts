import * as z from "zod";
import { type HttpApi, httpApiShape, refineHttpApi } from "../../clients/http-api/options.js";
import { duration } from "../../core/playbook/duration.js";

export type Take = "last" | "avg" | "min" | "max" | { readonly quantile: number };

export interface Asked {
  readonly query: string;
  /** Milliseconds; absent for an instant query. */
  readonly range?: number | undefined;
  readonly step?: number | undefined;
  readonly take: Take;
  readonly warnings: "refuse" | "accept";
  /** Milliseconds. */
  readonly skew: number;
}

export interface SignalOptions extends HttpApi, Asked {
  readonly unit?: string | undefined;
}

const positive = duration.refine((ms) => ms >= 1_000, "Prometheus' ranges and steps are at least 1s");
/** Of one range query, by Prometheus' own limit. */
const mostPoints = 11_000;

export const askedShape = {
  query: z.string().min(1).describe("PromQL that gives exactly one series, or a scalar"),
  range: positive.optional().describe("Ask for the series over so long until now, instead of its value now"),
  step: positive.optional().describe("Time between two points of a range; default: a sixtieth of it"),
  take: z
    .union([
      z.enum(["last", "avg", "min", "max"]),
      z.strictObject({ quantile: z.number().min(0).max(1).describe("Of the points, by nearest rank") }),
    ])
    .default("last")
    .describe("The number that is made out of a range's points"),
  warnings: z
    .enum(["refuse", "accept"])
    .default("refuse")
    .describe("What an answer is worth that Prometheus itself warns of, such as a partial one"),
  skew: duration
    .default(2_000)
    .describe("So far apart Prometheus' clock and this machine's may be; more is could not measure"),
};

export const stepOf = ({ range, step }: Pick<Asked, "range" | "step">): number =>
  step ?? Math.max(1_000, Math.ceil((range ?? 0) / 60_000) * 1_000);

interface Refinement {
  addIssue(issue: { code: "custom"; path: string[]; message: string }): void;
}

export function refineAsked(asked: Omit<Asked, "query">, context: Refinement): void {
  const { range, take } = asked;
  const say = (path: string, message: string) => context.addIssue({ code: "custom", path: [path], message });
  if (range === undefined) {
    if (asked.step !== undefined) say("step", "a step is that of a range: write `range` too");
    if (take !== "last") {
      say("take", "an instant query has one value, of which nothing can be made: write `range` too");
    }
    return;
  }
  const points = range / stepOf(asked) + 1;
  if (points > mostPoints)
    say("step", `${Math.floor(points)} points; Prometheus gives at most ${mostPoints}`);
  if (points < 2) say("step", "the step is longer than the range");
}

export const signalOptions: z.ZodType<SignalOptions> = z
  .strictObject({
    ...httpApiShape,
    ...askedShape,
    unit: z.string().min(1).optional().describe("For people: `ms`, `ratio`"),
  })
  .superRefine((options, context) => {
    refineHttpApi(options, context);
    refineAsked(options, context);
  });
