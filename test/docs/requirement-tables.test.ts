import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { testFiles, titledIds, titledIdsOf } from "../support/titled-ids.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const mend = "change the row in docs/requirements.md or docs/hazards.md";

const ids = (letter: string, ...ranges: [number, number][]): string[] =>
  ranges.flatMap(([first, last]) =>
    Array.from({ length: last - first + 1 }, (_, n) => `${letter}${String(first + n).padStart(2, "0")}`),
  );

const tables = {
  "docs/requirements.md": [
    ...ids("M", [1, 7], [10, 27]),
    ...ids("L", [1, 18]),
    ...ids("V", [1, 11]),
    ...ids("W", [1, 14]),
    ...ids("Z", [1, 20]),
  ],
  "docs/hazards.md": ids("H", [1, 18], [20, 38], [40, 54], [60, 77]),
};

interface Row {
  readonly id: string;
  readonly asks: string;
  readonly provenBy: string;
  readonly files: readonly string[];
}

function rowsOf(path: string): Row[] {
  const text = readFileSync(`${root}${path}`, "utf8");
  return [...text.matchAll(/^\| ([A-Z]\d{2}) \| (.+?) \| (.+) \|$/gm)].map(
    ([, id = "", asks = "", provenBy = ""]) => ({
      id,
      asks,
      provenBy,
      files: [...provenBy.matchAll(/`([^`]+\.ts)`/g)].map(([, file = ""]) => file),
    }),
  );
}

const carried = new Map(testFiles(root).map((path) => [path, titledIdsOf(root, path)]));
const carrying = (id: string): string[] =>
  [...carried].filter(([, found]) => found.has(id)).map(([path]) => path);

describe.each(Object.entries(tables))("%s", (path, expected) => {
  const rows = rowsOf(path);

  test("has every ID once and in order, each with its meaning", () => {
    expect(rows.map(({ id }) => id)).toEqual(expected);
    expect(rows.filter(({ asks }) => asks.length < 10)).toEqual([]);
  });

  test("names exactly the files whose tests carry the ID", () => {
    const said = rows.map(({ id, files }) => [id, [...files].sort()]);
    expect(said, mend).toEqual(rows.map(({ id }) => [id, carrying(id)]));
  });

  test("says `not yet` where no test carries the ID, `partly` with what is missing, or nothing more", () => {
    const wellSaid = ({ provenBy, files }: Row): boolean => {
      if (files.length === 0) return provenBy === "not yet";
      if (provenBy.startsWith("partly: ")) return /`; missing: .{8,}$/.test(provenBy);
      return provenBy === files.map((file) => `\`${file}\``).join(", ");
    };
    expect(rows.filter((row) => !wellSaid(row))).toEqual([]);
  });
});

test("no test carries an ID that neither table has", () => {
  const known = new Set(Object.values(tables).flat());
  const strays = [...carried].flatMap(([path, found]) =>
    [...found].filter((id) => !known.has(id)).map((id) => `${path}: ${id}`),
  );
  expect(strays).toEqual([]);
});

const some = ids("Z", [1, 3]);
const [one = "", two = "", three = ""] = some;

test.each<[string, string, string[]]>([
  ["a title", `test("${one} works (${two})", () => {});`, [one, two]],
  ["a suite's title", `describe("all of ${one}", () => {});`, [one]],
  ["a title behind a table", `test.each([[1]])("${one} is %d", () => {});`, [one]],
  ["a title made of parts", `test(\`${one} \${name} ${two}\`, () => {});`, [one, two]],
  ["rows of a table", `test.each([["${one} ${two} a row", 1], { name: "${three}, too" }])("%s", run);`, some],
  ["rows elsewhere", `const faults = [{ name: "${one} gone" }];`, [one]],
  ["no comment", `// ${one}\ntest("works", () => {}); /* ${two} */`, []],
  ["no other text", `test("works", () => say("see ${one}"));`, []],
])("IDs are found in %s", (_, text, found) => {
  expect([...titledIds(text)].sort()).toEqual(found);
});
