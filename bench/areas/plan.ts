import { resourceUsage } from "node:process";
import { makePlan, type PlanRequest } from "../../src/core/plan/make-plan.js";
import { type Figure, figure } from "../figure.js";
import { largeRequest } from "../large-plan.js";
import { inTurn } from "../timed.js";

const targets = 2_000;

/** Planning alone: what was observed is given. Memory is the peak of this process, measured in one of its own. */
export async function planning(): Promise<Figure[]> {
  const request = largeRequest(targets);
  let steps = 0;
  const times = await inTurn(5, () => {
    const started = performance.now();
    steps = planned(request);
    return performance.now() - started;
  });
  const what = `${targets} targets, ${steps} steps`;
  const megabytes = resourceUsage().maxRSS / 1024;
  return [
    figure({ area: "plan", figure: "planning", unit: "ms", values: times, most: 1_000, against: what }),
    figure({
      area: "plan",
      figure: "peak memory",
      unit: "MB",
      values: [megabytes],
      most: 300,
      against: what,
    }),
  ];
}

function planned(request: PlanRequest): number {
  const result = makePlan(request);
  if (!("plan" in result)) throw new Error("the large request could not be planned");
  return result.plan.steps.length;
}
