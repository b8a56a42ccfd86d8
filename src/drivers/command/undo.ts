import type { DoneStep, DoneWork, UndoDriver } from "../../core/driver.js";
import { BackoutError } from "../../core/errors.js";
import { sameIdentity } from "../../core/same-identity.js";
import { observe as observeNow, type TargetData, unobserved } from "./identity.js";
import { aroundSteps, step } from "./plan.js";
import type { TargetOptions } from "./target-options.js";

const refused = (message: string, hint: string): BackoutError =>
  new BackoutError("REFUSED", message, { effect: "none", hint });

/** The step that changed the target: of a rollback, or of an undo. */
const changing = (done: DoneWork<TargetData>): DoneStep | undefined =>
  done.steps.findLast(({ operation }) => operation === "restore" || operation === "undo");

/** What that step brought; `undefined` where nobody can see it. */
function broughtBy({ operation, input }: DoneStep, { captured }: DoneWork<TargetData>): unknown {
  const brought = operation === "undo" ? input["wanted"] : captured?.identity;
  return brought === unobserved ? undefined : brought;
}

/** Only the team's own programs know how: the one that restored must have kept what the `undo` program brings back. */
export const undo: UndoDriver<TargetOptions, TargetData, null> = {
  async observe(done, options, context) {
    return { ...(await observeNow(options, context)), to: done.left };
  },
  plan({ done, observed, options, intent }) {
    const around = aroundSteps(options, intent);
    const taken = changing(done);
    const wanted = String(taken?.input["before"] ?? unobserved);
    if (taken === undefined || (observed.identity === wanted && wanted !== unobserved)) return around;
    if (options.undo === undefined) {
      throw refused(
        "there is no `undo` program that takes its restore back",
        "bring the new version out again",
      );
    }
    const brought = broughtBy(taken, done);
    if (observed.identity !== unobserved && brought !== undefined && observed.identity !== brought) {
      throw refused(
        `it was changed since the run, it is now "${observed.summary}"`,
        "what was changed would be lost: look who did, or take it back by hand",
      );
    }
    const base = step(options, "undo", "restore");
    return [
      ...around,
      {
        ...base,
        input: { ...base.input, undoes: taken.key, before: observed.identity, wanted },
        impact: {
          changes: [{ what: "state", before: observed.summary, after: observed.to.summary }],
        },
        exclusive: options.exclusive,
        expectedMs: options.expected ?? base.expectedMs,
      },
    ];
  },
  async verify(to, options, context) {
    const now = await observeNow(options, context);
    if (now.identity === unobserved) return [];
    return [sameIdentity("state is what was left", to, now)];
  },
};
