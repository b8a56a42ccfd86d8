import { expect, test } from "vitest";
import { lineTime } from "./line-time.js";
import { LineSplitter } from "./lines.js";

const at = Date.UTC(2026, 10, 22, 5, 46, 44);

test.each([
  ["2026-11-22T05:46:44Z started", at],
  ["2026-11-22T05:46:44.123Z started", at + 123],
  ["2026-11-22T05:46:44.123456789Z started", at + 123],
  ["2026-11-22 05:46:44,5 started", at + 500],
  ["[2026-11-22 07:46:44 +0200] started", at],
  ["2026-11-22T07:46:44+02:00 started", at],
  ["level=info ts=2026-11-22T05:46:44Z", at],
  ['127.0.0.1 - - [22/Nov/2026:05:46:44 +0000] "GET / HTTP/1.1" 200', at],
  ['127.0.0.1 - - [22/Nov/2026:00:16:44 -0530] "GET / HTTP/1.1" 200', at],
  [`{"level":30,"time":${at},"msg":"x"}`, at],
  [`{"level":"info","ts":${at / 1_000}.25}`, at],
  ["2026-13-45T05:46:44Z", undefined],
  ["    at connect (db.js:12)", undefined],
  ["order 1763790404 was paid", undefined],
  [`${"x".repeat(500)} 2026-11-22T05:46:44Z`, undefined],
  ["", undefined],
])("the time in %s", (line, expected) => {
  expect(lineTime(line)).toBe(expected);
});

test("lines are the same however the bytes come", () => {
  const text = "one\r\ntwo\n\nthree äöü\nunfinished";
  const bytes = Buffer.from(text);
  for (let size = 1; size <= bytes.length; size++) {
    const splitter = new LineSplitter(false);
    const lines: string[] = [];
    for (let from = 0; from < bytes.length; from += size) {
      lines.push(...splitter.push(bytes.subarray(from, from + size)));
    }
    expect(lines).toEqual(["one", "two", "", "three äöü"]);
    expect(splitter.push(Buffer.from("\n"))).toEqual(["unfinished"]);
  }
});
