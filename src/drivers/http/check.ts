import * as z from "zod";
import { about } from "../../core/about.js";
import { type Check, defineCheck } from "../../core/driver.js";
import { duration } from "../../core/playbook/duration.js";
import { expectedShape } from "./expected-shape.js";
import { type Expectations, judge } from "./judge.js";
import { type Answer, ask, checkRequest, type RequestOptions, requestShape, shownUrl } from "./request.js";

interface CheckOptions extends RequestOptions, Expectations {}

const options: z.ZodType<CheckOptions> = z.strictObject({
  ...requestShape,
  ...expectedShape,
  header: z
    .record(z.string().min(1), z.string())
    .optional()
    .register(...about("Headers that the answer must have")),
  latency: duration.optional().register(...about("The whole answer takes at most this long")),
});

/** No answer within a time that is longer than the promised one is an answer about the latency. */
function withoutAnswer(options: CheckOptions, answer: Exclude<Answer, { kind: "answered" }>): Check {
  if (answer.kind === "timeout" && options.latency !== undefined && options.latency <= options.timeout) {
    const expected = `at most ${options.latency} ms`;
    return { name: "latency", result: "failed", expected, actual: answer.reason, message: answer.reason };
  }
  const expected = options.status.join(" or ");
  const result = answer.kind === "down" ? "failed" : "error";
  return { name: "status", result, expected, actual: "no answer", message: answer.reason };
}

export const check = defineCheck<CheckOptions>({
  id: "http",
  title: "An HTTP answer as expected: status, headers, body, latency",
  options,
  check: checkRequest,
  run: async (wanted, context) => {
    const answer = await ask(wanted, context);
    const url = shownUrl(wanted.url);
    const checks =
      answer.kind === "answered"
        ? judge(URL.canParse(url) ? new URL(url).pathname : url, answer.response, wanted)
        : [withoutAnswer(wanted, answer)];
    return checks.map((one) => ({ ...one, name: `${wanted.method} ${url}: ${one.name}` }));
  },
});
