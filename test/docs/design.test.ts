import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { errorCodes } from "../../src/core/errors.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), "utf8");

test("the design's table of errors is the code's", () => {
  const said: Record<string, unknown> = {};
  for (const [, exit, codes = ""] of read("docs/design.md").matchAll(/^\| (\d+) \| .+? \| (.+) \|$/gm)) {
    for (const [, code = "", http, star] of codes.matchAll(/(\w+) (\d+)(\*?)/g)) {
      said[code] = { exit: Number(exit), http: Number(http), retryable: star === "*" };
    }
  }
  expect(said).toEqual(errorCodes);
});

test("links between the documents lead somewhere", () => {
  const documents = ["CONTRIBUTING.md", ...documentsIn("docs")];
  const broken = documents.flatMap((document) =>
    [...read(document).matchAll(/\]\(([^)#\s:]+)(#[^)]*)?\)/g)]
      .map(([, target = ""]) => join(dirname(document), target))
      .filter((target) => !existsSync(join(root, target)))
      .map((target) => `${document} → ${target}`),
  );
  expect(documents.length).toBeGreaterThan(5);
  expect(broken).toEqual([]);
});

function documentsIn(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".md"))
    .map((path) => `${folder}/${path}`);
}
