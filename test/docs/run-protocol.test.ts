import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const read = (path: string): string => readFileSync(`${root}${path}`, "utf8");
const text = read("docs/run-protocol.md");
const rows = [...text.matchAll(/^\| (I\d+) \| (.+?) \| (.+) \|$/gm)].map(
  ([, id = "", always = "", proofs = ""]) => ({ id, always, proofs }),
);

test("the invariants are numbered without gaps, and each is proven by a test", () => {
  expect(rows.map(({ id }) => id)).toEqual(rows.map((_, index) => `I${index + 1}`));
  expect(rows.length).toBeGreaterThan(10);
  const entry = /^`(?:src|test)\/[^`]+\.test\.ts` "[^"]+"$/;
  const ill = rows.filter(({ proofs }) => proofs.split("; ").some((proof) => !entry.test(proof)));
  expect(ill).toEqual([]);
});

test("each test that it names exists, by its title", () => {
  const named = rows.flatMap(({ id, proofs }) =>
    [...proofs.matchAll(/`([^`]+)` "([^"]+)"/g)].map(([, path = "", title = ""]) => ({ id, path, title })),
  );
  const missing = named.filter(({ path, title }) => !existsSync(`${root}${path}`) || !titles(path, title));
  expect(missing).toEqual([]);
});

/** Whether the title of a test or suite in the file has these words. */
function titles(path: string, words: string): boolean {
  const found = [...read(path).matchAll(/\b(?:test|describe)\b[^"`]*?\(\s*(["`])(.*?)\1/g)];
  const tables = [...read(path).matchAll(/^\s*\]\)\((["`])(.*?)\1/gm)];
  return [...found, ...tables].some(([, , title]) => title?.includes(words));
}

test("every fact that a run can have is told", () => {
  const types = [...read("src/core/run/fact.ts").matchAll(/type: "((?:run|step|timer)\.[a-z-]+)"/g)];
  const told = new Set([...text.matchAll(/`((?:run|step|timer)\.[a-z-]+)`/g)].map(([, type]) => type));
  expect([...new Set(types.map(([, type]) => type))].filter((type) => !told.has(type))).toEqual([]);
});

test("it stays short", () => {
  expect(text.split("\n").length).toBeLessThanOrEqual(150);
});
