import type { Check, Observation } from "./driver.js";

/** One check: the same identity is there. */
export const sameIdentity = (
  name: string,
  to: Pick<Observation, "identity" | "summary">,
  now: Pick<Observation, "identity" | "summary">,
): Check => ({
  name,
  result: now.identity === to.identity ? "passed" : "failed",
  expected: to.summary,
  actual: now.summary,
});
