import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { PlaybookSource } from "./parse-playbook.js";
import { quickSource } from "./quick-source.js";
import { readPlaybook } from "./read-playbook.js";
import { type Path } from "./where.js";

/** What the text means, and where all of it stands. */
function understood(source: PlaybookSource | undefined) {
  if (source === undefined) return undefined;
  const { tree, where, problems } = source;
  const spots = pathsOf(tree).map((path) => {
    const spot = where.find(path);
    return [path, spot, spot && where.place(spot.value)];
  });
  return { tree, spots, problems };
}

const quick = (text: string) => understood(quickSource({ text, file: "x" }));
const careful = (text: string) => understood(readPlaybook({ text, file: "x" }).source);

function pathsOf(value: unknown, path: Path = []): Path[] {
  if (typeof value !== "object" || value === null) return [path];
  const inside = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  return [path, ...inside.flatMap(([name, one]) => pathsOf(one, [...path, name]))];
}

/** Texts that the two parsers could understand differently, as values of a key. */
const scalars = [
  ..."0b11 1_000 0o17 .5 1e3 1. +1 -0 0x1F ~ null True yes 2001-01-01 1e+3 0.1e 1:30".split(" "),
  "a && b",
  "a # comment",
  "'it''s'",
  '"\\u00e9 \\n \\""',
  "|\n  one\n  two",
  ">-\n  one\n  two",
  "[1, two, {three: 3}]",
  "{a: 1, b: [x, y]}",
  '"${root}/data"',
  "http://127.0.0.1:${port}/x?y=1#z",
];

test.each(scalars)("%j is the same, at the same place, to the quick and to the careful parser", (scalar) => {
  const text = `backout: 1\nkey: ${scalar}\n`;
  expect(quick(text)).toEqual(careful(text));
});

test("whatever the quick parser takes, it understands as the careful one does, and knows where all of it stands", () => {
  const scalar = fc.oneof(
    fc.constantFrom(...scalars),
    fc.string({ maxLength: 12 }),
    fc.integer().map(String),
  );
  const pair = fc.tuple(fc.constantFrom("a", "b", "c", "d e", "1", "'q'"), scalar, fc.constantFrom("", "  "));
  fc.assert(
    fc.property(fc.array(pair, { maxLength: 6 }), (pairs) => {
      const text = `backout: 1\ntop:\n${pairs.map(([key, value, in_]) => `  ${in_}${key}: ${value}\n`).join("")}`;
      const tree = quick(text);
      if (tree !== undefined) expect(careful(text)).toEqual(tree);
    }),
    { numRuns: 800 },
  );
});

test.each([
  "a: &x 1\nb: *x",
  "a: !t 1",
  "a: {<<: {b: 1}}",
  "a: 1\n---\nb: 2",
  "a:\t1",
  "__proto__: 1",
  "a: 1\na: 2",
  "a: 012",
  "a: [.inf, 1]",
  "a:\n  - -.NaN",
  "a: 12345678901234567890",
  "\ufeffa: 1",
  "- 1",
  "",
])("%j is left to the careful parser", (text) => {
  expect(quick(text)).toBeUndefined();
});

test("the example's playbook is read quickly, and as the careful parser reads it", () => {
  const text = readFileSync(new URL("../../../examples/demo-app/backout.yaml", import.meta.url), "utf8");
  expect(quick(text)).toBeDefined();
  expect(quick(text)).toEqual(careful(text));
});
