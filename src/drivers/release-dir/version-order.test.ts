import fc from "fast-check";
import { expect, test } from "vitest";
import { byVersion } from "./version-order.js";

test.each([
  { names: ["v2.10.0", "v2.9.0"], sorted: ["v2.9.0", "v2.10.0"] },
  { names: ["1.0.0", "1.0.0-rc.2", "1.0.0-rc.10"], sorted: ["1.0.0-rc.2", "1.0.0-rc.10", "1.0.0"] },
  { names: ["20261122", "20260131"], sorted: ["20260131", "20261122"] },
  { names: ["v10", "v9.1", "v9"], sorted: ["v9", "v9.1", "v10"] },
  { names: ["v1", "hotfix-10", "hotfix-9"], sorted: ["hotfix-9", "hotfix-10", "v1"] },
])("H13 $names are put in version order", ({ names, sorted }) => {
  expect([...names].sort(byVersion)).toEqual(sorted);
});

const name = fc.oneof(
  fc.array(fc.nat(20), { minLength: 1, maxLength: 4 }).map((parts) => `v${parts.join(".")}`),
  fc.tuple(fc.nat(3), fc.nat(12)).map(([major, rc]) => `${major}.0.0-rc.${rc}`),
  fc.string({ maxLength: 6 }),
);

test("H13 version order is a total order", () => {
  fc.assert(
    fc.property(name, name, name, (a, b, c) => {
      expect(Math.sign(byVersion(a, b))).toBe(0 - Math.sign(byVersion(b, a)));
      expect(byVersion(a, b) === 0).toBe(a === b);
      if (byVersion(a, b) < 0 && byVersion(b, c) < 0) expect(byVersion(a, c)).toBeLessThan(0);
    }),
  );
});
