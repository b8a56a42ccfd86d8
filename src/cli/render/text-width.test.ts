import fc from "fast-check";
import stringWidth from "string-width";
import { describe, expect, it } from "vitest";
import { textWidth } from "./text-width.js";

const alphabets = {
  "Latin, Greek and Cyrillic": "abcXYZ019 .,-_äöüßñçøœαβγΩжЯё",
  "signs of our own": "…→✓✗↻■·–—▁▂▃▄▅▆▇█⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏‘’“”",
  "Chinese, Japanese and Korean": "日本語テキスト中文한국어、。「」ｶﾅＡ１！　a",
  pictures: "😀🚀✅❌🔥⚠✔ a",
  "Arabic, Hebrew and Thai": "שלוםمرحبا สวัสดี a",
};

describe("the width of a text", () => {
  it.each(Object.entries(alphabets))("of %s is what string-width says", (_, letters) => {
    const text = fc.string({ unit: fc.constantFrom(...letters), maxLength: 20 });
    fc.assert(fc.property(text, (one) => textWidth(one) === stringWidth(one)));
  });

  it.each(["👩‍👩‍👧‍👦", "e\u0301", "⚠️", "🇩🇪", "가", "\u200b", "1️⃣", "👍🏽", "が"])(
    "of %s, of several characters, is what string-width says",
    (one) => expect(textWidth(one)).toBe(stringWidth(one)),
  );
});
