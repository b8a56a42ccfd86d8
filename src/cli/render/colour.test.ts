import { expect, it } from "vitest";
import { palette, useColour } from "./colour.js";

it.each<[string, boolean, Record<string, string>, boolean]>([
  ["a terminal", true, {}, true],
  ["a pipe", false, {}, false],
  ["NO_COLOR", true, { NO_COLOR: "1" }, false],
  ["an empty NO_COLOR", true, { NO_COLOR: "" }, true],
  ["FORCE_COLOR into a pipe", false, { FORCE_COLOR: "1" }, true],
  ["FORCE_COLOR=0", true, { FORCE_COLOR: "0" }, false],
  ["both", false, { NO_COLOR: "1", FORCE_COLOR: "1" }, false],
  ["a dumb terminal", true, { TERM: "dumb" }, false],
])("%s", (_, isTTY, environment, coloured) => expect(useColour({ isTTY }, environment)).toBe(coloured));

it("adds nothing to a text without colour", () => {
  expect(palette(false).bad("text")).toBe("text");
  expect(palette(true).bad("text")).toBe("\u001B[31mtext\u001B[39m");
});
