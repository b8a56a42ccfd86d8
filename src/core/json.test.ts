import fc from "fast-check";
import { expect, test } from "vitest";
import { canonicalJson, type Json } from "./json.js";

/** The definition, slowly. */
function defined(value: Json): string {
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${(value as readonly Json[]).map(defined).join(",")}]`;
  const members = Object.entries(value as Record<string, Json>).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${defined(member)}`).join(",")}}`;
}

const keys = fc.oneof(
  fc.string(),
  fc.constantFrom("", "10", "9", "01", "-1", "4294967296", "__proto__", "constructor", "ä", "\u{1f600}"),
);
const values = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom<Json>(null, true, -0, 0.1, 1e21),
    fc.string(),
    fc.array(tie("value")),
    fc.array(fc.tuple(keys, tie("value"))).map((entries): Json => Object.fromEntries(entries)),
  ),
})).value;

test("keys are sorted as texts, whatever they look like, at every depth; nothing else is changed", () => {
  fc.assert(
    fc.property(values, (value) => {
      const text = canonicalJson(value);
      expect(text).toBe(defined(value));
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
    }),
    { numRuns: 500 },
  );
});

test.each<[unknown, string]>([
  [{ b: 1, a: undefined }, '{"b":1}'],
  [{ 9: 1, 10: undefined, a: 2 }, '{"9":1,"a":2}'],
  [[undefined, { 9: 1 }], '[null,{"9":1}]'],
  [undefined, "null"],
])("what is undefined: %j", (value, text) => {
  expect(canonicalJson(value)).toBe(text);
});
