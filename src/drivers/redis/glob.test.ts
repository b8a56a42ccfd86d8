import { expect, test } from "vitest";
import { matcherOf, overlap } from "./glob.js";

test.each([
  ["cache:*", "cache:1", true],
  ["cache:*", "cache:", true],
  ["cache:*", "xcache:1", false],
  ["cache:*", "cache:a\nb\0c", true],
  ["c?t", "cat", true],
  ["c?t", "ct", false],
  ["c[ab]t", "cbt", true],
  ["c[^ab]t", "cbt", false],
  ["c[a-c]t", "cct", true],
  ["c\\*t", "c*t", true],
  ["c\\*t", "cxt", false],
  ["a.c", "abc", false],
  ["č:*", Buffer.from("č:1").toString("latin1"), true],
])("pattern %j and key %j: %s", (pattern, key, matches) => {
  expect(matcherOf([pattern])(key)).toBe(matches);
  expect(matcherOf(["nothing", pattern])(key)).toBe(matches);
});

test.each([
  ["cache:*", "cache:keep:*", true],
  ["*", "anything", true],
  ["a*", "*b", true],
  ["a*c", "a?b", false],
  ["cache:*", "bull:*", false],
  ["[ab]:*", "b:1", true],
  ["[ab]:*", "c:1", false],
  ["a\\*", "ab", false],
  ["a\\*", "a*", true],
])("patterns %j and %j overlap: %s", (first, second, overlaps) => {
  expect(overlap(first, second)).toBe(overlaps);
  expect(overlap(second, first)).toBe(overlaps);
});
