import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { escapeMarkdown, markdownFence, markdownTable } from "./markdown-text.js";

describe("values in Markdown", () => {
  it.each([
    ["a|b", "a\\|b"],
    ["a\\|b", "a\\\\\\|b"],
    ["`rm`", "\\`rm\\`"],
    ["<img src=x>", "\\<img src=x\\>"],
    ["[x](http://y)", "\\[x\\](http://y)"],
    ["# not a heading", "\\# not a heading"],
    ["- not a list", "\\- not a list"],
    ["1. not a list", "1\\. not a list"],
    ["6.9 s", "6.9 s"],
    ["error_rate", "error_rate"],
    ["_emphasis_", "\\_emphasis\\_"],
    ["one\n\n## two", "one ## two"],
    ["\u001B[31mred", "red"],
  ])("%j stays literal", (value, text) => expect(escapeMarkdown(value)).toBe(text));

  it("keeps a table a table whatever its values are", () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: fc.constantFrom(..."ab \\|`*_<>&[]()#-+=1.\n\r\t\u001B\u0007é") }), {
          minLength: 2,
          maxLength: 2,
        }),
        (row) => {
          const lines = markdownTable([["a", "b"], row]).split("\n");
          expect(lines).toHaveLength(3);
          const separators = (lines[2] ?? "").replace(/\\[^]/g, "").match(/\|/g);
          expect(separators).toHaveLength(3);
        },
      ),
    );
  });

  it("aligns columns, numbers to the right", () => {
    expect(
      markdownTable(
        [
          ["what", "rows"],
          ["orders", "1,100"],
          ["é", "3"],
        ],
        [1],
      ),
    ).toBe("| what   |  rows |\n| ------ | ----: |\n| orders | 1,100 |\n| é      |     3 |");
  });

  it("fences what contains fences", () => {
    expect(markdownFence(["```", "text", "````"])).toBe("`````text\n```\ntext\n````\n`````");
  });
});
