import { expect, test } from "vitest";
import * as z from "zod";
import { defineTarget } from "../driver.js";
import { involvedTargets } from "./involved-targets.js";

const driver = defineTarget({
  id: "owner",
  title: "owns what its options say",
  options: z.strictObject({ over: z.array(z.string()) }),
  claims: ({ over }) => [...over],
  observe: async () => ({ identity: "", summary: "", data: {} }),
  plan: () => [],
  apply: async () => ({ summary: "", changed: false }),
  settle: async () => ({ state: "not-applied", summary: "" }),
});
const drivers = new Map([["owner", driver]]);

const target = (uses: readonly string[] = [], ...over: string[]) => ({
  driver: "owner",
  uses,
  with: { over },
});

const far = { a: target(), b: target(["a"]), c: target(["b"]), d: target() };
const ways = {
  db: target([], "db"),
  api: target(["db"], "ns/api"),
  anew: target(["db"], "ns/api, recreate", "ns/web, recreate"),
  web: target(["db"], "ns/web"),
  elsewhere: target(["db"], "ns/other"),
};
const lonely = { ...ways, anew: { ...ways.anew, uses: [] } };

test.each([
  ["targets that use a restored one are looked at, however far away", far, ["a"], [], ["a", "b", "c"]],
  [
    "W08 whom another way replaces is not stopped and started beside it",
    ways,
    ["db", "anew"],
    [],
    ["db", "anew", "elsewhere"],
  ],
  ["it is when it is named", ways, ["db", "anew"], ["web"], ["db", "anew", "web", "elsewhere"]],
  [
    "the other way, not asked for, is left alone",
    ways,
    ["db", "api", "web"],
    [],
    ["db", "api", "web", "elsewhere"],
  ],
  [
    "what does not stop for the database replaces nobody who does",
    lonely,
    ["db", "anew"],
    [],
    ["db", "api", "anew", "web", "elsewhere"],
  ],
])("%s", (_, targets, restore, restart, involved) => {
  expect(involvedTargets({ targets }, { restore, restart }, drivers)).toEqual(involved);
});

test("without its driver nobody is left out", () => {
  const scenario = { restore: ["db", "anew"], restart: [] };
  expect(involvedTargets({ targets: ways }, scenario, new Map())).toEqual(Object.keys(ways));
});
