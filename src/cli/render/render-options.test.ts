import { expect, test } from "vitest";
import { renderOptions } from "./render-options.js";

test.each([
  ["a terminal says its width", { isTTY: true, columns: 72 }, { COLUMNS: "90" }, 72],
  ["a terminal that does not say it", { isTTY: true }, {}, 120],
  ["a terminal of no width", { isTTY: true, columns: 0 }, {}, 120],
  ["a pipe", { columns: 72 }, {}, 120],
  ["a pipe that ends in a terminal", {}, { COLUMNS: "90" }, 90],
  ["COLUMNS that is no number", {}, { COLUMNS: "wide" }, 120],
  ["COLUMNS of nothing", {}, { COLUMNS: "0" }, 120],
])("width of %s", (_, screen, environment, width) => {
  expect(renderOptions(screen, environment, 0).width).toBe(width);
});
