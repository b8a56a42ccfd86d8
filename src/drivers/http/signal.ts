import * as z from "zod";
import { excerpt } from "../../clients/http-api/excerpt.js";
import { about } from "../../core/about.js";
import { type DriverContext, defineSignal, type Reading } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { jsonPointer } from "../../core/json-pointer.js";
import { findInBody } from "./body.js";
import {
  type Answer,
  ask,
  checkRequest,
  type RequestOptions,
  requestShape,
  shownUrl,
  statuses,
} from "./request.js";

interface SignalOptions extends RequestOptions {
  readonly status: readonly number[];
  readonly value: "failure-ratio" | "ok" | "status" | "latency" | { readonly json: string };
  readonly probes: number;
  readonly concurrency: number;
  readonly quantile: number;
}

const options: z.ZodType<SignalOptions> = z
  .strictObject({
    ...requestShape,
    status: statuses,
    value: z
      .union([
        z.enum(["failure-ratio", "ok", "status", "latency"]),
        z.strictObject({ json: jsonPointer.describe("JSON pointer to a number, e.g. `/queue/depth`") }),
      ])
      .register(
        ...about(
          "The number: share of failed probes, 1 or 0, status, milliseconds, or a place in the JSON body",
        ),
      ),
    probes: z
      .int()
      .min(1)
      .max(1_000)
      .default(1)
      .register(...about("Requests for one reading")),
    concurrency: z
      .int()
      .min(1)
      .max(50)
      .default(1)
      .register(...about("So many of them at a time")),
    quantile: z
      .number()
      .min(0)
      .max(1)
      .default(0.95)
      .register(...about("Of the probes' latencies")),
  })
  .superRefine(({ value, probes }, context) => {
    if (probes > 1 && (value === "status" || typeof value === "object")) {
      context.addIssue({
        code: "custom",
        path: ["probes"],
        message: `${probes} probes give ${probes} values; leave \`probes\` out, or read failure-ratio, ok or latency`,
      });
    }
  });

async function probe(wanted: SignalOptions, context: DriverContext): Promise<Answer[]> {
  const answers: Answer[] = [];
  let left = wanted.probes;
  const worker = async (): Promise<void> => {
    while (left > 0) {
      left--;
      answers.push(await ask(wanted, context));
    }
  };
  await Promise.all(Array.from({ length: Math.min(wanted.concurrency, wanted.probes) }, worker));
  return answers;
}

const unmeasured = (context: DriverContext, fact: string, hint: string): BackoutError =>
  new BackoutError("UNREACHABLE", `${context.name}: could not measure, ${fact}`, { effect: "none", hint });

const noAnswer = "does the service run, and can this machine reach it at that URL?";

/** The smallest value that at least this share of the values does not exceed (nearest rank). */
export function quantileOf(values: readonly number[], quantile: number): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(quantile * sorted.length) - 1)];
}

function failureRatio(answers: readonly Answer[], accepted: readonly number[]): number {
  const failed = answers.filter(
    (answer) => answer.kind !== "answered" || !accepted.includes(answer.response.status),
  );
  return failed.length / answers.length;
}

/** A probe without an answer in time took at least that long; leaving it out would make an outage look fast. */
function latency(answers: readonly Answer[], wanted: SignalOptions, context: DriverContext): Reading {
  const times = answers.flatMap((answer) =>
    answer.kind === "answered" ? [answer.response.ms] : answer.kind === "timeout" ? [wanted.timeout] : [],
  );
  const value = quantileOf(times, wanted.quantile);
  if (value === undefined) throw unmeasured(context, "no probe was answered", noAnswer);
  return { value, unit: "ms" };
}

/** Of the only probe. */
function single([answer]: readonly Answer[], wanted: SignalOptions, context: DriverContext): Reading {
  if (answer === undefined) throw unmeasured(context, "nothing was asked", "`probes` has to be 1 here");
  if (answer.kind !== "answered") throw unmeasured(context, answer.reason, noAnswer);
  const { status, body } = answer.response;
  if (typeof wanted.value !== "object") return { value: status, unit: "status" };
  const url = shownUrl(wanted.url);
  if (!wanted.status.includes(status)) {
    const fact = `${url} answered ${status}, not ${wanted.status.join(" or ")}: ${excerpt(body)}`;
    const hint =
      status === 404
        ? "is the path's prefix right?"
        : "the service's log says why; `status` says what is accepted";
    throw unmeasured(context, fact, hint);
  }
  const pointer = wanted.value.json;
  const found = findInBody(body, pointer);
  if ("unreadable" in found)
    throw unmeasured(context, `${url}: ${found.unreadable}`, "is it the page that answers with the number?");
  if (typeof found.value === "number" && Number.isFinite(found.value)) return { value: found.value };
  const shown = found.value === undefined ? "nothing" : excerpt(JSON.stringify(found.value));
  throw unmeasured(context, `${url}: ${shown} at "${pointer}" is not a number`, `body: ${excerpt(body)}`);
}

export const signal = defineSignal<SignalOptions>({
  id: "http",
  title: "Failures, status, latency or a JSON number of HTTP answers",
  options,
  check: checkRequest,
  read: async (wanted, context) => {
    const answers = await probe(wanted, context);
    const ours = answers.find((answer) => answer.kind === "unmeasured");
    if (ours?.kind === "unmeasured") throw unmeasured(context, ours.reason, noAnswer);
    switch (wanted.value) {
      case "failure-ratio":
        return { value: failureRatio(answers, wanted.status), unit: "ratio" };
      case "ok":
        return { value: failureRatio(answers, wanted.status) === 0 ? 1 : 0 };
      case "latency":
        return latency(answers, wanted, context);
      default:
        return single(answers, wanted, context);
    }
  },
});
