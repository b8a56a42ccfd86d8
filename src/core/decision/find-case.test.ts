import fc from "fast-check";
import { expect, test } from "vitest";
import { compileCondition, type World } from "./condition.js";
import { decisionVariables } from "./decision-tree.js";
import { type Facts, findCase } from "./find-case.js";

const facts: Facts = {
  triggers: { red_a: "RED", red_b: "RED", yellow: "YELLOW", quiet: "GREEN" },
  changes: ["v1", "v2"],
};
const names = Object.keys(facts.triggers);
const variables = decisionVariables(names);

const atom = fc.oneof(
  fc.constantFrom(...names),
  fc.constantFrom(
    'verdict == "RED"',
    'verdict != "GREEN"',
    'verdict in ["YELLOW", "UNKNOWN"]',
    '"v1" == change',
  ),
  // Not looked into, only evaluated.
  fc.constantFrom("[red_a, yellow].exists(x, x)", "red_a == red_b", "yellow ? red_b : quiet"),
);
const condition = fc.letrec<{ any: string }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 3, depthSize: "medium" },
    atom,
    tie("any").map((inner) => `!(${inner})`),
    fc
      .tuple(tie("any"), fc.constantFrom("&&", "||"), tie("any"))
      .map(([a, sign, b]) => `(${a} ${sign} ${b})`),
  ),
})).any;

/** Every case there can be, the verdict as the triggers make it. */
function* cases(): Generator<Record<string, boolean | string>> {
  for (let bits = 0; bits < 2 ** names.length; bits++) {
    const fires = Object.fromEntries(names.map((name, place) => [name, (bits & (1 << place)) !== 0]));
    const level = (of: string) => names.some((name) => facts.triggers[name] === of && fires[name]);
    const verdicts = level("RED") ? ["RED"] : level("YELLOW") ? ["YELLOW"] : ["UNKNOWN", "GREEN"];
    for (const verdict of verdicts)
      for (const change of ["", "v1", "v2"]) yield { ...fires, verdict, change };
  }
}

const worldOf = (values: Record<string, boolean | string>): World =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, [value]]));

test("H77 a case is found exactly where one of all cases meets the demands", () => {
  const demands = fc.array(fc.tuple(condition, fc.boolean()), { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(demands, (wanted) => {
      const all = wanted.map(([text, holds]) => ({
        condition: compileCondition(text, variables, "here"),
        holds,
      }));
      const meets = (values: Record<string, boolean | string>) =>
        all.every(({ condition: one, holds }) => one.judge(worldOf(values)) === holds);
      const possible = [...cases()].some(meets);
      const found = findCase(facts, all, { left: 100_000 });
      expect(found === "none" ? "none" : "found").toBe(possible ? "found" : "none");
    }),
    { numRuns: 400 },
  );
});

test("what would take too long is not proven", () => {
  const demand = { condition: compileCondition("red_a && red_b", variables, "here"), holds: true };
  expect(findCase(facts, [demand], { left: 1 })).toBe("unproven");
});
