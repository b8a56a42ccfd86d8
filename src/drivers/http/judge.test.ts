import { describe, expect, test } from "vitest";
import { excerpt } from "../../clients/http-api/excerpt.js";
import type { HttpResponse } from "../../core/ports.js";
import { type Expectations, judge } from "./judge.js";
import { quantileOf } from "./signal.js";

const answer = (more: Partial<HttpResponse>): HttpResponse => ({
  status: 200,
  headers: {},
  body: "",
  ms: 10,
  ...more,
});

interface Case {
  readonly response: Partial<HttpResponse>;
  readonly expected: Partial<Expectations>;
}

const judged = ({ response, expected }: Case) =>
  judge("/api/health", answer(response), { status: [200], ...expected });

describe("judge: passed", () => {
  test.each<[name: string, given: Case, names: string[]]>([
    ["status", { response: {}, expected: {} }, ["status"]],
    [
      "M22 a redirect that is expected",
      { response: { status: 307 }, expected: { status: [200, 307] } },
      ["status"],
    ],
    [
      "json, whatever the order of keys",
      { response: { body: '{"a":{"y":1,"x":[null]}}' }, expected: { json: { "/a": { x: [null], y: 1 } } } },
      ["status", "json /a"],
    ],
    [
      "header, whatever its case",
      { response: { headers: { "x-v": "41" } }, expected: { header: { "X-V": "41" } } },
      ["status", "header X-V"],
    ],
    [
      "contains and latency",
      { response: { body: "all fine" }, expected: { contains: "fine", latency: 10 } },
      ["status", "contains", "latency"],
    ],
  ])("%s", (_name, given, names) => {
    const checks = judged(given);
    expect(checks.map((check) => [check.name, check.result])).toEqual(names.map((name) => [name, "passed"]));
  });
});

describe("judge: failed", () => {
  test.each<[name: string, given: Case, expected: string, actual: string, message?: RegExp]>([
    [
      "H43 a 500",
      { response: { status: 500, body: "stack\n  trace" }, expected: { contains: "x" } },
      "200",
      "500",
      /body: "stack trace"/,
    ],
    [
      "H44 a 404",
      { response: { status: 404 }, expected: {} },
      "200",
      "404",
      /nothing at the path "\/api\/health": is its prefix right/,
    ],
    [
      "M22 a redirect",
      { response: { status: 307, headers: { location: "/login" } }, expected: {} },
      "200",
      "307",
      /redirected to "\/login"/,
    ],
    [
      "another value",
      { response: { body: '{"s":"down"}' }, expected: { json: { "/s": "up" } } },
      '"up"',
      '"down"',
    ],
    [
      "a value of another type",
      { response: { body: '{"n":"1"}' }, expected: { json: { "/n": 1 } } },
      "1",
      '"1"',
    ],
    [
      "no such value",
      { response: { body: "{}" }, expected: { json: { "/s": null } } },
      "null",
      "nothing there",
      /\{\}/,
    ],
    [
      "no JSON",
      { response: { body: "<html>" }, expected: { json: { "": 1 } } },
      "1",
      "no value",
      /is no JSON: "<html>"/,
    ],
    [
      "cut JSON",
      { response: { body: `"${"x".repeat(1 << 20)}` }, expected: { json: { "": 1 } } },
      "1",
      "no value",
      /longer than 1 MiB/,
    ],
    [
      "text missing",
      { response: { body: "down" }, expected: { contains: "up" } },
      'body with "up"',
      '"down"',
    ],
    ["header missing", { response: {}, expected: { header: { "X-V": "41" } } }, '"41"', "no such header"],
    [
      "header differs",
      { response: { headers: { "x-v": "42" } }, expected: { header: { "X-V": "41" } } },
      '"41"',
      '"42"',
    ],
    ["slow", { response: { ms: 10.6 }, expected: { latency: 10 } }, "at most 10 ms", "11 ms"],
  ])("%s", (_name, given, expected, actual, message) => {
    const failed = judged(given).filter((check) => check.result !== "passed");
    expect(failed).toHaveLength(1);
    expect(failed[0]).toMatchObject({ result: "failed", expected, actual });
    if (message !== undefined) expect(failed[0]?.message).toMatch(message);
  });
});

test("a body in a message is bounded", () => {
  expect(excerpt("x".repeat(1e6))).toHaveLength(202);
  expect(excerpt(" \n ")).toBe("an empty body");
});

test.each([
  [[5, 1, 3, 2, 4], 0.5, 3],
  [[5, 1, 3, 2, 4], 1, 5],
  [[5, 1, 3, 2, 4], 0, 1],
  [[5, 1, 3, 2, 4], 0.95, 5],
  [[7], 0.95, 7],
  [[], 0.95, undefined],
])("quantile of %j at %d is %s", (values, quantile, value) => {
  expect(quantileOf(values, quantile)).toBe(value);
});
