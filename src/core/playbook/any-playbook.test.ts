import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parse, valid } from "./test-parse.js";

describe("any text", () => {
  const words = [
    ..."{}[]:,-&*!|>'\"#%@`$? \t\n",
    "\n  ",
    "backout: 1\n",
    "targets:",
    "uses: [a]",
    "<<: ",
    "${",
    "${a}",
    "driver: sqlite",
    "__proto__: ",
    "- ",
    "when: ",
    "&a ",
    "*a ",
    "\u0000",
    "é",
  ];
  test("gives problems or a playbook, never an exception", async () => {
    const soup = fc.array(fc.constantFrom(...words), { maxLength: 60 }).map((all) => all.join(""));
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          soup,
          fc.string(),
          soup.map((text) => valid + text),
        ),
        async (text) => {
          const { playbook, problems } = await parse(text);
          expect(playbook !== undefined || problems.some(({ severity }) => severity === "error")).toBe(true);
        },
      ),
      { numRuns: 600 },
    );
  });

  test("any bytes too", async () => {
    await fc.assert(fc.asyncProperty(fc.uint8Array(), async (bytes) => void (await parse(bytes))));
  });

  test("any tree of values too", async () => {
    const sections = fc.constantFrom(
      "targets",
      "changes",
      "scenarios",
      "triggers",
      "decisions",
      "signals",
      "checks",
      "environments",
      "variables",
      "encryption",
      "watch",
    );
    await fc.assert(
      fc.asyncProperty(fc.dictionary(sections, fc.jsonValue({ maxDepth: 4 })), async (tree) => {
        await parse(JSON.stringify({ backout: 1, system: "s", ...tree }));
      }),
      { numRuns: 400 },
    );
  });
});
