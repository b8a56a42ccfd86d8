import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { contentDigest, digestOfText } from "./content-digest.js";
import { canonicalJson } from "./json.js";

const whole = (text: string): string => `sha256:${createHash("sha256").update(text).digest("hex")}`;

test("a digest does not depend on the order in which keys were written", () => {
  expect(contentDigest({ a: 1, b: [2, null] })).toBe(contentDigest({ b: [2, null], a: 1 }));
  expect(contentDigest({ a: 1 })).toBe(digestOfText(canonicalJson({ a: 1 })));
});

test("a long text is digested as if in one piece, wherever its letters stand", () => {
  const letters = fc.constantFrom("a", "é", "漢", "😀");
  fc.assert(
    fc.property(fc.nat(3), letters, letters, fc.nat(5), (shift, first, second, from) => {
      const text = "x".repeat(65_530 + shift) + first.repeat(6) + second.repeat(70_000);
      expect(digestOfText(text, from, "{")).toBe(whole(`{${text.slice(from)}`));
    }),
    { numRuns: 40 },
  );
});
