import { excerpt } from "../../clients/http-api/excerpt.js";
import type { Check } from "../../core/driver.js";
import { canonicalJson, type Json } from "../../core/json.js";
import type { HttpResponse } from "../../core/ports.js";
import { findInBody } from "./body.js";

export interface Expectations {
  readonly status: readonly number[];
  readonly json?: Readonly<Record<string, Json>> | undefined;
  readonly contains?: string | undefined;
  readonly header?: Readonly<Record<string, string>> | undefined;
  /** Milliseconds. */
  readonly latency?: number | undefined;
}

const verdict = (name: string, good: boolean, expected: string, actual: string, message?: string): Check =>
  good
    ? { name, result: "passed", expected, actual }
    : { name, result: "failed", expected, actual, ...(message === undefined ? {} : { message }) };

function statusMessage(path: string, response: HttpResponse): string {
  const { status, body, headers } = response;
  if (status === 404) {
    return `the server answers, but has nothing at the path "${path}": is its prefix right? Body: ${excerpt(body)}`;
  }
  const location = headers["location"];
  if (status >= 300 && status < 400 && location !== undefined) {
    return `redirected to "${location}": accept ${status} by \`status\`, or set \`followRedirects\``;
  }
  return `body: ${excerpt(body)}`;
}

function judgeJson(body: string, pointer: string, wanted: Json): Check {
  const name = `json ${pointer === "" ? "(whole)" : pointer}`;
  const expected = canonicalJson(wanted);
  const found = findInBody(body, pointer);
  if ("unreadable" in found) return verdict(name, false, expected, "no value", found.unreadable);
  if (found.value === undefined) {
    return verdict(name, false, expected, "nothing there", `body: ${excerpt(body)}`);
  }
  const actual = canonicalJson(found.value);
  return verdict(name, actual === expected, expected, excerpt(actual).slice(1, -1));
}

/** One result for each expectation; only that of the status where it is not an accepted one. */
export function judge(path: string, response: HttpResponse, expected: Expectations): Check[] {
  const wanted = expected.status.join(" or ");
  const { status, body, headers, ms } = response;
  if (!expected.status.includes(status)) {
    return [verdict("status", false, wanted, String(status), statusMessage(path, response))];
  }
  const checks = [verdict("status", true, wanted, String(status))];
  for (const [pointer, value] of Object.entries(expected.json ?? {})) {
    checks.push(judgeJson(body, pointer, value));
  }
  if (expected.contains !== undefined) {
    const good = body.includes(expected.contains);
    const text = `body with "${expected.contains}"`;
    checks.push(verdict("contains", good, text, good ? text : excerpt(body)));
  }
  for (const [name, value] of Object.entries(expected.header ?? {})) {
    const actual = headers[name.toLowerCase()];
    checks.push(
      verdict(
        `header ${name}`,
        actual === value,
        `"${value}"`,
        actual === undefined ? "no such header" : `"${actual}"`,
      ),
    );
  }
  if (expected.latency !== undefined) {
    const good = ms <= expected.latency;
    checks.push(verdict("latency", good, `at most ${expected.latency} ms`, `${Math.round(ms)} ms`));
  }
  return checks;
}
