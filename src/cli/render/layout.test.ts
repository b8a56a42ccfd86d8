import fc from "fast-check";
import stringWidth from "string-width";
import { describe, expect, it } from "vitest";
import { hanging, table, truncate, wrapText } from "./layout.js";

describe("cutting", () => {
  it.each([
    ["short", 10, "short"],
    ["exactly", 7, "exactly"],
    ["much too long", 8, "much to…"],
    ["日本語テキスト", 7, "日本語…"],
    ["👩‍👩‍👧‍👦 family", 4, "👩‍👩‍👧‍👦…"],
    ["any", 0, ""],
  ])("%s to %d columns", (text, width, cut) => expect(truncate(text, width)).toBe(cut));
});

describe("wrapping", () => {
  it("breaks between words, but not between a number and its unit", () => {
    expect(wrapText("takes about 12 min in all", 14)).toEqual(["takes about", "12 min in all"]);
  });

  it("leaves whole what somebody has to copy", () => {
    expect(wrapText("run backout-rollback-everything now", 10)).toEqual([
      "run",
      "backout-rollback-everything",
      "now",
    ]);
  });

  it("goes on below the beginning of the text", () => {
    expect(hanging("  hint: ", "look at what changed and plan again", 30)).toEqual([
      "  hint: look at what changed",
      "        and plan again",
    ]);
  });
});

describe("columns", () => {
  const rows = [
    ["db.stage", "restore a copy beside", "2.1 s"],
    ["app", "stop", { text: "800 ms", paint: (text: string) => `<${text}>` }],
  ];
  const columns = [{}, { min: 8 }, { align: "right", optional: 1 }] as const;

  it("stand below each other", () => {
    expect(table(rows, columns, { width: 60, indent: 2 })).toEqual([
      "  db.stage  restore a copy beside   2.1 s",
      "  app       stop                   <800 ms>",
    ]);
  });

  it("give way: first those that may be cut, then those that may be missing", () => {
    expect(table(rows, columns, { width: 40 })[0]).toBe("db.stage  restore a copy beside   2.1 s");
    const wide = [["a".repeat(20), "b".repeat(20), "c".repeat(20)]];
    expect(table(wide, columns, { width: 54 })).toEqual([
      `${"a".repeat(20)}  ${"b".repeat(9)}…  ${"c".repeat(20)}`,
    ]);
    expect(table(wide, columns, { width: 45 })).toEqual([`${"a".repeat(20)}  ${"b".repeat(20)}`]);
  });

  it("are given up where the terminal is too narrow for any", () => {
    expect(table(rows, columns, { width: 39 })[0]).toBe("db.stage restore a copy beside 2.1 s");
  });

  it("never make a line wider than the terminal", () => {
    const cell = fc.string({ unit: fc.constantFrom(..."ab 日é-"), maxLength: 50 });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(cell, cell, cell), { minLength: 1 }),
        fc.integer({ min: 40, max: 120 }),
        (all, width) => {
          for (const line of table(all, columns, { width, indent: 2 }))
            expect(stringWidth(line)).toBeLessThanOrEqual(width);
        },
      ),
    );
  });
});
