import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { plainText } from "./plain-text.js";

const cases: [string, string, string][] = [
  ["colours", "\u001B[31mred\u001B[0m", "red"],
  ["8-bit sequences", "\u009B31mred", "red"],
  ["clearing the screen", "a\u001B[2J\u001B[Hb", "ab"],
  ["a window title", "a\u001B]0;owned\u0007b", "ab"],
  ["a link", "\u001B]8;;http://x\u001B\\text\u001B]8;;\u001B\\", "text"],
  ["a title that never ends", "a\u001B]0;rest", "a0;rest"],
  ["a lone escape", "a\u001B", "a"],
  ["line ends and tabs", "one\r\ntwo\tthree\u2028four", "one two three four"],
  ["bells and backspaces", "ab\u0008\u0007c", "abc"],
  ["turned reading direction", "safe\u202Eexe.txt", "safeexe.txt"],
  ["brackets of its own", "[31m is text", "[31m is text"],
];

describe("plain text", () => {
  it.each(cases)("takes out %s", (_, text, plain) => expect(plainText(text)).toBe(plain));

  it("leaves no control character of any text", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(..."ab0;[]m\\PX^_\n\u001B\u0007\u009B\u009D\u0090\u009C") }),
        (text) => !/\p{Cc}/u.test(plainText(text)),
      ),
    );
  });
});
