import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const program = join(import.meta.dirname, "../../dist/program");

/** What brings its own binary looks for it beside itself, where a bundle has none: it stays a package of its own. */
test("nothing is bundled that looks for a binary beside it", () => {
  const [file, ...others] = readdirSync(program).filter((name) => name.endsWith(".cjs"));
  expect(others).toEqual([]);
  const text = readFileSync(join(program, file ?? ""), "utf8");
  expect(text.length).toBeGreaterThan(1_000_000);
  expect(text.match(/[\w-]+\.(?:wasm|node)["'`]/g)).toBeNull();
});
