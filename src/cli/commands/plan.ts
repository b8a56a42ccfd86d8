import type { Command } from "commander";
import type { Wiring } from "../../app/wiring.js";
import { addServicesCommand } from "../add-command.js";
import { addPlanOptions, type PlanOptions, planChoice, withPlaces } from "../plan-options.js";

const help = {
  summary: "show the way back: steps, duration, downtime, data loss; nothing moves",
  examples: [
    "backout plan",
    "backout plan code --change v2",
    "backout plan --json | jq .estimate",
    "backout plan full --to-revision api=3",
  ],
};

export const addPlan = (program: Command, wiring: Wiring): Command =>
  addPlanOptions(
    addServicesCommand<PlanOptions & { all?: boolean }>(
      program,
      "plan [scenario]",
      help,
      wiring,
      async ({ session, options, args, ...call }) => {
        const { services, scenario } = await withPlaces(call.services, options, args[0]);
        const { planRollback } = await import("../../app/plan-rollback.js");
        const plan = await planRollback(services, planChoice(session, options, scenario));
        const { unfinishedRun } = await import("../../app/find-run.js");
        const open = (await unfinishedRun(services))?.run;
        if (options.json) session.json(plan);
        else {
          const { renderPlan } = await import("../render/render-plan.js");
          session.print(renderPlan(plan, { ...session.render(), all: options.all ?? false }));
        }
        if (open !== undefined) {
          session.note(`run "${open.id}" (${open.plan.scenario}) is not finished; it comes first`);
          session.note("  hint: backout status");
        }
        return 0;
      },
    ).option("--all", "every step, however many"),
  );
