import type { Command } from "commander";
import type { PlanChoice } from "../../app/plan-rollback.js";
import type { RollbackRequest } from "../../app/roll-back.js";
import type { OpenServices } from "../../app/services.js";
import type { Wiring } from "../../app/wiring.js";
import { BackoutError } from "../../core/errors.js";
import type { Plan } from "../../core/plan/plan.js";
import { addServicesCommand } from "../add-command.js";
import { confirm } from "../confirm.js";
import { addPlanOptions, type PlanOptions, planChoice } from "../plan-options.js";
import { followToEnd, showRun } from "../run-output.js";
import type { Session } from "../session.js";

export const runExits = {
  3: "rolled back but not verified",
  4: "stopped half-way, resumable",
  5: "another run holds the lock",
};

const help = {
  summary: "go back: plan, ask once, execute, verify",
  examples: [
    "backout rollback",
    "backout rollback code --change v2 --reason 'errors above 5 %'",
    "backout rollback --yes --json",
  ],
  exits: runExits,
};

interface Options extends PlanOptions {
  readonly yes?: boolean;
  readonly reason?: string;
}

export const addRollback = (program: Command, wiring: Wiring): Command =>
  addPlanOptions(
    addServicesCommand<Options>(program, "rollback [scenario]", help, wiring, async (call) => {
      const { session, services, options, args } = call;
      const choice = planChoice(session, options, args[0]);
      const joined = await joinRunning(session, services, choice);
      if (joined !== undefined) return joined;
      await refuseEarly(services, choice);
      const { lastRun } = await import("../../app/find-run.js");
      const seen = { run: (await lastRun(services))?.run.id };
      const { planRollback } = await import("../../app/plan-rollback.js");
      const plan = await planRollback(services, choice);
      if (plan.steps.every((step) => step.kind !== "apply")) return tellNothingToDo(session, plan);
      if (!(await agreed(session, plan, options.yes ?? false))) return 1;
      const reason = options.reason ?? "asked for on the command line";
      return execute(session, services, plan, { reason, seen });
    }),
  )
    .option("-y, --yes", "do not ask")
    .option("--reason <text>", "why, for the timeline and the report");

/** Somebody is doing it already: watch that run instead of starting a second one. */
async function joinRunning(
  session: Session,
  services: OpenServices,
  choice: PlanChoice,
): Promise<number | undefined> {
  const { runningRun } = await import("../../app/run-lease.js");
  const id = await runningRun(services);
  if (id === undefined) return undefined;
  const { plan } = await services.journal.run(id);
  if (choice.scenario !== undefined && choice.scenario !== plan.scenario) {
    throw new BackoutError(
      "LOCKED",
      `run "${id}" (${plan.scenario}) is in progress; ${choice.scenario} would get in its way`,
      {
        effect: "none",
        hint: "backout status, and backout cancel to end it",
      },
    );
  }
  session.note(`run ${id} (${plan.scenario}) is in progress already; joined it`);
  return followToEnd(session, services, id);
}

/** Before a plan is shown that could not be executed. */
async function refuseEarly(services: OpenServices, { scenario }: PlanChoice): Promise<void> {
  const [only, ...others] = Object.keys(services.playbook.scenarios);
  const wanted = scenario ?? (others.length === 0 ? only : undefined);
  if (wanted === undefined) return;
  const { refuseUnfinished } = await import("../../app/roll-back.js");
  await refuseUnfinished(services, { scenario: wanted });
}

function tellNothingToDo(session: Session, plan: Plan): number {
  if (session.options.json) session.json({ nothingToDo: true, plan: plan.digest });
  else
    session.print(`${plan.scenario}: everything is as the checkpoint has it; there is nothing to roll back`);
  return 0;
}

async function agreed(session: Session, plan: Plan, yes: boolean): Promise<boolean> {
  if (!session.options.json) {
    const { renderPlan } = await import("../render/render-plan.js");
    session.print(renderPlan(plan, { ...session.render(), all: false }));
  }
  if (yes) return true;
  if (!session.interactive) {
    throw new BackoutError("USAGE", "rollback: nobody can be asked here, since this is not a terminal", {
      effect: "none",
      hint: "backout plan to look, backout rollback --yes to go",
    });
  }
  await repeatHeadline(session, plan);
  if (await confirm(session, "Roll back like this?")) return true;
  session.print("nothing was changed");
  return false;
}

/** A plan taller than the terminal has pushed out of sight what must be read before saying yes. */
async function repeatHeadline(session: Session, plan: Plan): Promise<void> {
  const { renderPlan } = await import("../render/render-plan.js");
  const { planHeadline } = await import("../render/plan-headline.js");
  const options = session.render();
  const lines = renderPlan(plan, { ...options, all: false }).split("\n").length;
  if (lines + 1 >= session.stdout.rows) session.print(`\n${planHeadline(plan, options).join("\n")}`);
}

async function execute(
  session: Session,
  services: OpenServices,
  plan: Plan,
  request: Pick<RollbackRequest, "reason" | "seen">,
): Promise<number> {
  const { rollBack } = await import("../../app/roll-back.js");
  try {
    return await showRun(session, services, plan, (events) =>
      rollBack(services, plan, { ...events, ...request }),
    );
  } catch (error) {
    if (error instanceof BackoutError && error.code === "LOCKED") {
      const joined = await joinRunning(session, services, {
        signal: session.interrupt,
        scenario: plan.scenario,
      });
      if (joined !== undefined) return joined;
    }
    throw error;
  }
}
