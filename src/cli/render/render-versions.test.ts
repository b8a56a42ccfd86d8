import { expect, test } from "vitest";
import { renderVersions } from "./render-versions.js";

test("a target that could not be asked is said beside what the others know, and is not one without versions", () => {
  const listed = [
    { target: "release", versions: [{ name: "v2", summary: "current" }] },
    { target: "data", versions: [], error: "127.0.0.1:5432/shop: cannot be reached" },
    { target: "empty", versions: [] },
  ];
  const text = renderVersions(listed, { colour: false, width: 80, now: 0 });
  expect(text.split("\n").map((line) => line.trim().replace(/ +/g, " "))).toEqual([
    ...["release", "v2 current", "data", "error: 127.0.0.1:5432/shop: cannot be reached", "empty", "none"],
  ]);
});
