import { rmSync } from "node:fs";
import { join } from "node:path";
import type { Plan } from "../../src/core/plan/plan.js";
import type { Figure } from "../figure.js";
import {
  besideScriptFigures,
  copied,
  layRealSteps,
  realPerformer,
  realSteps,
  script,
} from "../real-steps.js";
import { ended, inFolder, runPlan } from "../run-plan.js";
import { inTurn, timeProcess } from "../timed.js";

/** The embedded engine beside a script. */
export const besideScript = (): Promise<Figure[]> =>
  inFolder(async (folder) => {
    layRealSteps(folder);
    const rounds = await inTurn(5, async () => ({
      script: copied(folder, timeProcess(script, { cwd: folder })),
      chain: copied(folder, await timed(folder, realSteps(1))),
      parallel: copied(folder, await timed(folder, realSteps(5))),
    }));
    return besideScriptFigures("run", rounds);
  });

/** From the decision, the plan being there, to the end: what a controller that runs already needs for it. */
async function timed(folder: string, planned: Plan): Promise<number> {
  const state = join(folder, "state");
  const started = performance.now();
  ended(await runPlan(state, planned, { performer: realPerformer(folder, state) }));
  const ms = performance.now() - started;
  rmSync(state, { recursive: true });
  return ms;
}
