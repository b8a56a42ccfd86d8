import * as z from "zod";
import { about } from "../../core/about.js";
import type { DriverContext } from "../../core/driver.js";
import { BackoutError, type Problem, problem, warning } from "../../core/errors.js";
import { systemErrorCode } from "../../core/file-error.js";
import { duration } from "../../core/playbook/duration.js";
import type { HttpRequest, HttpResponse } from "../../core/ports.js";

export interface RequestOptions {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  /** Milliseconds. */
  readonly timeout: number;
  readonly followRedirects: number;
}

/** Shared by the check and the signal: what is asked. */
export const requestShape = {
  url: z
    .string()
    .regex(/^(https?:\/\/|\$\{)/, "a URL begins with http:// or https://")
    .register(...about("What is asked")),
  method: z
    .enum(["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"])
    .default("GET")
    .register(...about("Method; only GET and HEAD are sure to change nothing")),
  headers: z
    .record(z.string().min(1), z.string())
    .default({})
    .register(...about("Headers of the request")),
  body: z
    .string()
    .optional()
    .register(...about("Body of the request")),
  timeout: duration
    .refine((ms) => ms > 0, "a time-out of 0 leaves no time for an answer")
    .default(5_000)
    .register(...about("For the whole answer")),
  followRedirects: z
    .int()
    .min(0)
    .max(20)
    .default(0)
    .register(...about("At most so many; one more is an answer like any other")),
};

/** One status or several: as a list. */
export const statuses = z
  .union([z.int().min(100).max(599), z.array(z.int().min(100).max(599)).min(1)])
  .transform((value) => (typeof value === "number" ? [value] : value))
  .default([200])
  .register(...about("Accepted status, or several; a redirect is accepted only where it is named"));

/**
 * `down`: the other side refused, hung up or spoke no HTTP: a fact about it. `timeout`: no whole answer in time.
 * `unmeasured`: names, routes, TLS on our side: nothing is known about it.
 */
export type Answer =
  | { readonly kind: "answered"; readonly response: HttpResponse }
  | { readonly kind: "down" | "timeout" | "unmeasured"; readonly reason: string };

const downCodes = new Set(["ECONNREFUSED", "ECONNRESET", "EPIPE"]);

function unanswered(error: BackoutError): Answer {
  const code = systemErrorCode(error.cause) ?? "";
  const reason = error.message;
  if (error.code === "TIMEOUT" || code === "ETIMEDOUT") return { kind: "timeout", reason };
  return { kind: downCodes.has(code) || code.startsWith("HPE_") ? "down" : "unmeasured", reason };
}

export async function ask(options: RequestOptions, context: DriverContext): Promise<Answer> {
  const request: HttpRequest = {
    url: options.url,
    method: options.method,
    headers: options.headers,
    timeoutMs: options.timeout,
    followRedirects: options.followRedirects,
    signal: context.signal,
    ...(options.body === undefined ? {} : { body: options.body }),
  };
  try {
    return { kind: "answered", response: await context.http.request(request) };
  } catch (error) {
    context.signal.throwIfAborted();
    if (!(error instanceof BackoutError)) throw error;
    return unanswered(error);
  }
}

/** For messages: without what may hold a secret (user, password, query, fragment). */
export function shownUrl(text: string): string {
  if (!URL.canParse(text)) return text;
  const url = new URL(text);
  return `${url.protocol}//${url.host}${url.pathname}`;
}

const readsOnly = new Set(["GET", "HEAD", "OPTIONS"]);

/** Asks once with HEAD, which changes nothing whatever the method is; any answer will do. */
export async function checkRequest(options: RequestOptions, context: DriverContext): Promise<Problem[]> {
  const path = `${context.name}.url`;
  if (!URL.canParse(options.url)) {
    return [problem(path, `"${options.url}" is not a URL`, "write it whole: http://host:port/path")];
  }
  const problems: Problem[] = [];
  if (!readsOnly.has(options.method)) {
    const fact = `"${options.method}" may write to the system that is being measured, each time it is asked`;
    problems.push(warning(`${context.name}.method`, fact, "ask with GET where the system offers it"));
  }
  const { body: _body, ...bare } = options;
  const answer = await ask({ ...bare, method: "HEAD" }, context);
  if (answer.kind !== "answered") {
    problems.push(
      warning(path, `not reachable now: ${answer.reason}`, "correct the URL, or start the service"),
    );
  }
  return problems;
}
