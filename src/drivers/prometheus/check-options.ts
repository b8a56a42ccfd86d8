import * as z from "zod";
import { type HttpApi, httpApiShape, refineHttpApi } from "../../clients/http-api/options.js";
import { type Asked, askedShape, refineAsked } from "./options.js";

export type Labels = Readonly<Record<string, string>>;

export interface CheckOptions extends HttpApi, Omit<Asked, "query"> {
  readonly query?: string | undefined;
  readonly targets?: Labels | undefined;
  readonly alerts?: Labels | undefined;
  readonly atLeast?: number | undefined;
  readonly atMost?: number | undefined;
}

const labels = z.record(z.string().min(1), z.string());

export const checkOptions: z.ZodType<CheckOptions> = z
  .strictObject({
    ...httpApiShape,
    ...askedShape,
    query: askedShape.query.optional(),
    atLeast: z.number().optional().describe("The query's value is not below it"),
    atMost: z.number().optional().describe("The query's value is not above it"),
    targets: labels
      .optional()
      .describe("Every scrape target with these labels is up; `{}`: every one that there is"),
    alerts: labels
      .optional()
      .describe("No alert with these labels is firing, e.g. `{ severity: critical }`; `{}`: none at all"),
  })
  .superRefine((options, context) => {
    refineHttpApi(options, context);
    const say = (path: string, message: string) =>
      context.addIssue({ code: "custom", path: [path], message });
    const { query, atLeast, atMost, targets, alerts } = options;
    const bounded = atLeast !== undefined || atMost !== undefined;
    if (query !== undefined) refineAsked(options, context);
    if (query !== undefined && !bounded)
      say("query", "nothing is expected of it: write `atMost` or `atLeast`");
    if (query === undefined && bounded) say("query", "of what? Write the query that gives the value");
    if (query === undefined && targets === undefined && alerts === undefined) {
      say("query", "nothing is asked: write `targets`, `alerts`, or a query with `atMost` or `atLeast`");
    }
  });
