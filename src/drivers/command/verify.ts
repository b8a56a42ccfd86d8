import type { CapturedPart, Check, DriverContext } from "../../core/driver.js";
import { askProgram, orError } from "./ask-program.js";
import { currentIdentity, type TargetData, unobserved } from "./identity.js";
import type { TargetOptions } from "./target-options.js";

export async function verify(
  captured: CapturedPart<TargetData>,
  options: TargetOptions,
  context: DriverContext,
): Promise<Check[]> {
  const checks: Check[] = [];
  if (captured.identity !== unobserved) {
    const name = "state is what was captured";
    checks.push(
      await orError(name, context, async () => {
        const actual = await currentIdentity(options, context);
        const result = actual === captured.identity ? "passed" : "failed";
        return { name, result, expected: captured.identity, actual };
      }),
    );
  }
  if (options.verify !== undefined) {
    checks.push(await askProgram("verify program", options.verify, context, { BACKOUT_OPERATION: "verify" }));
  }
  return checks;
}
